"""How a guest had signed in when they agreed, and attempts to get online."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("consent", sa.Column("method", sa.String(length=16), nullable=False, server_default="one-tap"))
    op.alter_column("consent", "method", server_default=None)
    op.create_table(
        "sign_in_attempt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("router_id", sa.Integer(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("support_code", sa.String(length=5), nullable=False),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("consent_id", sa.Integer(), nullable=False),
        sa.Column("press", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.Uuid(), nullable=False),
        sa.Column("told_id", sa.Uuid(), nullable=True),
        sa.Column("way", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=24), nullable=True),
        sa.Column("answer", sa.String(length=200), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("browser", sa.String(length=16), nullable=False),
        sa.Column("handed", sa.LargeBinary(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fell_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    is_open = sa.text("decided_at IS NULL")
    op.create_index(
        "ux_sign_in_attempt_open", "sign_in_attempt", ["site_id", "device_id"], unique=True, postgresql_where=is_open
    )
    op.create_index("ix_sign_in_attempt_code", "sign_in_attempt", ["support_code"])
    op.create_index("ix_sign_in_attempt_device", "sign_in_attempt", ["device_id", "requested_at"])
    op.create_index("ix_sign_in_attempt_requested_at", "sign_in_attempt", ["requested_at"])
