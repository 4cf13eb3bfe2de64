"""Contested applications: when an official said that a phone is the person's all the same."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("applications", sa.Column("upheld_at_ms", sa.BigInteger))


def downgrade() -> None:
    op.drop_column("applications", "upheld_at_ms")
