"""Tables of rollouts: what is brought to many routers, ring by ring, and where each of them stands."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import DateTime, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class RolloutKind(StrEnum):
    """What is brought: each router what its site says it should be, or a version of RouterOS."""

    CONFIGURATION = "configuration"
    FIRMWARE = "firmware"


class RolloutState(StrEnum):
    """`PAUSED` waits for a person; `DONE` has brought it to every router that was there, and follows those that come back."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    DONE = "done"


class Standing(StrEnum):
    """Where one router is: its ring isn't due, it is due, being worked on, as wanted, not as wanted, or didn't answer and is tried again."""

    WAITING = "waiting"
    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    OFFLINE = "offline"


class Rollout(SQLModel, table=True):
    """One order: for the area with this code and all below, or everywhere. `ring` is the one under way, `why` says what it waits for.

    `version` and `channel` are RouterOS' own words, of a firmware rollout. `at_any_time` doesn't wait for the night.
    """

    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(max_length=16)
    state: str = Field(max_length=16)
    why: str = Field(default="")
    ring: int
    area: str = Field(default="", max_length=32)
    version: str = Field(default="", max_length=20)
    channel: str = Field(default="", max_length=20)
    at_any_time: bool
    made_by: str = Field(max_length=100)
    made_at: datetime = Field(sa_type=DateTime(timezone=True))
    ended_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class RolloutRouter(SQLModel, table=True):
    """Where a router stands in a rollout, since when and why.

    `lost` counts how often it was lost while it was being changed. `packages` are those it had before its upgrade was begun. The plan
    is the one to look at, or that was applied by the run.
    """

    __tablename__ = "rollout_router"
    __table_args__ = (Index("ix_rollout_router_rollout_id_ring_state", "rollout_id", "ring", "state"),)

    rollout_id: int = Field(foreign_key="rollout.id", primary_key=True)
    router_id: int = Field(foreign_key="router.id", primary_key=True, index=True)
    ring: int
    state: str = Field(max_length=16)
    since: datetime = Field(sa_type=DateTime(timezone=True))
    why: str = Field(default="")
    lost: int = 0
    packages: list[str] | None = Field(default=None, sa_type=JSONB(none_as_null=True), nullable=True)
    plan_id: UUID | None = Field(default=None, foreign_key="provision_plan.id")
    run_id: int | None = Field(default=None, foreign_key="provision_run.id")
