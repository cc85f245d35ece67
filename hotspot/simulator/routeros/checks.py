"""What a menu checks and completes when a row is written, beyond what its table says."""

import ipaddress
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from hotspot.simulator.routeros import keys
from hotspot.simulator.routeros.sessions import Call
from hotspot.simulator.routeros.state import Row
from hotspot.simulator.routeros.traps import device_mode_forbids, failure, invalid_value, missing_values, not_permitted
from hotspot.simulator.routeros.users import policies_of

INACTIVATED: Final = "inactivated, not allowed by device-mode"
Check = Callable[[Call, Row, Row | None], Row]


def completed(call: Call, row: Row, *, before: Row | None = None) -> Row:
    """The row as the router keeps it; Trap when it doesn't. `before` is the row it changes."""
    check = CHECKS.get(call.menu.path)
    return check(call, row, before) if check else row


def _address(_call: Call, row: Row, before: Row | None) -> Row:
    """An address without a length has netmask's, or is alone; the network follows from it unless it is given."""
    fields = dict(row.fields)
    address, slash, _ = fields["address"].partition("/")
    if fields.get("netmask") and slash:
        fields["address"] = str(ipaddress.IPv4Interface(f"{address}/{fields.pop('netmask')}"))
    interface = ipaddress.IPv4Interface(fields["address"])
    old = before.fields if before else {}
    if "network" not in fields or (fields["network"] == old.get("network") and fields["address"] != old.get("address")):
        fields["network"] = str(interface.network.network_address)
    return replace(row, fields=fields)


def _wireguard(_call: Call, row: Row, _before: Row | None) -> Row:
    """The private key is made on the router unless it is given; the public one follows from it."""
    private = row.fields.get("private-key") or keys.make_private_key()
    public = keys.public_key_of(private)
    if public is None:
        raise invalid_value("private-key")
    port = row.fields.get("listen-port") or str(13231 + row.id % 1000)
    return replace(
        row,
        fields={**row.fields, "private-key": private, "listen-port": port},
        outputs={**row.outputs, "public-key": public},
    )


def _peer(call: Call, row: Row, _before: Row | None) -> Row:
    fields = dict(row.fields)
    if fields.get("public-key") and not keys.is_key(fields["public-key"]):
        raise invalid_value("public-key")
    if fields.get("preshared-key") == "auto":
        fields["preshared-key"] = keys.make_private_key()
    if fields.get("private-key") == "auto":
        fields["private-key"] = keys.make_private_key()
    for other in call.config.rows(call.menu.path):
        same = all(other.fields.get(name) == fields.get(name) for name in ("interface", "public-key"))
        if other.id != row.id and same and fields.get("public-key"):
            raise failure("entry already exists")
    return replace(row, fields=fields)


def _hotspot(call: Call, row: Row, _before: Row | None) -> Row:
    """Where device-mode forbids hotspots a row can be written, but not be active."""
    if call.router.device_mode.allows("hotspot"):
        return replace(row, outputs={k: v for k, v in row.outputs.items() if k != "comment"})
    return replace(row, fields={**row.fields, "disabled": "true"}, outputs={**row.outputs, "comment": INACTIVATED})


def _raise_beyond_own(call: Call, row: Row, default: str) -> Row:
    """What a script may do can't be more than its author may; unnamed, it is what both are."""
    policy = row.fields.get("policy")
    if policy is None:
        policy = ",".join(each for each in default.split(",") if each in call.session.policies)
    if not set(policy.split(",")) - {""} <= call.session.policies:
        raise not_permitted()
    return replace(row, fields={**row.fields, "policy": policy})


def _scheduler(call: Call, row: Row, before: Row | None) -> Row:
    if not call.router.device_mode.allows("scheduler"):
        raise device_mode_forbids()
    row = _raise_beyond_own(call, row, call.menu.attributes["policy"].default or "")
    row = call.router.scheduler.completed(row, before)
    return replace(row, outputs={**row.outputs, "owner": row.outputs.get("owner", call.session.user)})


def _script(call: Call, row: Row, _before: Row | None) -> Row:
    row = _raise_beyond_own(call, row, call.menu.attributes["policy"].default or "")
    return replace(row, fields={"owner": call.session.user, **row.fields})


def _group(call: Call, row: Row, _before: Row | None) -> Row:
    """A group that is made without a policy denies everything, and says so."""
    if "policy" in row.fields:
        return row
    return replace(row, fields={**row.fields, "policy": call.menu.attributes["policy"].type.read("", call.config, "")})


def _static_name(_call: Call, row: Row, _before: Row | None) -> Row:
    if not row.fields.get("name") and not row.fields.get("regexp"):
        raise missing_values(["name"])
    return row


CHECKS: Final[dict[str, Check]] = {
    "/ip/address": _address,
    "/interface/wireguard": _wireguard,
    "/interface/wireguard/peers": _peer,
    "/ip/hotspot": _hotspot,
    "/ip/dns/static": _static_name,
    "/system/scheduler": _scheduler,
    "/system/script": _script,
    "/user/group": _group,
}


def raise_if_last(call: Call, row: Row) -> None:
    """Refuse to remove the last user who could make others."""
    if call.menu.path != "/user":
        return
    others = [each for each in call.config.rows("/user") if each.id != row.id and each.fields.get("disabled") != "true"]
    if not any({"policy", "write"} <= policies_of(call.config, each) for each in others):
        raise failure("can not remove last user with full permissions")
