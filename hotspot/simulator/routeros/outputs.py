"""What the router says of its rows without being told: states, counters, facts about the box."""

import ipaddress
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from hotspot.simulator.routeros import certificates, files, packages, safemode, scheduler
from hotspot.simulator.routeros.sessions import Call
from hotspot.simulator.routeros.state import INTERFACES, Row
from hotspot.simulator.routeros.values import span

NAMING: Final = {"/ip/address": "interface", "/ip/hotspot": "interface", "/ip/dhcp-server": "interface"}
KINDS: Final = {"/interface/vlan": "vlan", "/interface/bridge": "bridge", "/interface/wireguard": "wg"}


def derived(call: Call, home: str, row: Row) -> dict[str, str]:
    """The read-only values and flags of a row."""
    text: dict[str, str] = {}
    menu = call.router.menus[home]
    if menu.interface:
        text |= _interface(call, home, row)
    if home in NAMING and row.fields.get(NAMING[home], "").startswith("*"):
        text["invalid"] = "true"
    derive = DERIVED.get(home)
    return text | derive(call, row) if derive else text


def _interface(call: Call, home: str, row: Row) -> dict[str, str]:
    name = row.fields.get("name", "")
    slave = any(port.fields.get("interface") == name for port in call.config.rows("/interface/bridge/port"))
    up = call.config.value(home, row, "disabled") != "true"
    text = {"running": "true" if up else "false", "slave": "true" if slave else "false"}
    if call.menu.path == INTERFACES:
        mtu = call.config.value(home, row, "mtu")
        text |= {"type": call.router.menus[home].interface, "actual-mtu": mtu if mtu.isdigit() else "1500"}
        text |= {"mac-address": mac} if (mac := row.fields.get("mac-address")) else {}
    return {key: value for key, value in text.items() if key != "slave" or "slave" in call.menu.flags}


def _address(_call: Call, row: Row) -> dict[str, str]:
    return {"actual-interface": row.fields["interface"]}


def _pool(_call: Call, row: Row) -> dict[str, str]:
    total = 0
    for part in row.fields["ranges"].split(","):
        first, _, last = part.partition("-")
        network = ipaddress.ip_network(first, strict=False)
        total += int(ipaddress.ip_address(last)) - int(network[0]) + 1 if last else network.num_addresses
    return {"total": str(total), "used": "0", "available": str(total)}


def _option(_call: Call, row: Row) -> dict[str, str]:
    """A value in quotes is text, ``0x`` is hex."""
    value = row.fields.get("value", "")
    if len(value) >= 2 and value[0] == value[-1] == "'":
        return {"raw-value": value[1:-1].encode("utf-8", "surrogateescape").hex()}
    return {
        "raw-value": value[2:].lower() if value.startswith("0x") else value.encode("utf-8", "surrogateescape").hex()
    }


def _clock(call: Call, _row: Row) -> dict[str, str]:
    now = datetime.fromtimestamp(call.router.wall(), scheduler.zone_of(call.config))
    offset = now.strftime("%z")
    return {
        "date": now.strftime(scheduler.DATE),
        "time": now.strftime(scheduler.TIME),
        "gmt-offset": f"{offset[:3]}:{offset[3:]}",
        "dst-active": "true" if now.dst() else "false",
    }


def _ntp(call: Call, row: Row) -> dict[str, str]:
    servers = bool(row.fields.get("servers")) or bool(call.config.rows("/system/ntp/client/servers"))
    on = row.fields.get("enabled") == "true" and servers
    return {"status": "synchronized" if on else "stopped"}


def _route(_call: Call, row: Row) -> dict[str, str]:
    active = "false" if row.fields.get("disabled") == "true" else "true"
    return {"active": active, "static": "true"}


def _hotspot(call: Call, row: Row) -> dict[str, str]:
    profile = call.config.find("/ip/hotspot/profile", call.config.value("/ip/hotspot", row, "profile"))
    name = profile.fields.get("ssl-certificate", "none") if profile else "none"
    return {"HTTPS": "false" if name in {"", "none"} else "true", "proxy-status": "running"}


DERIVED: Final[dict[str, Callable[[Call, Row], dict[str, str]]]] = {
    "/ip/address": _address,
    "/ip/pool": _pool,
    "/ip/route": _route,
    "/ip/hotspot": _hotspot,
    "/ip/dhcp-server/option": _option,
    "/system/clock": _clock,
    "/system/ntp/client": _ntp,
    "/system/scheduler": lambda call, row: call.router.scheduler.outputs(row),
    "/system/package/update": lambda call, _row: packages.update_outputs(call.router),
    "/certificate": certificates.outputs,
}


def _resource(call: Call) -> list[dict[str, str]]:
    router = call.router
    return [
        {
            "uptime": span(int(router.uptime()) * 1000),
            "version": f"{router.version_text} (stable)",
            "build-time": "2026-01-01 00:00:00",
            "free-memory": "134217728",
            "total-memory": "268435456",
            "cpu": "ARM",
            "cpu-count": "4",
            "cpu-load": "3",
            "free-hdd-space": str(router.free_storage),
            "total-hdd-space": "134217728",
            "architecture-name": router.board.architecture,
            "board-name": router.board.name,
            "platform": "MikroTik",
        }
    ]


def _license(call: Call) -> list[dict[str, str]]:
    return [{"software-id": call.router.software_id, "nlevel": str(call.router.licence), "features": ""}]


def _routerboard(call: Call) -> list[dict[str, str]]:
    router = call.router
    if not router.board.routerboard:
        return [{"routerboard": "false"}]
    return [
        {
            "routerboard": "true",
            "board-name": router.board.name,
            "model": router.board.name,
            "serial-number": router.serial,
            "firmware-type": router.board.architecture,
            "factory-firmware": router.firmware,
            "current-firmware": router.firmware,
            "upgrade-firmware": router.version_text,
        }
    ]


def _active_users(call: Call) -> list[dict[str, str]]:
    return [
        {
            ".id": f"*{s.number:X}",
            "when": datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%d %H:%M:%S"),
            "name": s.user,
        }
        | {"address": s.address, "via": s.via, "radius": "false", "by-romon": "false"}
        for s, since in call.router.sessions.items()
    ]


def _log(call: Call) -> list[dict[str, str]]:
    return [{".id": f"*{n:X}", "time": t, "topics": topics, "message": m} for n, t, topics, m in call.router.log]


PROVIDED: Final[dict[str, Callable[[Call], list[dict[str, str]]]]] = {
    "/system/resource": _resource,
    "/system/license": _license,
    "/system/routerboard": _routerboard,
    "/system/health": lambda _call: [{}],
    "/system/package": packages.rows,
    "/system/device-mode": lambda call: [call.router.device_mode.row()],
    "/system/history": safemode.history_rows,
    "/safe-mode": lambda call: [safemode.row(call.router, call.session)],
    "/user/active": _active_users,
    "/file": files.rows,
    "/log": _log,
}
