"""The tables of the register. `migrations` builds the same ones; a test holds the two together."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    },
)

applications = Table(
    "applications",
    metadata,
    Column("application_id", String(64), primary_key=True),
    Column("programme", String(32), nullable=False),
    Column("year", Integer, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("number", String(64), nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("category", String(64), nullable=False),
    Column("person", String(32), nullable=False),
    Column("phone_hash", String(32)),
    Column("receipt_hash", String(64), nullable=False),
    Column("sealed", LargeBinary),
    Column("sealed_phone", LargeBinary),
    Column("record_version", Integer, nullable=False),
    Column("accepted_at_ms", BigInteger, nullable=False),
    Column("park_reason", Text),
    Column("retry_at_ms", BigInteger),
    Column("parked_since_ms", BigInteger),
    Column("parks", Integer, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("ended_at_ms", BigInteger),
    Column("notified_at_ms", BigInteger),
    Column("erased_at_ms", BigInteger),
    # An official has said that the phone is the person's.
    Column("upheld_at_ms", BigInteger),
)
Index(
    "ix_applications_state",
    applications.c.programme,
    applications.c.state,
    applications.c.retry_at_ms,
)
Index("ix_applications_person", applications.c.programme, applications.c.person)

# The ended pile up for years, those still to be told or erased are few: these two indexes hold only the few.
_UNDELIVERED = text("ended_at_ms IS NOT NULL AND notified_at_ms IS NULL")
Index(
    "ix_applications_undelivered",
    applications.c.programme,
    applications.c.ended_at_ms,
    sqlite_where=_UNDELIVERED,
    postgresql_where=_UNDELIVERED,
)
_UNERASED = text("ended_at_ms IS NOT NULL AND erased_at_ms IS NULL")
Index(
    "ix_applications_unerased",
    applications.c.programme,
    applications.c.ended_at_ms,
    sqlite_where=_UNERASED,
    postgresql_where=_UNERASED,
)

history = Table(
    "history",
    metadata,
    Column("application_id", ForeignKey(applications.c.application_id), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)

counters = Table(
    "counters",
    metadata,
    Column("programme", String(32), primary_key=True),
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("last", Integer, nullable=False),
)

decisions = Table(
    "decisions",
    metadata,
    Column("application_id", ForeignKey(applications.c.application_id), primary_key=True),
    Column("decision", String(16), nullable=False),
    Column("decided_at_ms", BigInteger, nullable=False),
    Column("received_at_ms", BigInteger, nullable=False),
    Column("reason", Text),
)

audit = Table(
    "audit",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("action", String(64), nullable=False),
    Column("programme", String(32)),
    Column("subject", String(64)),
    Column("details", Text, nullable=False),
    Column("reason", Text),
    Column("outcome", String(32), nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
Index("ix_audit_subject", audit.c.subject)

# One row. Apart from the lines, so that lines cut off at the end are missed.
audit_head = Table(
    "audit_head",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", String(64), nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
    Column("revoked_at_ms", BigInteger),
)
_UNREVOKED = text("revoked_at_ms IS NULL")
Index(
    "ix_tokens_name",
    tokens.c.name,
    unique=True,
    sqlite_where=_UNREVOKED,
    postgresql_where=_UNREVOKED,
)

# Keyed by the line of the audit trail that asked for the change; `changes` are what comes at `at_ms`.
plans = Table(
    "plans",
    metadata,
    Column("change", BigInteger, primary_key=True, autoincrement=False),
    Column("programme", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("for_seconds", Integer),
    Column("changes", Text, nullable=False),
    Column("expected", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("goes_back", Boolean, nullable=False),
    Column("claimed_at_ms", BigInteger),
)
Index("ix_plans_state", plans.c.state, plans.c.at_ms)
