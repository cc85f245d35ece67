"""Numbers of mobile phones, as people type them and as they are dialled. Pure; the only door to phonenumbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from hotspot.errors import Invalid

LONGEST: Final = 32  # characters as typed, with blanks and dashes; no number has more than 15 digits (ITU-T E.164 §6.1)
LAST: Final = 4  # digits that differ within a prefix: ten thousand numbers, which one operator gives out together
COUNTRIES: Final = frozenset(phonenumbers.SUPPORTED_REGIONS)  # as ISO 3166 names them: ``ID``
MOBILE: Final = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


class BadPhoneNumber(Invalid):
    """This is no mobile number that messages are sent to"""


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A mobile number in the form of E.164, ``+6281278123456``. It stays out of ``repr``, and so out of logs."""

    text: str

    @classmethod
    def parse(cls, typed: str, countries: Sequence[str]) -> "PhoneNumber":
        """Read a mobile number of one of these countries (ISO 3166, as ``ID``); one without + belongs to the first.

        Raises:
            BadPhoneNumber: no number, no mobile one, or one of another country: those cost more, and may be somebody's income.
        """
        if len(typed) > LONGEST:
            raise BadPhoneNumber
        try:
            number = phonenumbers.parse(typed, countries[0])
        except NumberParseException as error:
            raise BadPhoneNumber from error
        region = phonenumbers.region_code_for_number(number)
        if number.extension or region not in countries or phonenumbers.number_type(number) not in MOBILE:
            raise BadPhoneNumber
        return cls(phonenumbers.format_number(number, PhoneNumberFormat.E164))

    @property
    def digits(self) -> str:
        """Without the plus, as many providers want it."""
        return self.text[1:]

    @property
    def national(self) -> str:
        """As it is dialled within its country, without blanks: ``081278123456``."""
        dialled = phonenumbers.format_number(phonenumbers.parse(self.text), PhoneNumberFormat.NATIONAL)
        return "".join(filter(str.isdigit, dialled))

    @property
    def prefix(self) -> str:
        """What it shares with the other numbers of its block."""
        return self.text[:-LAST]

    def __repr__(self) -> str:
        return "PhoneNumber(…)"
