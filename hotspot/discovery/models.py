"""The table of routers that were heard on a wire and kept for the inbox."""

from datetime import datetime

from sqlalchemy import DateTime
from sqlmodel import Field, SQLModel


class KeptNeighbour(SQLModel, table=True):
    """What a router last said of itself, and on which interface of the controller's it was heard; all of it is its own claim.

    `mac` and `interface` are the router's, of the port that its cable is in. `invited_at` is when staff last made its invitation.
    """

    __tablename__ = "neighbour"

    mac: str = Field(max_length=17, primary_key=True)
    identity: str = Field(max_length=128)
    board: str = Field(max_length=128)
    version: str = Field(max_length=128)
    address: str = Field(max_length=45)
    interface: str = Field(max_length=128)
    heard_on: str = Field(max_length=64)
    first_at: datetime = Field(sa_type=DateTime(timezone=True))
    last_at: datetime = Field(sa_type=DateTime(timezone=True), index=True)
    invited_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
