"""Vouchers on paper: what the QR code says, in which languages, and that every voucher is there."""

import re
import zlib
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from hotspot import typesetting
from hotspot.guests import sheets
from hotspot.guests.printed_codes import grouped, new_code
from hotspot.guests.sheets import Heading, Paper, sheet, wifi
from hotspot.guests.vouchers import Printable
from hotspot.guests.vouchers_models import VoucherBatch
from hotspot.languages import LOCALES
from tests.conftest import NOW

HEADING = Heading("Kota Pangkalpinang", "Balai #set text(red) $x$ \\ <b>", "WiFi; Publik")
PLAIN = {"minutes": 480, "megabytes": 500, "devices": 2, "life_hours": 24}


def batch(**more: Any) -> VoucherBatch:
    facts = {"id": 7, "name": "Rapat", "valid_until": NOW + timedelta(days=30), "made_at": NOW, "made_by": "Alice"}
    return VoucherBatch(**{**facts, **PLAIN, **more})


def printed(count: int, paper: Paper, monkeypatch: pytest.MonkeyPatch, **more: Any) -> tuple[bytes, dict[str, Any]]:
    """Print so many vouchers; return the PDF and the facts that the document was given."""
    given_facts: dict[str, Any] = {}

    def note(document: Any, facts: Any, files: Any) -> bytes:
        given_facts.update(facts)
        return typesetting.pdf(document, facts, files)

    monkeypatch.setattr(sheets, "pdf", note)
    codes = [Printable(10_001 + number, new_code()) for number in range(count)]
    made = sheet(batch(**more), codes, HEADING, paper=paper, languages=["id", "en"], zone=ZoneInfo("Asia/Jakarta"))
    assert [card["code"] for card in given_facts["cards"]] == [grouped(one.code) for one in codes]
    return made, given_facts


def pages(pdf: bytes) -> int:
    """Count the pages, also of a PDF whose objects are in compressed streams."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    plain = [pdf]
    for stream in streams:
        try:
            plain.append(zlib.decompress(stream))
        except zlib.error:
            continue
    return sum(len(re.findall(rb"/Type\s*/Page\b(?!s)", part)) for part in plain)


@pytest.mark.parametrize(
    ("paper", "count", "sheets_of_paper"), [(Paper.A4, 11, 2), (Paper.A4, 10, 1), (Paper.ROLL, 3, 3)]
)
def test_every_voucher_has_its_place_on_the_paper(
    paper: Paper, count: int, sheets_of_paper: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pdf, _ = printed(count, paper, monkeypatch)

    assert pdf.startswith(b"%PDF-")
    assert pages(pdf) == sheets_of_paper


def test_it_says_in_both_languages_what_to_do_and_what_one_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    _, facts = printed(1, Paper.ROLL, monkeypatch)

    indonesian, english = (
        {name: words.replace("\xa0", " ") for name, words in said.items()} for said in facts["words"]
    )

    assert indonesian["join"] == "1. Pindai, atau pilih Wi-Fi “WiFi; Publik”."
    assert indonesian["gives"] == (
        "480 menit · 500 MB · 2 perangkat sekaligus · 24 jam sejak pertama dipakai, paling lambat 1 April 2026"
    )
    assert english["type"] == "2. Type this code on the page that opens:"
    assert english["gives"] == (
        "480 minutes · 500 MB · 2 devices at once · 24 hours from the first use, no later than April 1, 2026"
    )


def test_what_is_not_limited_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    _, facts = printed(1, Paper.A4, monkeypatch, minutes=None, megabytes=None, devices=1, life_hours=72)

    assert facts["words"][1]["gives"].replace("\xa0", " ") == (
        "1 device · 3 days from the first use, no later than April 1, 2026"
    )


@given(st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=32))
def test_a_camera_reads_the_name_of_the_wifi_back(ssid: str) -> None:
    written = wifi(ssid)

    found = re.fullmatch(r"WIFI:T:nopass;S:((?:\\.|[^\\;])*);;", written)
    assert found is not None
    assert re.sub(r"\\(.)", r"\1", found.group(1)) == ssid


def test_the_catalogue_holds_exactly_these_words() -> None:
    said = {
        found[1]
        for found in extract_from_file("python", sheets.__file__, keywords={"N_": None})
        if isinstance(found[1], str)
    }
    with (LOCALES / "id" / "sheets.po").open("rb") as file:
        kept = {message.id for message in read_po(file) if message.id}

    assert kept == said
