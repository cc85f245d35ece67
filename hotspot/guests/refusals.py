"""Why a log-in is refused, and the words a guest reads: the router shows them as its error, the portal explains them.

Message ids are English; `N_` marks them for the catalogues. RouterOS puts the text into its page, so it is one short sentence or two.
"""

import re
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Final, NamedTuple

from babel.dates import format_time

from hotspot.languages import CODE_LANGUAGE, known_languages, translations


def N_(message: str) -> str:  # noqa: N802  (gettext's customary name: translate later)
    return message


class Refusal(StrEnum):
    """Why a log-in is refused; the value goes to the log, the guest reads less."""

    INCOMPLETE = "incomplete"
    UNKNOWN = "unknown_credential"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - the name of a reason
    OTHER_SITE = "other_site"
    OTHER_DEVICE = "other_device"
    USED = "already_used"
    EXPIRED = "expired"
    NO_CONSENT = "no_consent"
    NOT_READY = "site_not_ready"
    BLOCKED = "blocked"
    CLOSED = "closed"
    TOO_MANY_DEVICES = "too_many_devices"
    DAY_TIME_USED = "day_time_used"
    DAY_DATA_USED = "day_data_used"
    PASS_OVER = "pass_over"  # noqa: S105 - the name of a reason, as those that follow
    PASS_ELSEWHERE = "pass_elsewhere"  # noqa: S105
    PASS_TIME_USED = "pass_time_used"  # noqa: S105
    PASS_DATA_USED = "pass_data_used"  # noqa: S105


_INVALID: Final = N_("This login is not valid. Please start again.")
_WORDS: Final = {
    Refusal.USED: N_("This login was already used. Please start again."),
    Refusal.EXPIRED: N_("The time to log in ran out. Please start again."),
    Refusal.NO_CONSENT: N_("Please agree to the terms first."),
    Refusal.NOT_READY: N_("This place is not ready yet. Please tell its staff."),
    Refusal.BLOCKED: N_("This device may not use the public Wi-Fi. Please ask the staff."),
    Refusal.CLOSED: N_("The Wi-Fi is closed now. It opens at {when}."),
    Refusal.TOO_MANY_DEVICES: N_("Too many of your devices are online. Sign one out, then try again."),
    Refusal.DAY_TIME_USED: N_("Your time for today is used up. You can connect again at {when}."),
    Refusal.DAY_DATA_USED: N_("Your data for today is used up. You can connect again at {when}."),
    Refusal.PASS_OVER: N_("Your code is no longer valid. Please ask for a new one."),
    Refusal.PASS_ELSEWHERE: N_("Your code is for another place. Please ask for one that is valid here."),
    Refusal.PASS_TIME_USED: N_("The time of your code is used up. Please ask for a new one."),
    Refusal.PASS_DATA_USED: N_("The data of your code is used up. Please ask for a new one."),
}
"""The other reasons are told in the same words, so that a guess learns nothing from them."""
_BLOCKED_UNTIL: Final = N_("This device may not use the public Wi-Fi until {when}.")
_TOMORROW: Final = N_("{time} tomorrow")
_LATER: Final = N_("{time} on {day}")


class Recognised(NamedTuple):
    """One of our own refusals, found again in what a router shows; `text` is as it was written."""

    refusal: Refusal
    text: str


def words(refusal: Refusal, language: str, *, until: datetime | None = None, now: datetime | None = None) -> str:
    """Return what the guest reads; `until` is when it is over, both moments in the site's local time."""
    said = translations(language).gettext
    if refusal is Refusal.BLOCKED and until is not None:
        message = said(_BLOCKED_UNTIL)
    else:
        message = said(_WORDS.get(refusal, _INVALID))
    if until is None or now is None:
        return message
    return message.replace("{when}", _when(until, now, language))


def _when(until: datetime, now: datetime, language: str) -> str:
    said = translations(language).gettext
    speaks = language if language in known_languages() else CODE_LANGUAGE
    clock = format_time(until.time(), "HH:mm" if speaks == CODE_LANGUAGE else "short", locale=speaks)
    if until.date() == now.date():
        return clock
    if until.date() == now.date() + timedelta(days=1):
        return said(_TOMORROW).replace("{time}", clock)
    return said(_LATER).replace("{time}", clock).replace("{day}", until.date().isoformat())


def recognise(text: str) -> Recognised | None:
    """Return which of our refusals this text is, in whatever language; None for anything else, however similar."""
    folded = " ".join(text.split())
    for refusal, pattern in _patterns():
        if pattern.fullmatch(folded):
            return Recognised(refusal, folded)
    return None


@cache
def _patterns() -> tuple[tuple[Refusal, re.Pattern[str]], ...]:
    messages = [*_WORDS.items(), (Refusal.BLOCKED, _BLOCKED_UNTIL), (Refusal.UNKNOWN, _INVALID)]
    return tuple(
        (
            refusal,
            re.compile(re.escape(translations(language).gettext(message)).replace(r"\{when\}", r"[\w :.-]{4,40}")),
        )
        for language in known_languages()
        for refusal, message in messages
    )
