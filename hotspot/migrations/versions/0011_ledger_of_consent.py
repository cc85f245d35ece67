"""Terms approved by a second person; consents, withdrawals and erasures in one chain that is only ever appended to."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

# One statement a batch, whoever appends: the lock is held until the commit, so numbers have no gaps and no two entries the same
# predecessor. Each statement of a volatile function sees what was committed while it waited (READ COMMITTED).
APPEND = """
CREATE FUNCTION ledger_append(new_kind text, moments timestamptz[], commitments bytea[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    before record;
    first bigint;
    number bigint;
    last bytea;
    this bytea;
    one record;
BEGIN
    PERFORM pg_advisory_xact_lock(1818518631);
    SELECT seq, hash INTO before FROM ledger_entry ORDER BY seq DESC LIMIT 1;
    first := COALESCE(before.seq, 0) + 1;
    last := COALESCE(before.hash, decode(repeat('00', 32), 'hex'));
    FOR one IN SELECT * FROM unnest(moments, commitments) WITH ORDINALITY AS given (at, commitment, place) ORDER BY place LOOP
        number := first + one.place - 1;
        this := sha256(convert_to(concat_ws(' ', encode(last, 'hex'), number,
            to_char(one.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00', new_kind,
            encode(one.commitment, 'hex')), 'UTF8'));
        INSERT INTO ledger_entry (seq, at, kind, commitment, prev, hash)
        VALUES (number, one.at, new_kind, one.commitment, last, this);
        last := this;
    END LOOP;
    RETURN first;
END $$
"""

REFUSE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is only ever appended to: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$
"""

GUARDS = {
    "ledger_entry": "UPDATE OR DELETE OR TRUNCATE",
    "consent": "UPDATE OR TRUNCATE",
    "withdrawal": "UPDATE OR TRUNCATE",
    "erasure": "UPDATE OR DELETE OR TRUNCATE",
}

# What was agreed to before there was a ledger is put into it now, in its order.
FACTS = """
    '{"device":"' || device_id || '","given_at":"'
    || to_char(given_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00'
    || '","guest":"' || guest_id || '","language":"' || language || '","method":"' || method || '","site":' || site_id
    || ',"terms_sha256":"' || terms_sha256 || '"}'
"""
CHAIN = f"""
WITH salted AS MATERIALIZED (
    SELECT id, given_at, decode(replace(gen_random_uuid()::text, '-', ''), 'hex') AS salt, {FACTS} AS facts FROM consent
), committed AS MATERIALIZED (
    SELECT id, given_at, salt, sha256(convert_to(encode(salt, 'hex') || facts, 'UTF8')) AS commitment,
        row_number() OVER (ORDER BY id) AS place
    FROM salted
), appended AS MATERIALIZED (
    SELECT ledger_append('given', array_agg(given_at ORDER BY place), array_agg(commitment ORDER BY place)) AS first
    FROM committed
)
UPDATE consent SET salt = committed.salt, entry = appended.first + committed.place - 1
FROM committed, appended WHERE consent.id = committed.id
"""  # noqa: S608  (our own text)


def upgrade() -> None:
    _approve_terms()
    _make_ledger()
    for column, kind in (("salt", sa.LargeBinary()), ("entry", sa.BigInteger())):
        op.add_column("consent", sa.Column(column, kind, nullable=True))
    op.execute(CHAIN)
    for column in ("salt", "entry"):
        op.alter_column("consent", column, nullable=False)
    op.create_unique_constraint("consent_entry_key", "consent", ["entry"])
    op.execute(REFUSE)
    for table, events in GUARDS.items():
        op.execute(
            f"CREATE TRIGGER append_only BEFORE {events} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def _approve_terms() -> None:
    """Give versions that hold already who published them: one person, when that was enough."""
    by_one = {"drafted_by": "unknown", "drafted_through": "before approval was needed"}
    for column in ("drafted_by", "drafted_through", "approved_by", "approved_through"):
        op.add_column("terms", sa.Column(column, sa.String(length=100), nullable=True))
    for column in ("drafted_at", "approved_at"):
        op.add_column("terms", sa.Column(column, sa.DateTime(timezone=True), nullable=True))
    op.execute(
        sa.text(
            "UPDATE terms SET drafted_by = :drafted_by, drafted_at = effective_at, drafted_through = :drafted_through,"
            " approved_by = 'installation', approved_at = effective_at, approved_through = :drafted_through"
        ).bindparams(**by_one)
    )
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table can't be altered while it has triggers to run at the commit
    for column in ("drafted_by", "drafted_at", "drafted_through"):
        op.alter_column("terms", column, nullable=False)
    op.create_check_constraint(
        "approval_is_whole", "terms", "num_nonnulls(approved_by, approved_at, approved_through) IN (0, 3)"
    )
    op.create_check_constraint("two_persons", "terms", "approved_by <> drafted_by")
    op.create_check_constraint("approved_before_it_holds", "terms", "approved_at <= effective_at")


def _make_ledger() -> None:
    op.create_table(
        "ledger_entry",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.Column("prev", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "withdrawal",
        sa.Column("entry", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("entry"),
    )
    op.create_index("ix_withdrawal_device", "withdrawal", ["device_id", "withdrawn_at"])
    op.create_table(
        "erasure",
        sa.Column("entry", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("consents", "withdrawals", "log_ins", "sessions")),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("entry"),
    )
    op.execute(APPEND)
