"""Ways to sign in: what each asks of a guest, and how it decides who the guest is.

A method is a module of its own with one `Method`, and a line in `offered`. After it has decided, `entering.enter` does the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from sqlmodel import Session

from hotspot.guests.refusals import N_
from hotspot.portal.handoff import Stop
from hotspot.portal.visits import Visit
from hotspot.sites.settings import SignIn


@dataclass(frozen=True, slots=True)
class Asked:
    """The one field of a method's form; `label` and `hint` are message ids, the rest attributes of the input."""

    name: str
    label: str
    hint: str = ""
    inputmode: str = "text"
    autocomplete: str = "off"
    most: int = 64


class Decided(NamedTuple):
    """Who the guest is, None: the device itself, as a guest of its own; and what bounds this one session, below the site's settings."""

    guest_id: UUID | None = None
    cap_seconds: int | None = None
    cap_octets: int | None = None


class Method(Protocol):
    """One way to sign in. `label` is the message id on its button, `action` where below ``/p/{slug}/`` the button posts to."""

    @property
    def name(self) -> SignIn: ...

    @property
    def label(self) -> str: ...

    @property
    def action(self) -> str: ...

    @property
    def asks(self) -> Asked | None: ...

    def decide(self, db: Session, visit: Visit, form: Mapping[str, str], *, now: datetime) -> Decided | Stop:
        """Say who the guest is, in the caller's write transaction.

        A `Stop` that is returned is raised after the commit: what was counted of a wrong code stays counted.

        Raises:
            Stop: not with this form, and nothing of it stays.
        """
        ...


@dataclass(frozen=True, slots=True)
class OneTap:
    """Nothing is asked: whoever presses is the device in their hands."""

    name: SignIn = SignIn.ONE_TAP
    label: str = N_("Agree and connect")
    action: str = "login"
    asks: Asked | None = None

    def decide(self, db: Session, visit: Visit, form: Mapping[str, str], *, now: datetime) -> Decided:
        del db, visit, form, now
        return Decided()
