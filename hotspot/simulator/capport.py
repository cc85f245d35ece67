"""What a phone makes of a network's captive portal API (RFC 8908): it believes what is well-formed and ignores everything else.

Phones ask over HTTPS with a certificate that they trust; on one machine there is none, so the address stands for that.
"""

import json
from dataclasses import dataclass
from typing import Final, Self

import httpx

MEDIA_TYPE: Final = "application/captive+json"


@dataclass(frozen=True, slots=True)
class NetworkState:
    """What the API says of the device that asks; empty where it says nothing."""

    is_captive: bool
    user_portal_url: str = ""
    venue_info_url: str = ""
    seconds_remaining: int | None = None

    @classmethod
    def read(cls, response: httpx.Response) -> Self | None:
        """Read an answer; None for one that a phone would not believe (RFC 8908 §5)."""
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if response.status_code != httpx.codes.OK or kind != MEDIA_TYPE:
            return None
        try:
            said = json.loads(response.content)
        except ValueError:
            return None
        if not isinstance(said, dict) or not isinstance(said.get("captive"), bool):
            return None
        left = said.get("seconds-remaining")
        return cls(
            said["captive"],
            _text(said.get("user-portal-url")),
            _text(said.get("venue-info-url")),
            left if isinstance(left, int) else None,
        )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
