"""Signing in with a voucher or a resident's code, on the portal's own page."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import event, text
from sqlmodel import select

from hotspot.guests import guessing, residents, vouchers
from hotspot.guests.guessing import DEVICE, SITE, note_wrong
from hotspot.guests.models import Consent, Credential
from hotspot.guests.passes import GuestPass
from hotspot.guests.printed_codes import Typed, grouped, new_code
from hotspot.guests.vouchers import Printable
from hotspot.sites.models import Site
from tests.portal.test_entering import decide, login_of
from tests.portal.visit import Visit, handed
from tests.world import OTHER_PHONE

DAY = timedelta(days=1)
WRONG = "RTK4-9QXW-2HJD"


@pytest.fixture
def at_vouchers(visit: Visit) -> Visit:
    """Alun-Alun takes vouchers first, then residents' codes."""
    decide(visit, sign_in="voucher,resident")
    return visit


def printed(visit: Visit, count: int = 1, *, site: int = 0, **more: Any) -> list[Printable]:
    now = visit.clock()
    wanted = vouchers.checked_batch(now, **{"name": "Rapat", "count": count, "valid_until": now + 7 * DAY, **more})
    with visit.database.writing() as db:
        place = db.get_one(Site, site or visit.world.alun_alun)
        batch = vouchers.make_batch(db, wanted, place, made_by="Alice", now=now)
        list(vouchers.add_vouchers(db, batch, count, keys=visit.settings.keys))
        return vouchers.take_codes(db, batch.id or 0, keys=visit.settings.keys)[1]


def type_in(visit: Visit, code: str, **more: str) -> httpx.Response:
    """Open the page and type a code; hands over `mac` and the like, `method` is the first form's."""
    method = more.pop("method", "voucher")
    page = visit.welcome(**more)
    fields = {str(a["name"]): str(a["value"]) for a in page.all("input") if a.get("type") == "hidden"}
    action = str(page.all("form")[0]["action"])
    return visit.client.post(action, data={**fields, "method": method, "code": code})


