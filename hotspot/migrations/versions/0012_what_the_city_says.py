"""Information with pictures, schedule, approval and counts; emergency broadcasts; how to reach a kelurahan; duty officers."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from hotspot.migrations.shown import pages_show

revision = "0012"
down_revision = "0011"


def _moment(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _person(name: str, *, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), sa.ForeignKey("staff_account.id"), nullable=nullable)


def upgrade() -> None:
    op.add_column("area", sa.Column("website", sa.String(length=300), nullable=True))
    op.add_column("area", sa.Column("social_media", postgresql.JSONB(none_as_null=True), nullable=True))
    op.add_column(
        "staff_account", sa.Column("is_duty_officer", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.alter_column("staff_account", "is_duty_officer", server_default=None)
    _make_images()
    _widen_banners()
    _make_counts()
    _make_broadcasts()


def _make_images() -> None:
    op.create_table(
        "banner_image",
        sa.Column("sha256", sa.String(length=64), primary_key=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        _moment("added_at"),
    )


def _widen_banners() -> None:
    """Those that are there were shown by the word of whoever added them: they stay approved, by nobody in particular."""
    op.alter_column("banner", "area_id", nullable=True)
    op.add_column("banner", sa.Column("site_id", sa.Integer(), sa.ForeignKey("site.id"), nullable=True))
    op.add_column("banner", sa.Column("link", sa.String(length=300), server_default="", nullable=False))
    op.add_column(
        "banner", sa.Column("image", sa.String(length=64), sa.ForeignKey("banner_image.sha256"), nullable=True)
    )
    op.add_column("banner", sa.Column("weekdays", sa.String(length=7), server_default="1234567", nullable=False))
    op.add_column("banner", sa.Column("hours", sa.String(length=11), server_default="", nullable=False))
    op.add_column("banner", sa.Column("share", sa.Integer(), server_default="100", nullable=False))
    op.add_column("banner", sa.Column("revision", sa.Integer(), server_default="1", nullable=False))
    for name in ("link", "weekdays", "hours", "share", "revision"):
        op.alter_column("banner", name, server_default=None)
    for who in ("drafted", "approved", "ended"):
        op.add_column("banner", _person(f"{who}_by"))
        op.add_column("banner", _moment(f"{who}_at", nullable=True))
    op.execute("UPDATE banner SET drafted_at = starts_at, approved_at = starts_at")
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table can't be altered while it has triggers to run at the commit
    op.alter_column("banner", "drafted_at", nullable=False)
    op.create_check_constraint("one_place", "banner", "num_nonnulls(area_id, site_id) = 1")
    op.create_index("ix_banner_site_id", "banner", ["site_id"])
    op.create_index("ix_banner_image", "banner", ["image"])


def _make_counts() -> None:
    op.create_table(
        "banner_count",
        sa.Column("banner_id", sa.Integer(), sa.ForeignKey("banner.id"), nullable=False),
        sa.Column("site_id", sa.Integer(), sa.ForeignKey("site.id"), nullable=False),
        _moment("hour"),
        sa.Column("shown", sa.Integer(), nullable=False),
        sa.Column("followed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("banner_id", "site_id", "hour"),
    )
    op.create_index("ix_banner_count_site_id", "banner_count", ["site_id"])


def _make_broadcasts() -> None:
    op.create_table(
        "broadcast",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("area_id", sa.Integer(), sa.ForeignKey("area.id"), nullable=False),
        sa.Column("texts", postgresql.JSONB(), nullable=False),
        sa.Column("is_drill", sa.Boolean(), nullable=False),
        sa.Column("is_alone", sa.Boolean(), nullable=False),
        _moment("ends_at"),
        _person("drafted_by", nullable=False),
        _moment("drafted_at"),
        _moment("started_at", nullable=True),
        _person("approved_by"),
        _person("ended_by"),
        _moment("ended_at", nullable=True),
        _person("reviewed_by"),
        _moment("reviewed_at", nullable=True),
    )
    op.create_index("ix_broadcast_area_id", "broadcast", ["area_id"])
    op.create_index("ix_broadcast_ends_at", "broadcast", ["ends_at"])
    pages_show("broadcast")
