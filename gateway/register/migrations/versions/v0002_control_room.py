"""The control room: the audit trail, the tokens of operators, the changes that are planned."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_GENESIS = "0" * 64

# Whoever wants to rewrite the trail has to take this away first, which no statement does by mistake.
_SQLITE_GUARDS = (
    "CREATE TRIGGER audit_keeps_{verb} BEFORE {verb} ON audit "
    "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
)
_POSTGRESQL_GUARD = (
    (
        "CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END $$"
    ),
    (
        "CREATE TRIGGER audit_keeps BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()"
    ),
)


def upgrade() -> None:
    _create_audit()
    _guard_audit()
    _create_tokens()
    _create_plans()


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("sequence", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("programme", sa.String(32)),
        sa.Column("subject", sa.String(64)),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_audit"),
    )
    op.create_index("ix_audit_subject", "audit", ["subject"])
    head = op.create_table(
        "audit_head",
        sa.Column("sequence", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_audit_head"),
    )
    op.bulk_insert(head, [{"sequence": 0, "hash": _GENESIS}])


def _guard_audit() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(_SQLITE_GUARDS.format(verb=verb))
    else:
        for statement in _POSTGRESQL_GUARD:
            op.execute(statement)


def _create_tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger, nullable=False),
        sa.Column("revoked_at_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("token_hash", name="pk_tokens"),
    )
    op.create_index(
        "ix_tokens_name",
        "tokens",
        ["name"],
        unique=True,
        sqlite_where=sa.text("revoked_at_ms IS NULL"),
        postgresql_where=sa.text("revoked_at_ms IS NULL"),
    )


def _create_plans() -> None:
    op.create_table(
        "plans",
        sa.Column("change", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("programme", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("for_seconds", sa.Integer),
        sa.Column("changes", sa.Text, nullable=False),
        sa.Column("expected", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("goes_back", sa.Boolean, nullable=False),
        sa.Column("claimed_at_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("change", name="pk_plans"),
    )
    op.create_index("ix_plans_state", "plans", ["state", "at_ms"])


def downgrade() -> None:
    for table in ("plans", "tokens", "audit_head", "audit"):
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION refuse_audit_change()")
