"""Vouchers on paper: A4 to be cut, or the 58 mm roll of a thermal printer.

The QR code joins the Wi-Fi; after that the phone opens the portal by itself, and the code is typed there. It holds no address of the
portal: a phone that isn't on the Wi-Fi yet can't open one, and one that is can't be recognised by a link that its router didn't make.
Nor does it hold the voucher's code, which so is in no camera's history.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import segno
from babel.dates import format_date

from hotspot.guests.printed_codes import grouped
from hotspot.guests.refusals import N_
from hotspot.guests.vouchers import Printable
from hotspot.guests.vouchers_models import VoucherBatch
from hotspot.languages import translations
from hotspot.typesetting import pdf

DOCUMENT: Final = Path(__file__).parent / "documents" / "vouchers.typ"
LONGEST_IN_HOURS: Final = 48
PLAIN_IN_WIFI: Final = str.maketrans({special: f"\\{special}" for special in '\\;,:"'})

JOIN: Final = N_("1. Scan, or choose the Wi-Fi “{ssid}”.")
TYPE: Final = N_("2. Type this code on the page that opens:")
MINUTES: Final = N_("{count} minutes")
MEGABYTES: Final = N_("{count} MB")
ONE_DEVICE: Final = N_("1 device")
DEVICES: Final = N_("{count} devices at once")
HOURS: Final = N_("{count} hours from the first use, no later than {date}")
DAYS: Final = N_("{count} days from the first use, no later than {date}")


class Paper(StrEnum):
    """What it is printed on."""

    A4 = "a4"
    ROLL = "roll"


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands on every voucher of a batch."""

    city: str
    place: str
    ssid: str


def sheet(
    batch: VoucherBatch,
    codes: Sequence[Printable],
    heading: Heading,
    *,
    paper: Paper,
    languages: Sequence[str],
    zone: ZoneInfo,
) -> bytes:
    """Return the vouchers as PDF, in the first of the languages and smaller in the others."""
    facts = {
        "paper": paper,
        "title": f"{batch.name} ({batch.id})",
        "city": heading.city,
        "place": heading.place,
        "ssid": heading.ssid,
        "words": [_words(batch, heading.ssid, language, zone) for language in languages],
        "cards": [{"code": grouped(one.code), "number": str(one.number)} for one in codes],
    }
    return pdf(DOCUMENT, facts, {"join.svg": _qr(wifi(heading.ssid))})


def wifi(ssid: str) -> str:
    """Return what cameras of phones read as an open Wi-Fi to join."""
    return f"WIFI:T:nopass;S:{ssid.translate(PLAIN_IN_WIFI)};;"


def _qr(content: str) -> bytes:
    drawn = BytesIO()
    segno.make(content, error="m", micro=False).save(drawn, kind="svg", border=1)
    return drawn.getvalue()


def _words(batch: VoucherBatch, ssid: str, language: str, zone: ZoneInfo) -> dict[str, str]:
    say = translations(language).gettext
    return {
        "language": language,
        "join": say(JOIN).replace("{ssid}", ssid),
        "type": say(TYPE),
        "gives": " · ".join([*_limits(batch, language), _life(batch, language, zone)]),
    }


def _limits(batch: VoucherBatch, language: str) -> list[str]:
    say = translations(language).gettext
    counts = [(MINUTES, batch.minutes), (MEGABYTES, batch.megabytes), (DEVICES, batch.devices)]
    return [
        say(ONE_DEVICE) if (message, count) == (DEVICES, 1) else say(message).replace("{count}", str(count))
        for message, count in counts
        if count is not None
    ]


def _life(batch: VoucherBatch, language: str, zone: ZoneInfo) -> str:
    days, hours = divmod(batch.life_hours, 24)
    in_hours = hours > 0 or batch.life_hours <= LONGEST_IN_HOURS
    message = translations(language).gettext(HOURS if in_hours else DAYS)
    until = format_date(batch.valid_until.astimezone(zone).date(), "long", locale=language).replace(
        " ", "\N{NO-BREAK SPACE}"
    )
    return message.replace("{count}", str(batch.life_hours if in_hours else days)).replace("{date}", until)
