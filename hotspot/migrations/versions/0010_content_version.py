"""The version of what pages show, and the triggers that count it on."""

import sqlalchemy as sa
from alembic import op

from hotspot.migrations.shown import pages_show

revision = "0010"
down_revision = "0009"

# Several changes of one transaction are one step: the row is written once, not once for each of a thousand imported sites.
CONTENT_CHANGED = """
    CREATE FUNCTION content_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO content_version AS known (id, version, changed_in) VALUES (1, 1, txid_current())
        ON CONFLICT (id) DO UPDATE SET version = known.version + 1, changed_in = txid_current()
        WHERE known.changed_in <> txid_current();
        RETURN NULL;
    END $$
"""


def upgrade() -> None:
    op.create_table(
        "content_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("changed_in", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name="one_row"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute(CONTENT_CHANGED)
    for table in ("area", "site", "setting", "terms", "banner"):
        pages_show(table)
    pages_show("router", "site_id", "name", "address", "login_host", "state")
