"""What was planned for routers, what came of it, and sealed copies of their configuration."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "router_backup",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("router_id", sa.Integer(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["router_id"], ["router.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("router_id", "taken_at"),
    )
    op.create_table(
        "provision_plan",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("router_id", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(length=100), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("document", JSONB(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["router_id"], ["router.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_provision_plan_router_id_made_at", "provision_plan", ["router_id", "made_at"])
    op.create_table(
        "provision_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("router_id", sa.Integer(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("before", JSONB(), nullable=False),
        sa.Column("after", JSONB(), nullable=True),
        sa.Column("log", JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["provision_plan.id"]),
        sa.ForeignKeyConstraint(["router_id"], ["router.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_provision_run_router_id_started_at", "provision_run", ["router_id", "started_at"])
    op.create_index("ix_provision_run_plan_id", "provision_run", ["plan_id"])
