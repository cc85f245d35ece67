"""Limits on trying, passes of guests with codes, and sessions with a cap."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "limit_window",
        sa.Column("key", sa.String(length=22), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_limit_window_until", "limit_window", ["until"])
    op.create_table(
        "guest_pass",
        sa.Column("guest_id", sa.Uuid(), nullable=False),
        sa.Column("area_id", sa.Integer(), nullable=True),
        sa.Column("site_id", sa.Integer(), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=True),
        sa.Column("octets", sa.BigInteger(), nullable=True),
        sa.Column("devices", sa.Integer(), nullable=True),
        sa.Column("up_kbps", sa.Integer(), nullable=True),
        sa.Column("down_kbps", sa.Integer(), nullable=True),
        sa.Column("spent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("num_nulls(area_id, site_id) > 0", name="one_place_or_all"),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"]),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"]),
        sa.PrimaryKeyConstraint("guest_id"),
    )
    op.create_index("ix_guest_pass_valid_until", "guest_pass", ["valid_until"])
    op.add_column("credential", sa.Column("cap_seconds", sa.Integer(), nullable=True))
    op.add_column("credential", sa.Column("cap_octets", sa.BigInteger(), nullable=True))
