"""A phone's arrival: what its router handed over, as the texts that stand in a page. Pure.

Nearly every query is made by the product's own login.html (router_configs/hotspot) for a phone that has just come. One pattern reads
such a query in a third of the time that reading pair by pair takes, and reads it the same; every other query goes the general way.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from hotspot.portal.handoff import (
    Handed,
    RouterHost,
    find_registered,
    host_wanted,
    octal,
    plain_text,
    read_handed,
    read_pairs,
)

OCTET: Final = r"\\[0-3][0-7]{2}"
# Written as our pages write it themselves: a device's address (IEEE 802 §8: neither a group's nor all zeros), octets in octal.
USUAL: Final = re.compile(
    r"mac=((?!00:00:00:00:00:00)[0-9A-F][02468ACE](?::[0-9A-F]{2}){5})"
    r"&ip=((?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?=[0-9])|(?=&))){4}|)"
    r"&link-login-only=([^&]{1,256})&link-orig=([^&]{0,4096})&error=&error-orig="
    rf"&chap-id=((?:{OCTET})?)&chap-challenge=((?:{OCTET}){{0,64}})(?:&username=)?"
    r"&server-name=[^&]{0,4096}&identity=[^&]{0,4096}(?:&lang=([^&]{0,256}))?",
    re.ASCII,
)


class Arrival(NamedTuple):
    """Texts, empty where there is nothing; `router` is the registered one's scheme://host[:port]."""

    mac: str
    ip: str
    router: str
    chap_id: str
    chap_challenge: str
    wanted_host: str


def arrival_of(handed: Handed) -> Arrival:
    return Arrival(
        mac=str(handed.mac or ""),
        ip=str(handed.ip or ""),
        router=handed.router or "",
        chap_id=octal(handed.chap_id),
        chap_challenge=octal(handed.chap_challenge),
        wanted_host=handed.wanted_host or "",
    )


def find_arrival(query: bytes, routers: Sequence[RouterHost]) -> tuple[Arrival, str | None] | None:
    """Return who arrives and the language they ask for; None for anything else than a phone that could log in now.

    Raises:
        Stop: a damaged query, or a router that is not one of these.
    """
    match = USUAL.fullmatch(plain_text(query) or "")
    if match is None:
        return _general(query, routers)
    mac, ip, link, wanted, chap_id, challenge, language = match.groups()
    if bool(chap_id) != bool(challenge):
        return _general(query, routers)
    router, _ = find_registered(link, routers, path="/login")
    return Arrival(mac, ip, router, chap_id, challenge, host_wanted(wanted) or ""), language


def _general(query: bytes, routers: Sequence[RouterHost]) -> tuple[Arrival, str | None] | None:
    pairs = read_pairs(query)
    handed = read_handed(pairs, routers)
    if handed.error or handed.credential_id is not None or not handed.can_log_in:
        return None
    return arrival_of(handed), pairs.get("lang")
