"""Routers that enrol themselves: what they report, their tunnel, their tokens, the inbox."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"

EMPTY = {"state": "'manual'", "model": "''", "version": "''", "licence": "''", "fingerprint": "''"}


def upgrade() -> None:
    _routers()
    op.create_table(
        "enrolment_token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=True),
        sa.Column("serial", sa.String(length=40), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("redeemed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("num_nonnulls(site_id, serial) > 0", name="bound"),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_table(
        "enrolment_caller",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("wireguard_key", sa.String(length=44), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("licence", sa.String(length=20), nullable=False),
        sa.Column("packages", JSONB(), nullable=False),
        sa.Column("device_mode", JSONB(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=45), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("serial", "wireguard_key"),
    )
    op.create_index("ix_enrolment_caller_last_at", "enrolment_caller", ["last_at"])
    op.create_table(
        "tunnel_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("private_key", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.String(length=44), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _routers() -> None:
    op.alter_column("router", "site_id", nullable=True)
    for name, length in (("state", 16), ("model", 64), ("version", 40), ("licence", 20), ("fingerprint", 64)):
        default = sa.text(EMPTY[name])
        op.add_column("router", sa.Column(name, sa.String(length=length), nullable=False, server_default=default))
        op.alter_column("router", name, server_default=None)
    for name, empty in (("packages", "'[]'"), ("device_mode", "'{}'")):
        op.add_column("router", sa.Column(name, JSONB(), nullable=False, server_default=sa.text(empty)))
        op.alter_column("router", name, server_default=None)
    for name, length in (
        ("serial", 40),
        ("wireguard_key", 44),
        ("tunnel_address", 15),
        ("previous_tunnel_address", 15),
    ):
        op.add_column("router", sa.Column(name, sa.String(length=length), nullable=True))
        op.create_unique_constraint(f"router_{name}_key", "router", [name])
    for name in ("bootstrap_password", "api_password", "next_api_password", "token_hash"):
        op.add_column("router", sa.Column(name, sa.LargeBinary(), nullable=True))
    for name in ("answers_until", "enrolled_at"):
        op.add_column("router", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
