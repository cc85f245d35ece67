"""Commands that stand alone: reboot, clock, ping, fetch, log, monitors."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from hotspot.simulator.routeros import changes, scheduler
from hotspot.simulator.routeros.downloads import sidecar
from hotspot.simulator.routeros.own_page import own_page
from hotspot.simulator.routeros.sessions import Call, Result
from hotspot.simulator.routeros.traps import device_mode_forbids, failure, invalid_value, missing_values, no_such_item

COUNTERS: Final = ("pending", "requests", "accepts", "rejects", "resends", "timeouts", "bad-replies")


def nothing(_call: Call) -> Result:
    """A command without an effect that could be seen here."""
    return Result()


def reboot(call: Call) -> Result:
    call.router.reboot()
    return Result()


def reset_configuration(call: Call) -> Result:
    """Begin anew; ``keep-users=yes`` keeps them, a file of ``run-after-reset`` runs at the end."""
    keep, bare = (call.arguments.get(name) in {"yes", "true"} for name in ("keep-users", "no-defaults"))
    script = call.arguments.get("run-after-reset")
    octets = call.router.files.read(script) if script else b""
    if octets is None:
        raise no_such_item()
    call.router.reset(keep_users=keep, no_defaults=bare, script=octets.decode("utf-8", "surrogateescape"))
    return Result()


def set_clock(call: Call) -> Result:
    """Set the zone as any attribute, and date and time by moving the router's own clock."""
    rest = {name: value for name, value in call.arguments.items() if name not in {"date", "time"}}
    result = changes.set_(replace(call, arguments=rest))
    zone = scheduler.zone_of(call.config)
    now = datetime.fromtimestamp(call.router.wall(), zone)
    text = {"date": now.strftime(scheduler.DATE), "time": now.strftime(scheduler.TIME)} | dict(call.arguments)
    for name, form in (("date", scheduler.DATE), ("time", scheduler.TIME)):
        try:
            datetime.strptime(text[name], form).replace(tzinfo=zone)
        except ValueError:
            raise invalid_value(name) from None
    if {"date", "time"} & set(call.arguments):
        then = datetime.strptime(f"{text['date']} {text['time']}", f"{scheduler.DATE} {scheduler.TIME}").replace(
            tzinfo=zone
        )
        call.router.set_wall(then.timestamp())
    return result


def ping(call: Call) -> Result:
    address = call.arguments.get("address")
    if address is None:
        raise missing_values(["address"])
    count = call.arguments.get("count", "4")
    if not (count.isascii() and count.isdigit() and 0 < int(count[:6]) <= 100):
        raise invalid_value("count")
    reached = call.router.reaches(address)
    row = {"host": address} | ({"size": "56", "ttl": "64", "time": "1ms"} if reached else {"status": "timeout"})
    total = int(count)
    received = total if reached else 0
    sums = {"received": str(received), "packet-loss": str(100 - 100 * received // total)}
    return Result([{"seq": str(number), **row, "sent": str(number + 1), **sums} for number in range(total)])


def fetch(call: Call) -> Result:
    """Ask the world outside: RouterOS' download server, and whoever the router was given; nobody by default."""
    if not call.router.device_mode.allows("fetch"):
        raise device_mode_forbids()
    if "url" not in call.arguments and "address" not in call.arguments:
        raise missing_values(["url"])
    octets = sidecar(call.arguments.get("url", ""))
    if octets is None:
        octets = own_page(call)
    if octets == b"":
        raise failure("Fetch failed with status 404 (Not Found)")
    if octets is None:
        octets = call.router.fetches(dict(call.arguments))
    name = call.arguments.get("dst-path") or call.arguments.get("url", "").rpartition("/")[2] or "index.html"
    row = {
        "status": "finished",
        "downloaded": str(len(octets) // 1024),
        "total": str(len(octets) // 1024),
        "duration": "1s",
    }
    output = call.arguments.get("output", "file")
    if output == "file":
        call.router.files.write(name, octets, modified=call.router.local_time())
    elif output == "user":
        row["data"] = octets[:64512].decode("utf-8", "surrogateescape")
    return Result([row])


def log(call: Call) -> Result:
    message = call.arguments.get("message")
    if message is None:
        raise missing_values(["message"])
    call.router.write_log(f"script,{call.command}", message)
    return Result()


def password(call: Call) -> Result:
    """Change one's own password."""
    user = call.config.find("/user", call.session.user)
    if user is None or user.fields.get("password", "") != call.arguments.get("old-password", ""):
        raise failure("wrong old password")
    new = call.arguments.get("new-password")
    if new is None or new != call.arguments.get("confirm-new-password"):
        raise failure("new passwords do not match")
    call.config.replace("/user", user, user.with_fields({"password": new}))
    return Result()


def make_static(call: Call) -> Result:
    for row in changes.targets(call):
        call.config.replace(call.menu.path, row, replace(row, dynamic=False))
    return Result()


def monitor_radius(call: Call) -> Result:
    """The counters of a server, which whoever plays the gateway keeps."""
    return Result(
        [call.router.radius_counters.get(row.id, dict.fromkeys(COUNTERS, "0")) for row in changes.targets(call)]
    )


def monitor_incoming(_call: Call) -> Result:
    return Result([{"requests": "0", "bad-requests": "0", "acks": "0", "naks": "0"}])


def end_sessions(call: Call) -> Result:
    """Throw somebody out."""
    known = {f"*{session.number:X}": session for session in call.router.sessions}
    chosen = changes.targets_of(call)
    if not set(chosen) <= set(known):
        raise no_such_item()
    for number in chosen:
        call.router.throw_out(known[number])
    return Result()
