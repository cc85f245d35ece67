"""Who may log in and what the policies of their group let them do."""

import hmac
import ipaddress
from collections.abc import Mapping
from typing import Final

from hotspot.simulator.routeros.sessions import Session
from hotspot.simulator.routeros.state import Configuration, Row
from hotspot.simulator.routeros.traps import Trap

READS: Final = frozenset({"print", "getall", "get", "find", "listen", "monitor", "read"})
OF_COMMAND: Final[Mapping[tuple[str, str], frozenset[str]]] = {
    ("/system", "reboot"): frozenset({"reboot"}),
    ("/system", "shutdown"): frozenset({"reboot"}),
    ("/system", "reset-configuration"): frozenset({"reboot", "policy", "write"}),
    ("/system/backup", "save"): frozenset({"ftp", "read"}),
    ("/system/backup", "load"): frozenset({"reboot", "policy", "write"}),
    ("/system/package/update", "check-for-updates"): frozenset({"read", "write"}),
    ("/system/package/update", "install"): frozenset({"policy", "reboot", "write"}),
    ("/tool", "fetch"): frozenset({"test"}),
    ("/tool", "ping"): frozenset({"test"}),
    ("", "ping"): frozenset({"test"}),
    ("", "export"): frozenset({"read"}),
    ("", "import"): frozenset({"write", "ftp"}),
    ("", "password"): frozenset({"password"}),
}
OF_MENU: Final[Mapping[str, str]] = {"/user": "policy", "/user/group": "policy", "/file": "ftp"}


def needed(path: str, command: str) -> frozenset[str]:
    """The policies that a command takes."""
    known = OF_COMMAND.get((path, command))
    if known is not None:
        return known
    if command in READS:
        return frozenset({"read"})
    extra = OF_MENU.get(path)
    return frozenset({"write", extra}) if extra else frozenset({"write"})


def policies_of(config: Configuration, user: Row) -> frozenset[str]:
    group = config.find("/user/group", user.fields.get("group", ""))
    text = group.fields.get("policy", "") if group else ""
    return frozenset(word for word in text.split(",") if word and not word.startswith("!"))


def is_allowed(addresses: str, address: str) -> bool:
    """Say whether an ``address=`` list lets this address in; an empty one lets everybody."""
    if not addresses:
        return True
    try:
        caller = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(caller in ipaddress.ip_network(each) for each in addresses.split(","))


def log_in(config: Configuration, name: str, password: str, *, via: str, address: str) -> Session:
    """A session for who knows the password, from where they may, by a service that their group may use; Trap otherwise."""
    user = config.find("/user", name) if not name.startswith("*") else None
    stored = user.fields.get("password", "") if user else ""
    right = hmac.compare_digest(stored.encode("utf-8", "surrogateescape"), password.encode("utf-8", "surrogateescape"))
    if user is None or not right or user.fields.get("disabled") == "true" or user.outputs.get("expired") == "true":
        raise Trap("invalid user name or password (6)")
    policies = policies_of(config, user)
    if "api" not in policies or not is_allowed(user.fields.get("address", ""), address):
        raise Trap("invalid user name or password (6)")
    return Session(name, policies, via, address)
