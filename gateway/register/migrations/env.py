"""Run by alembic; the connection, its lock and its transaction come from `gateway.register.migrate`."""

from alembic import context

from gateway.register.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
