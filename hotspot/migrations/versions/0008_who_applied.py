"""Who applied a plan, which may be another one than who made it."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("provision_run", sa.Column("made_by", sa.String(length=100), nullable=True))
    op.execute(
        "UPDATE provision_run SET made_by = provision_plan.made_by FROM provision_plan WHERE provision_plan.id = plan_id"
    )
    op.alter_column("provision_run", "made_by", nullable=False)
