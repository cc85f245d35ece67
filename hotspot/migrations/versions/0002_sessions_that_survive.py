"""Admissions, blocked devices, guests with several devices; sessions that say how they ended."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "admission",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("router_id", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("guest_id", sa.Uuid(), nullable=True),
        sa.Column("refusal", sa.String(length=24), nullable=True),
        sa.Column("user_name", sa.LargeBinary(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("slowed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_admission_guest", "admission", ["guest_id", "decided_at"])
    op.create_index("ix_admission_decided_at", "admission", ["decided_at"])
    op.create_index(
        "ix_admission_named", "admission", ["held_until"], postgresql_where=sa.text("user_name IS NOT NULL")
    )
    op.create_table(
        "blocked_device",
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("blocked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("device_id"),
    )

    op.add_column("terms", sa.Column("is_material", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.alter_column("terms", "is_material", server_default=None)

    for table in ("consent", "credential"):
        op.add_column(table, sa.Column("guest_id", sa.Uuid(), nullable=True))
        op.execute(f"UPDATE {table} SET guest_id = device_id")  # noqa: S608  (one of two names above)
        op.alter_column(table, "guest_id", nullable=False)
    op.drop_index("ix_consent_device_id", "consent")
    op.create_index("ix_consent_device", "consent", ["device_id", "given_at"])

    op.add_column("router", sa.Column("coa_port", sa.Integer(), nullable=False, server_default="3799"))
    op.alter_column("router", "coa_port", server_default=None)
    op.add_column("router", sa.Column("previous_secret", sa.LargeBinary(), nullable=True))
    op.add_column("router", sa.Column("previous_until", sa.DateTime(timezone=True), nullable=True))

    _sessions()


def _sessions() -> None:
    op.alter_column("guest_session", "credential_id", new_column_name="admission_id")
    op.drop_column("guest_session", "user_name")
    op.add_column("guest_session", sa.Column("start_seen_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("guest_session", sa.Column("router_time", sa.DateTime(timezone=True), nullable=True))
    op.add_column("guest_session", sa.Column("ended_by", sa.String(length=10), nullable=True))
    op.execute("UPDATE guest_session SET ended_by = 'stop' WHERE ended_at IS NOT NULL")
    op.add_column("guest_session", sa.Column("counting", sa.SmallInteger(), nullable=False, server_default="2"))
    op.alter_column("guest_session", "counting", server_default=None)
    op.add_column("guest_session", sa.Column("suspicion", sa.String(length=10), nullable=True))
    op.add_column("guest_session", sa.Column("aside_hour", sa.DateTime(timezone=True), nullable=True))
    op.add_column("guest_session", sa.Column("aside_from_device", sa.BigInteger(), nullable=True))
    op.add_column("guest_session", sa.Column("aside_to_device", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_guest_session_open", "guest_session", ["router_id"], postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_index(
        "ix_guest_session_suspicion", "guest_session", ["started_at"], postgresql_where=sa.text("suspicion IS NOT NULL")
    )
