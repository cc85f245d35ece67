"""Tables of vouchers, and the shape that a new batch is made from."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, model_validator
from pydantic import Field as Bounds
from sqlalchemy import BigInteger, CheckConstraint, DateTime
from sqlmodel import Field, SQLModel

MOST_VOUCHERS: Final = 10_000
LONGEST_LIFE: Final = timedelta(days=90)  # as long as sessions are kept at the least, so that what was used is known
FASTEST: Final = 10_000_000  # kbit/s, as in the settings of a site
LONGEST_NAME: Final = 100


class VoucherState(StrEnum):
    """What one can do with a voucher now."""

    UNUSED = "unused"
    ACTIVE = "active"
    USED_UP = "used up"
    EXPIRED = "expired"
    VOID = "void"


class VoucherBatch(SQLModel, table=True):
    """Vouchers made together: where and until when they hold, and what each gives.

    `life_hours` counts from the first use, and ends at `valid_until` at the latest. `sealed` are the plain codes, with the context
    ``voucher batch:<id>``, until they are printed or a day old; nothing else knows them.
    """

    __tablename__ = "voucher_batch"
    __table_args__ = (CheckConstraint("num_nonnulls(area_id, site_id) = 1", name="one_place"),)

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=LONGEST_NAME)
    area_id: int | None = Field(default=None, foreign_key="area.id")
    site_id: int | None = Field(default=None, foreign_key="site.id")
    valid_until: datetime = Field(sa_type=DateTime(timezone=True))
    life_hours: int
    minutes: int | None = None
    megabytes: int | None = None
    devices: int
    up_kbps: int | None = None
    down_kbps: int | None = None
    made_at: datetime = Field(sa_type=DateTime(timezone=True))
    made_by: str = Field(max_length=LONGEST_NAME)
    sealed: bytes | None = None


class Voucher(SQLModel, table=True):
    """One voucher. Its id is the number printed on it; of its code only a keyed hash is kept."""

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    batch_id: int = Field(foreign_key="voucher_batch.id", index=True)
    code_hash: bytes = Field(unique=True)
    guest_id: UUID
    first_used_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    void_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


def _one_line(name: str) -> str:
    name = name.strip()
    if not name or not name.isprintable():
        raise ValueError("needs one line of printable characters")
    return name


class NewBatch(BaseModel):
    """What somebody asks for. None: as the site has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Bounds(max_length=LONGEST_NAME), AfterValidator(_one_line)]
    count: Annotated[int, Bounds(ge=1, le=MOST_VOUCHERS)]
    valid_until: AwareDatetime
    life_hours: Annotated[int, Bounds(ge=1, le=LONGEST_LIFE.days * 24)] = 24
    minutes: Annotated[int | None, Bounds(ge=5, le=LONGEST_LIFE.days * 24 * 60)] = None
    megabytes: Annotated[int | None, Bounds(ge=1, le=1_000_000)] = None
    devices: Annotated[int, Bounds(ge=1, le=50)] = 1
    up_kbps: Annotated[int | None, Bounds(ge=64, le=FASTEST)] = None
    down_kbps: Annotated[int | None, Bounds(ge=64, le=FASTEST)] = None

    @model_validator(mode="after")
    def _has_both_speeds(self) -> "NewBatch":
        if (self.up_kbps is None) != (self.down_kbps is None):
            raise ValueError("a speed needs both directions")
        return self