def said(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.text.partition("<h1>")[2].partition("</h1>")[0]


def guests(visit: Visit) -> list[UUID]:
    with visit.database.reading() as db:
        return list(db.exec(select(Consent.guest_id).order_by(Consent.id)))  # type: ignore[arg-type]


@contextmanager
def statements(visit: Visit) -> Iterator[list[str]]:
    """What the database is asked meanwhile."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        asked.append(statement)

    event.listen(visit.database.engine, "before_cursor_execute", note)
    yield asked
    event.remove(visit.database.engine, "before_cursor_execute", note)


# --- right codes ---------------------------------------------------------------------------------------------------------


def test_each_method_has_a_field_with_a_label_and_its_own_button(at_vouchers: Visit) -> None:
    page = at_vouchers.welcome()

    fields = [a for a in page.all("input") if a.get("type") != "hidden"]
    assert [a["name"] for a in fields] == ["code", "code"]
    assert "Kode pada voucher Anda" in page.text
    assert "Setuju dan pakai kode warga saya" in page.text


def test_a_voucher_typed_in_any_way_leads_to_the_router_with_a_guest_of_its_own(at_vouchers: Visit) -> None:
    (made,) = printed(at_vouchers)

    login = login_of(type_in(at_vouchers, f"  {grouped(made.code).lower().replace('-', ' ')} "))

    with at_vouchers.database.reading() as db:
        (held,) = db.exec(select(GuestPass)).all()
        (consent,) = db.exec(select(Consent)).all()
        (credential,) = db.exec(select(Credential)).all()
    assert (consent.method, consent.guest_id, credential.guest_id) == ("voucher", held.guest_id, held.guest_id)
    assert credential.id == UUID(login["username"])


def test_two_devices_with_one_voucher_are_one_guest(at_vouchers: Visit) -> None:
    (made,) = printed(at_vouchers)

    for mac in ("", str(OTHER_PHONE)):
        assert type_in(at_vouchers, made.code, **({"mac": mac} if mac else {})).status_code == 303

    assert len(set(guests(at_vouchers))) == 1
    assert len(guests(at_vouchers)) == 2


def test_a_residents_devices_are_one_guest_whatever_they_call_themselves(at_vouchers: Visit) -> None:
    with at_vouchers.database.writing() as db:
        keys, now = at_vouchers.settings.keys, at_vouchers.clock()
        gina = residents.issue(db, note="", life=DAY, issued_by="Alice", keys=keys, now=now)

    for mac in ("3A:00:00:00:00:01", "3A:00:00:00:00:02"):
        assert type_in(at_vouchers, gina.code, method="resident", mac=mac).status_code == 303

    assert len(set(guests(at_vouchers))) == 1
    at_vouchers.clock.forward(hours=24)
    assert said(type_in(at_vouchers, gina.code, method="resident")) == (403, "Masa kode Anda sudah berakhir")


def test_a_voucher_is_no_residents_code(at_vouchers: Visit) -> None:
    (made,) = printed(at_vouchers)

    assert said(type_in(at_vouchers, made.code, method="resident")) == (403, "Kode ini tidak dikenal")


def test_when_the_terms_changed_meanwhile_the_voucher_is_still_unused(at_vouchers: Visit) -> None:
    (made,) = printed(at_vouchers)
    page = at_vouchers.welcome()
    fields = {str(a["name"]): str(a["value"]) for a in page.all("input") if a.get("type") == "hidden"}

    answer = at_vouchers.client.post("/p/alun-alun/login", data={**fields, "code": made.code, "terms": "0" * 64})

    assert answer.status_code == 409
    with at_vouchers.database.reading() as db:
        assert vouchers.get_voucher(db, made.number, now=at_vouchers.clock()).state == "unused"


# --- others --------------------------------------------------------------------------------------------------------------


def test_codes_that_are_nobodys_or_were_taken_back_look_alike_to_the_last_octet_and_query(at_vouchers: Visit) -> None:
    void, other, mine = printed(at_vouchers, 3)
    with at_vouchers.database.writing() as db:
        vouchers.void_voucher(db, void.number, now=at_vouchers.clock())
    type_in(at_vouchers, WRONG)  # what is looked up once for all is known then
    found = []
    at_vouchers.open()  # from now on what the place shows is in memory
    for code in (WRONG, "not a code", "", void.code, f"{mine.code} {other.number}", "RTK4" * 20):
        with statements(at_vouchers) as asked:
            answer = type_in(at_vouchers, code)
        found.append((answer.status_code, dict(answer.headers), answer.text, [one.split("(")[0] for one in asked]))

    assert found[0][0] == 403
    with_number = found.pop(4)
    assert with_number[:3] == found[0][:3]
    assert [one for one in found if one != found[0]] == []


def test_who_holds_a_real_code_is_told_why_it_is_of_no_use(at_vouchers: Visit) -> None:
    (there,) = printed(at_vouchers, site=at_vouchers.world.perpustakaan)
    (spent,) = printed(at_vouchers)
    type_in(at_vouchers, spent.code)
    with at_vouchers.database.writing() as db:
        db.execute(text("UPDATE guest_pass SET spent_at = now()"))

    assert said(type_in(at_vouchers, there.code)) == (403, "Kode ini untuk tempat lain")
    assert said(type_in(at_vouchers, spent.code)) == (403, "Kode Anda sudah habis dipakai")
    at_vouchers.clock.forward(hours=7 * 24)
    assert said(type_in(at_vouchers, there.code)) == (403, "Masa kode Anda sudah berakhir")


def test_no_code_is_in_the_page_that_answers_or_its_links(at_vouchers: Visit) -> None:
    answer = type_in(at_vouchers, WRONG)

    assert WRONG not in answer.text
    assert "/p/alun-alun?mac=" in answer.text, "the way back keeps what the router handed over"


# --- guessing ------------------------------------------------------------------------------------------------------------


def test_a_device_that_guesses_is_stopped_and_its_right_code_then_too(at_vouchers: Visit) -> None:
    (made,) = printed(at_vouchers)
    found = [said(type_in(at_vouchers, new_code()))[0] for _ in range(10)]

    assert found == [403] * 8 + [429] * 2
    assert said(type_in(at_vouchers, made.code)) == (429, "Terlalu banyak kode yang salah")
    assert type_in(at_vouchers, made.code, mac=str(OTHER_PHONE)).status_code == 303, "a neighbour isn't"
    at_vouchers.clock.forward(minutes=15)
    assert type_in(at_vouchers, made.code).status_code == 303


def test_while_a_site_is_flooded_who_holds_a_voucher_gets_in_with_its_number(at_vouchers: Visit) -> None:
    one, other = printed(at_vouchers, 2)
    with at_vouchers.database.writing() as db:
        for _ in range(SITE.most):
            note_wrong(
                db,
                Typed(new_code()),
                site_id=at_vouchers.world.alun_alun,
                keys=at_vouchers.settings.keys,
                now=at_vouchers.clock(),
            )

    assert said(type_in(at_vouchers, one.code)) == (429, "Mohon ketik nomornya juga")
    assert said(type_in(at_vouchers, f"{one.code} {other.number}")) == (403, "Kode ini tidak dikenal")
    assert type_in(at_vouchers, f"{one.code} {one.number}").status_code == 303


def test_wrong_codes_of_many_devices_are_counted_together_and_right_ones_are_not(
    at_vouchers: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    (made,) = printed(at_vouchers)
    monkeypatch.setattr(guessing, "SITE", SITE._replace(most=3))

    for number in range(3):
        assert type_in(at_vouchers, made.code).status_code == 303
        assert said(type_in(at_vouchers, WRONG, mac=f"3A:00:00:00:00:0{number}"))[0] == 403

    assert said(type_in(at_vouchers, WRONG, mac="3A:00:00:00:00:09")) == (429, "Mohon ketik nomornya juga")


def test_a_right_code_that_is_typed_often_is_no_guess(at_vouchers: Visit) -> None:
    (made,) = printed(at_vouchers)

    assert [type_in(at_vouchers, made.code).status_code for _ in range(DEVICE.most + 2)] == [303] * (DEVICE.most + 2)


def test_a_foreign_or_forged_form_uses_nothing_up(at_vouchers: Visit) -> None:
    (made,) = printed(at_vouchers)
    fields = {**handed(), "method": "voucher", "code": made.code}

    foreign = at_vouchers.client.post("/p/alun-alun/login", data=fields, headers={"sec-fetch-site": "cross-site"})
    forged = at_vouchers.client.post("/p/alun-alun/login", data={**fields, "token": "x"})

    assert (foreign.status_code, forged.status_code) == (403, 403)
    with at_vouchers.database.reading() as db:
        assert vouchers.get_voucher(db, made.number, now=at_vouchers.clock()).state == "unused"
        assert db.scalar(text("SELECT count(*) FROM limit_window")) == 0
