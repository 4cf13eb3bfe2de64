"""The journal of applications: applications, their histories, journal numbers, decisions."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_applications()
    _index_applications()
    op.create_table(
        "history",
        sa.Column("application_id", sa.String(64), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("application_id", "position", name="pk_history"),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.application_id"], name="fk_history_application_id"
        ),
    )
    op.create_table(
        "counters",
        sa.Column("programme", sa.String(32), nullable=False),
        sa.Column("year", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("programme", "year", name="pk_counters"),
    )
    op.create_table(
        "decisions",
        sa.Column("application_id", sa.String(64), nullable=False),
        sa.Column("decision", sa.String(16), nullable=False),
        sa.Column("decided_at_ms", sa.BigInteger, nullable=False),
        sa.Column("received_at_ms", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text),
        sa.PrimaryKeyConstraint("application_id", name="pk_decisions"),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.application_id"], name="fk_decisions_application_id"
        ),
    )


def _create_applications() -> None:
    op.create_table(
        "applications",
        sa.Column("application_id", sa.String(64), nullable=False),
        sa.Column("programme", sa.String(32), nullable=False),
        sa.Column("year", sa.Integer, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("category", sa.String(64), nullable=False),
        sa.Column("person", sa.String(32), nullable=False),
        sa.Column("phone_hash", sa.String(32)),
        sa.Column("receipt_hash", sa.String(64), nullable=False),
        sa.Column("sealed", sa.LargeBinary),
        sa.Column("sealed_phone", sa.LargeBinary),
        sa.Column("record_version", sa.Integer, nullable=False),
        sa.Column("accepted_at_ms", sa.BigInteger, nullable=False),
        sa.Column("park_reason", sa.Text),
        sa.Column("retry_at_ms", sa.BigInteger),
        sa.Column("parked_since_ms", sa.BigInteger),
        sa.Column("parks", sa.Integer, nullable=False),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("ended_at_ms", sa.BigInteger),
        sa.Column("notified_at_ms", sa.BigInteger),
        sa.Column("erased_at_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("application_id", name="pk_applications"),
        sa.UniqueConstraint("number", name="uq_applications_number"),
    )


def _index_applications() -> None:
    op.create_index("ix_applications_state", "applications", ["programme", "state", "retry_at_ms"])
    op.create_index("ix_applications_person", "applications", ["programme", "person"])
    for name, condition in (
        ("ix_applications_undelivered", "ended_at_ms IS NOT NULL AND notified_at_ms IS NULL"),
        ("ix_applications_unerased", "ended_at_ms IS NOT NULL AND erased_at_ms IS NULL"),
    ):
        op.create_index(
            name,
            "applications",
            ["programme", "ended_at_ms"],
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )


def downgrade() -> None:
    for table in ("decisions", "history", "counters", "applications"):
        op.drop_table(table)
