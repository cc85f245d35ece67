"""Forms of the console that bring more than a line or two: read within bounds before anybody parses them."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from hotspot.guests.refusals import N_
from hotspot.portal.banners import BadBanner
from hotspot.portal.images import LARGEST_FILE
from hotspot.web import read_body

MOST_OCTETS: Final = LARGEST_FILE + 256 * 1024  # one picture, and words beside it
MOST_FIELDS: Final = 100
MOST_OF_A_FIELD: Final = 16 * 1024
DAMAGED: Final = N_("the form is damaged or too large")


@dataclass(frozen=True, slots=True)
class Sent:
    """What a form brought: its values, each name's list, and the content of its one file, empty where none was chosen."""

    values: dict[str, list[str]] = field(default_factory=dict)
    file: bytes = b""

    def get(self, name: str) -> str:
        return self.values.get(name, [""])[0]

    def whole(self, name: str) -> int:
        """Read a whole number.

        Raises:
            BadBanner: it is none.
        """
        words = self.get(name).strip()
        if not words.isascii() or not words.isdecimal() or len(words) > 9:
            raise BadBanner(N_("%(field)s: give a whole number"), field=name)
        return int(words)

    def moment(self, name: str, zone: ZoneInfo) -> datetime | None:
        """Read a day and a time by the city's clock, as ``<input type="datetime-local">`` sends them; None where it is empty.

        Raises:
            BadBanner: it is none.
        """
        words = self.get(name).strip()
        try:
            return datetime.fromisoformat(words[:32]).replace(tzinfo=zone) if words else None
        except ValueError as error:
            raise BadBanner(N_("%(field)s: give a day and a time"), field=name) from error


async def _sent(request: Request) -> Sent:
    """Read a multipart form.

    Raises:
        BadBanner: it is too large, or none.
    """
    body = await read_body(request, MOST_OCTETS, BadBanner(DAMAGED))

    async def once() -> AsyncGenerator[bytes, None]:
        yield body

    parser = MultiPartParser(
        request.headers, once(), max_files=1, max_fields=MOST_FIELDS, max_part_size=MOST_OF_A_FIELD
    )
    try:
        form = await parser.parse()
    except (MultiPartException, FormParserError, LookupError, ValueError) as error:
        raise BadBanner(DAMAGED) from error
    async with _closing(form):
        files = [value for value in form.values() if isinstance(value, UploadFile)]
        values = {name: [value for value in form.getlist(name) if isinstance(value, str)] for name in form}
        content = await files[0].read() if files else b""
    if any("\0" in value for given in values.values() for value in given):  # no database column takes it
        raise BadBanner(DAMAGED)
    return Sent(values, content)


class _closing:  # noqa: N801  (reads as what contextlib has)
    """Close the files of a form, whatever comes."""

    def __init__(self, form: FormData) -> None:
        self._form = form

    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *_: object) -> None:
        await self._form.close()


SentForm = Annotated[Sent, Depends(_sent)]
