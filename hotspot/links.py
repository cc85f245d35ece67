"""Addresses of websites that pages may lead to: https, a host with a name, nothing that hides where it leads. Pure.

Which hosts a phone reaches before log-in is the walled garden's business: names, with ``*`` and ``?`` as RouterOS has them.
"""

import re
from fnmatch import fnmatchcase
from typing import Final

from hotspot.errors import Invalid

LONGEST: Final = 300
LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# No user, no port, no bare address; and nothing in the rest that some browser reads as another host or some page as markup.
LINK: Final = re.compile(
    rf"https://(?P<host>(?:{LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?)(?P<rest>(?:/[A-Za-z0-9._~!$&()*+,;=:@%/-]*)?"
    r"(?:\?[A-Za-z0-9._~!$&()*+,;=:@%/?-]*)?(?:#[A-Za-z0-9._~!$&()*+,;=:@%/?-]*)?)"
)


class BadLink(Invalid):
    """{link} is not the address of a website such as https://www.example.go.id/layanan"""


def checked_link(text: str) -> str:
    """Return the address as it will be stored, its host in small letters.

    Raises:
        BadLink: it is no such address.
    """
    scheme, separator, rest = text.strip().partition("://")
    host, slash, path = rest.partition("/")
    link = f"{scheme.lower()}{separator}{host.lower()}{slash}{path}"
    if len(link) > LONGEST or not LINK.fullmatch(link):
        raise BadLink(link=repr(text[:60]))
    return link


def find_link(text: str) -> str | None:
    """Return the address as `checked_link` does; None when it is none."""
    try:
        return checked_link(text)
    except BadLink:
        return None


def host_of(link: str) -> str:
    """Return the host of a link that was checked."""
    found = LINK.fullmatch(link)
    assert found is not None  # it was checked
    return found["host"]


def shown(link: str) -> str:
    """Return a checked link as people write it: without the scheme, ``www.`` and a last slash."""
    return link.removeprefix("https://").removeprefix("www.").rstrip("/")


def is_free(host: str, walled_garden: str) -> bool:
    """Tell whether a phone reaches the host before log-in, where the setting `walled_garden` is this."""
    return any(fnmatchcase(host, free.lower()) for free in walled_garden.split(",") if free)
