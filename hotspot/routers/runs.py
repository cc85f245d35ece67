"""Tables of what was planned for routers and what came of it; `backups` has the copies taken before."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import DateTime, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class ProvisionPlan(SQLModel, table=True):
    """What would change on a router, kept until somebody applies it.

    `document` is the plan as JSON; `fingerprint` the SHA-256, in hex, of what the router said of itself when it was made: a router
    that changed since isn't the one that was looked at. `made_by` names the member of staff, or the command.
    """

    __tablename__ = "provision_plan"
    __table_args__ = (Index("ix_provision_plan_router_id_made_at", "router_id", "made_at"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    router_id: int = Field(foreign_key="router.id")
    made_at: datetime = Field(sa_type=DateTime(timezone=True))
    made_by: str = Field(max_length=100)
    fingerprint: str = Field(max_length=64)
    document: dict[str, Any] = Field(sa_type=JSONB, nullable=False)
    state: str = Field(max_length=16)

    @property
    def only(self) -> tuple[str, ...]:
        """Return the menus that it is about; empty: all."""
        return tuple(self.document.get("only", ()))


class ProvisionRun(SQLModel, table=True):
    """One attempt to bring a plan onto its router: the rows before and after, how it ended and why.

    `made_by` names who applied it, which may be another one than who planned it. `ended_at` is empty while it runs; `after` when the router could not be read again. `log` has the statements that were given to the
    router (see `minutes`).
    """

    __tablename__ = "provision_run"
    __table_args__ = (Index("ix_provision_run_router_id_started_at", "router_id", "started_at"),)

    id: int | None = Field(default=None, primary_key=True)
    router_id: int = Field(foreign_key="router.id")
    plan_id: UUID = Field(foreign_key="provision_plan.id", index=True)
    started_at: datetime = Field(sa_type=DateTime(timezone=True))
    made_by: str = Field(max_length=100)
    ended_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    outcome: str = Field(max_length=16)
    reason: str = Field(default="")
    before: dict[str, Any] = Field(sa_type=JSONB, nullable=False)
    after: dict[str, Any] | None = Field(default=None, sa_type=JSONB(none_as_null=True), nullable=True)
    log: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSONB, nullable=False)
