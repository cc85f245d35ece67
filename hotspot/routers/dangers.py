"""What a plan may break so that nobody can come and mend it. Each needs to be named by whoever applies the plan. Pure."""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Interface
from typing import Final

from hotspot.routers.changes import Add, Change, Danger, Remove, Set
from hotspot.routers.desired import Desired

MANY: Final = 10  # rows; a config that lost a file removes more, everyday work doesn't
API_RULE: Final = "api"  # the role of the rule that lets the controller in; enrolment made it
FILTER: Final = "/ip/firewall/filter"
STOPS: Final = frozenset({"drop", "reject", "tarpit"})


def dangers_of(changes: Sequence[Change], desired: Desired) -> Iterator[Danger]:
    yield from _deletions(changes)
    yield from _api_service(changes)
    yield from _management(changes, desired)
    yield from _uplink(changes, desired)


def _deletions(changes: Sequence[Change]) -> Iterator[Danger]:
    count = sum(isinstance(change, Remove) for change in changes)
    if count > MANY:
        yield Danger("delete-many", f"removes {count} rows")


def _api_service(changes: Sequence[Change]) -> Iterator[Danger]:
    """The controller speaks through api-ssl; a change there may end this very conversation."""
    for change in changes:
        if isinstance(change, Set) and change.menu == "/ip/service" and change.name == "api-ssl":
            what = ", ".join((*change.fields, *change.unset))
            yield Danger("api-service", f"changes {what} of the service that the controller speaks through")


def _management(changes: Sequence[Change], desired: Desired) -> Iterator[Danger]:
    """Before anything is dropped on its way in, the controller's rule must accept it."""
    inbound = [row for row in desired.of(FILTER) if row.fields.get("chain") == "input"]
    first_stop = next((row for row in inbound if row.fields.get("action") in STOPS), None)
    accepted = next((row for row in inbound if row.name == API_RULE), None)
    safe = accepted is not None and accepted.fields.get("action") == "accept"
    if first_stop is not None and (not safe or inbound.index(first_stop) < inbound.index(accepted or first_stop)):
        yield Danger("cut-management", f"drops what comes in ({first_stop.name}) before the controller is let in")
    for change in changes:
        if change.menu == FILTER and change.name == API_RULE and isinstance(change, Set | Remove):
            yield Danger("cut-management", f"changes the rule that lets the controller in ({FILTER} {API_RULE})")


def _uplink(changes: Sequence[Change], desired: Desired) -> Iterator[Danger]:
    """An interface that becomes a bridge's port loses its addresses; what lies in two networks is looked for in one of them."""
    for change in changes:
        if change.menu == "/ip/address" and isinstance(change, Add | Set) and "address" in change.fields:
            network = IPv4Interface(change.fields["address"]).network
            for line in (line for line in desired.line_networks if line.overlaps(network)):
                yield Danger("cut-uplink", f"gives guests {network}, and {line} is the router's way to the controller")
        if change.menu == "/interface/bridge/port" and isinstance(change, Add | Set):
            interface = change.fields.get("interface", "") or getattr(change, "was", {}).get("interface", "")
            if interface in desired.uplinks:
                yield Danger(
                    "cut-uplink", f"puts {interface} into a bridge, by which the router reaches the controller"
                )
