"""What the nightly check found, copies that can be loaded again, and tokens of programs."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    for name, length in (("model", 64), ("serial", 40), ("login", 64)):
        op.add_column("router_backup", sa.Column(name, sa.String(length), nullable=False, server_default=""))
        op.alter_column("router_backup", name, server_default=None)
    op.add_column("router_backup", sa.Column("image", sa.LargeBinary(), nullable=True))
    op.create_table(
        "router_check",
        sa.Column("router_id", sa.Integer(), nullable=False),
        sa.Column("night", sa.Date(), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("differs", sa.Integer(), nullable=True),
        sa.Column("plan_id", sa.Uuid(), nullable=True),
        sa.Column("drifted_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unreachable_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["provision_plan.id"]),
        sa.ForeignKeyConstraint(["router_id"], ["router.id"]),
        sa.PrimaryKeyConstraint("router_id"),
    )
    op.create_table(
        "staff_token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(length=60), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_account.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_index("ix_staff_token_staff_id", "staff_token", ["staff_id"])
