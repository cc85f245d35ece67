"""Limits on trying, counted by all processes together."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "limit_window",
        sa.Column("key", sa.String(length=22), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_limit_window_until", "limit_window", ["until"])
