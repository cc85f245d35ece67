"""What is held about a device: seen by itself alone, withdrawn, deleted, and the city's figures as before."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError
from sqlmodel import col, select

from hotspot.db import Database
from hotspot.guests.models import Admission, Consent, Erasure, LedgerEntry, Withdrawal
from hotspot.guests.phone_models import PhoneCode
from hotspot.guests.proof import Verified, verify
from hotspot.guests.service import Decided, block_device, latest_consents, log_admissions
from hotspot.migrations.models import metadata
from hotspot.portal import held
from hotspot.portal.entering import ATTEMPT_LOCK
from hotspot.portal.held import erase, forget_addresses, held_about, withdraw
from hotspot.portal.privacy import METHODS
from hotspot.sites.settings import SignIn
from hotspot.usage.counters import EndedBy
from hotspot.usage.models import GuestSession
from hotspot.usage.rollup import rebuild_dirty
from tests.portal.visit import Page, Visit, path_of
from tests.world import OTHER_PHONE, World

HOUR = timedelta(hours=1)
ZONE = ZoneInfo("Asia/Jakarta")


def own_data(visit: Visit, login: dict[str, str]) -> str:
    """The address that the online page leads to."""
    (link,) = [a["href"] for a in visit.open(path_of(login)).all("a") if "/privacy?" in str(a["href"])]
    return str(link)


def buttons(page: Page) -> dict[str, dict[str, str]]:
    """The page's forms: action → fields."""
    found: dict[str, dict[str, str]] = {}
    for tag, attributes in page.elements:
        if tag == "form":
            fields = found.setdefault(str(attributes["action"]), {})
        elif tag == "input":
            fields[str(attributes["name"])] = str(attributes["value"])
    return found


def press(visit: Visit, name: str, login: dict[str, str], **headers: str) -> httpx.Response:
    action = f"/p/alun-alun/privacy/{name}"
    return visit.client.post(action, data=buttons(visit.open(own_data(visit, login)))[action], headers=headers)


@pytest.fixture
def told(visit: Visit) -> list[int]:
    """The sessions whose routers were told."""
    asked: list[int] = []

    def ask(sessions: Sequence[int], *, now: datetime) -> None:
        del now
        asked.extend(sessions)

    visit.app.state.end_sessions = ask
    return asked


# --- seeing --------------------------------------------------------------------------------------------------------------


def test_a_device_sees_what_is_held_about_it_and_nothing_of_others(visit: Visit) -> None:
    login = visit.online()
    with visit.database.writing() as db:
        visit.world.login(db, mac=OTHER_PHONE, site=visit.world.perpustakaan)
        decide(visit, UUID(login["username"]), refusal="day_time_used")

    page = visit.open(own_data(visit, login))

    assert "2 Maret 2026" in page.text
    assert "ketentuan “public”, versi 1, Bahasa Indonesia, satu sentuhan" in page.text
    assert "tidak diizinkan, waktu untuk hari itu habis" in page.text
    assert "Perpustakaan" not in page.text
    assert str(visit.world.device()) not in page.html, "a pseudonym is not for screens"


def decide(visit: Visit, number: UUID, *, refusal: str | None = None) -> None:
    """What RADIUS notes when it has decided."""
    world = visit.world
    entry = Decided(
        id=number,
        router_id=world.router,
        site_id=world.alun_alun,
        device_id=world.device(),
        guest_id=world.device(),
        refusal=refusal,
        user_name=None,
        held_until=None,
        slowed_at=None,
    )
    with visit.database.writing() as db:
        log_admissions(db, [entry], now=visit.clock())


def test_every_way_that_a_consent_can_name_has_words() -> None:
    assert METHODS.keys() == set(SignIn)


def test_naming_a_device_shows_nothing_of_it(visit: Visit) -> None:
    address = own_data(visit, visit.online())

    for path in (
        "/p/alun-alun/privacy",
        "/p/alun-alun/privacy?mac=BC:24:11:EB:56:4D",
        re.sub(r"t=.", "t=x", address),
        address.replace("/p/alun-alun/", "/p/perpustakaan/"),
    ):
        response = visit.client.get(path)
        assert response.status_code == 403, path
        assert "Alun-Alun:" not in Page(response.text).text


def test_who_is_online_no_more_sees_nothing(visit: Visit) -> None:
    address = own_data(visit, visit.online())
    visit.clock.forward(days=1)

    assert visit.client.get(address).status_code == 403


def test_a_long_list_shows_its_latest_and_says_how_many_there_are(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hotspot.portal.privacy.MOST_SHOWN", 1)
    visit.online()

    assert "Dan 1 lagi yang lebih lama." in visit.open(own_data(visit, visit.online())).text


def test_a_blocked_device_is_told_why(visit: Visit) -> None:
    login = visit.online()
    with visit.database.writing() as db:
        until = visit.clock() + HOUR
        block_device(db, visit.world.device(), reason="Spam", until=until, now=visit.clock())

    assert "Spam (diblokir sampai 2 Maret 2026" in visit.open(own_data(visit, login)).text


# --- withdrawing ---------------------------------------------------------------------------------------------------------


def test_withdrawing_ends_the_connection_and_the_devices_being_known(visit: Visit, told: list[int]) -> None:
    login = visit.online()
    with visit.database.reading() as db:
        assert latest_consents(db, [visit.world.device()])

    page = Page(press(visit, "withdraw", login).text)

    assert "Persetujuan Anda sudah ditarik" in page.text
    with visit.database.reading() as db:
        session = db.exec(select(GuestSession)).one()
        assert (session.ended_by, told) == (EndedBy.WITHDRAWN, [session.id])
        assert not latest_consents(db, [visit.world.device()])
        assert db.exec(select(Withdrawal)).one().by == "guest"
        assert isinstance(verify(db), Verified)
        assert db.exec(select(Consent)).all(), "the proof stays until it is deleted or its time is over"


def test_withdrawing_twice_is_withdrawing_once(visit: Visit, told: list[int]) -> None:
    login = visit.online()
    action, fields = next(
        (action, fields)
        for action, fields in buttons(visit.open(own_data(visit, login))).items()
        if "withdraw" in action
    )
    first, second = (visit.client.post(action, data=fields).status_code for _ in range(2))

    assert (first, second) == (200, 200)
    with visit.database.reading() as db:
        assert len(db.exec(select(Withdrawal)).all()) == 1


def test_a_press_after_the_withdrawal_is_a_consent_of_its_own(visit: Visit, told: list[int]) -> None:
    """Also while the attempt of before is open, which would go on with what it agreed to."""
    press(visit, "withdraw", visit.online())
    visit.clock.forward(seconds=1)

    visit.online()

    with visit.database.reading() as db:
        assert len(db.exec(select(Consent)).all()) == 2
        assert latest_consents(db, [visit.world.device()])


def test_who_withdraws_while_the_button_is_pressed_waits_for_the_press(visit: Visit) -> None:
    """Each would hold what the other one waits for."""
    visit.online()
    turn = f"{visit.world.alun_alun} {visit.world.device()}"
    with visit.database.writing() as pressing:
        lock = text("SELECT pg_advisory_xact_lock(:space, hashtext(:turn))")
        pressing.execute(lock, {"space": ATTEMPT_LOCK, "turn": turn})  # as `entering.enter` does
        for deed in (withdraw, partial(erase, keys=visit.settings.keys, zone=ZONE)):
            with visit.database.writing() as db:
                db.execute(text("SET LOCAL lock_timeout = '50ms'"))
                with pytest.raises(OperationalError, match="lock timeout"):
                    deed(db, visit.world.device(), by="guest", now=visit.clock())
                db.rollback()


def test_what_was_withdrawn_can_still_be_deleted(visit: Visit, told: list[int]) -> None:
    page = Page(press(visit, "withdraw", visit.online()).text)
    ((action, fields),) = buttons(page).items()

    assert "Data Anda sudah dihapus" in Page(visit.client.post(action, data=fields).text).text
    assert rows_naming(visit.database, visit.world.device()) == {}


# --- deleting ------------------------------------------------------------------------------------------------------------


def rows_naming(database: Database, device_id: UUID) -> dict[str, int]:
    """Every table that names a device or a guest, and how many of its rows name this one."""
    found = {}
    with database.reading() as db:
        for table in metadata.tables.values():
            for column in {"device_id", "guest_id"} & set(table.columns.keys()):
                many = db.scalar(
                    text(f"SELECT count(*) FROM {table.name} WHERE {column} = :device"), {"device": device_id}
                )
                if many:
                    found[f"{table.name}.{column}"] = many
    return found


def figures(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with database.reading() as db:
        return {
            table: [tuple(row) for row in db.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2, 3"))]
            for table in ("usage_hour", "usage_day")
        }


def visits_of_a_week(visit: Visit) -> dict[str, str]:
    """Gina comes on four days, once over midnight, and somebody else on one of them; the last of hers is open."""
    start: datetime = visit.clock()
    for hours, minutes, device in (
        (-72, 60, visit.world.device()),
        (-37, 90, visit.world.device()),
        (-31, 90, visit.world.device()),
        (-29, 20, visit.world.device()),
        (-48, 20, visit.world.device(OTHER_PHONE)),
    ):
        began = start + timedelta(hours=hours)
        with visit.database.writing() as db:
            db.add(
                GuestSession(
                    router_id=visit.world.router,
                    session_key=UUID(int=hours % 2**32),
                    site_id=visit.world.alun_alun,
                    device_id=device,
                    admission_id=UUID(int=hours % 2**16),
                    acct_session_id="80000001",
                    address="10.5.50.9",
                    started_at=began,
                    last_seen_at=began + timedelta(minutes=minutes),
                    ended_at=began + timedelta(minutes=minutes),
                    ended_by="stop",
                    octets_from_device=1_000 * minutes,
                    octets_to_device=9_000 * minutes,
                )
            )
    login = visit.online()
    decide(visit, UUID(login["username"]))
    all_dirty(visit)
    return login


def phone_code(visit: Visit) -> PhoneCode:
    ids = {name: UUID(int=1) for name in ("id", "phone_id", "prefix_id")}
    times = {"created_at": visit.clock(), "expires_at": visit.clock() + HOUR}
    return PhoneCode(
        site_id=visit.world.alun_alun, device_id=visit.world.device(), code_hash=b"x", language="id", **ids, **times
    )


def all_dirty(visit: Visit) -> None:
    """Have every hour rebuilt from the sessions as they are now."""
    with visit.database.writing() as db:
        since, until = visit.clock() - timedelta(days=5), visit.clock() + HOUR
        db.execute(
            text("INSERT INTO usage_dirty (since, until) VALUES (:since, :until)"), {"since": since, "until": until}
        )
        rebuild_dirty(db, visit.settings.zone)


def test_deleting_leaves_no_row_that_names_the_device_and_every_figure_as_it_was(visit: Visit, told: list[int]) -> None:
    login = visits_of_a_week(visit)
    with visit.database.writing() as db:
        db.add(phone_code(visit))
    assert "Kode yang dikirim ke telepon" in visit.open(own_data(visit, login)).text
    before, device = figures(visit.database), visit.world.device()
    assert set(rows_naming(visit.database, device)) == {
        "consent.device_id",
        "consent.guest_id",
        "credential.device_id",
        "credential.guest_id",
        "admission.device_id",
        "admission.guest_id",
        "guest_session.device_id",
        "phone_code.device_id",
        "sign_in_attempt.device_id",
    }

    page = Page(press(visit, "delete", login).text)

    assert "Data Anda sudah dihapus" in page.text
    assert "tidak lagi menyebut perangkat ini: 5" in page.text
    assert rows_naming(visit.database, device) == {}
    assert len(told) == 1
    all_dirty(visit)
    assert figures(visit.database) == before
    assert len(before["usage_day"]) > 3
    with visit.database.reading() as db:
        assert isinstance(verify(db), Verified)
        erasure = db.exec(select(Erasure)).one()
        assert (erasure.by, erasure.consents, erasure.log_ins, erasure.sessions) == ("guest", 1, 3, 5)
        pseudonyms = {s.device_id for s in db.exec(select(GuestSession).where(col(GuestSession.address).is_(None)))}
        assert len(pseudonyms) == 3, "days apart can't be joined, what one day counts together is one device"


def test_deleting_twice_is_deleting_once(visit: Visit, told: list[int]) -> None:
    login = visit.online()
    action = "/p/alun-alun/privacy/delete"
    fields = buttons(visit.open(own_data(visit, login)))[action]

    pages = [Page(visit.client.post(action, data=fields).text).text for _ in range(2)]

    assert all("Data Anda sudah dihapus" in page for page in pages)
    assert "Tidak ada lagi data" in pages[1]
    with visit.database.reading() as db:
        assert len(db.exec(select(Erasure)).all()) == 1
        assert [one.kind for one in db.exec(select(LedgerEntry).order_by(col(LedgerEntry.seq)))] == ["given", "erased"]


def test_who_deleted_their_data_can_agree_anew(visit: Visit, told: list[int]) -> None:
    press(visit, "delete", visit.online())
    visit.clock.forward(seconds=1)

    login = visit.online()

    assert "1" in Page(press(visit, "delete", login).text).text


def test_a_late_report_does_not_bring_the_device_back(visit: Visit, told: list[int]) -> None:
    login = visit.online()
    press(visit, "delete", login)
    late = """
        INSERT INTO guest_session AS known (router_id, session_key, site_id, device_id, acct_session_id, started_at, last_seen_at, counting)
        VALUES (:router, :key, :site, :device, '80000001', :now, :now, 1)
        ON CONFLICT (router_id, session_key) DO UPDATE SET device_id = LEAST(known.device_id, excluded.device_id)
    """  # as `usage.ingest` joins them
    with visit.database.writing() as db:
        facts = {"router": visit.world.router, "key": UUID(login["username"]), "site": visit.world.alun_alun}
        db.execute(text(late), {**facts, "device": visit.world.device(), "now": visit.clock()})

    assert rows_naming(visit.database, visit.world.device()) == {}


def test_what_a_router_needs_to_end_the_session_stays_an_hour_at_most(visit: Visit, told: list[int]) -> None:
    login = visit.online()
    number = UUID(login["username"])
    decide(visit, number)
    with visit.database.writing() as db:
        db.exec(select(GuestSession)).one().address = "10.5.50.17"

    press(visit, "delete", login)

    with visit.database.writing() as db:
        session, admission = db.exec(select(GuestSession)).one(), db.get_one(Admission, number)
        assert (session.address, session.admission_id) == ("10.5.50.17", number)
        assert (session.device_id, admission.guest_id) == (admission.device_id, None)
        assert admission.user_name is not None
        assert visit.settings.keys.unseal(admission.user_name, context=f"admission:{number}") == number.hex
        assert forget_addresses(db, now=visit.clock()) == 0
        assert forget_addresses(db, now=visit.clock() + HOUR + timedelta(seconds=1)) == 1
        db.refresh(session)
        assert (session.address, session.admission_id) == (None, None)


def test_a_fault_half_way_leaves_everything_as_it_was(database: Database, world: World, now: datetime) -> None:
    """Each statement in turn fails; after any of them nothing is deleted, and the next try deletes all."""
    device = world.device()
    with database.writing() as db:
        world.login(db)
    before = rows_naming(database, device)

    for number in range(1, 100):
        if erased_unless_failing_at(number, database, world, now):
            break
        assert rows_naming(database, device) == before, f"statement {number} failed"

    assert number > 6
    assert rows_naming(database, device) == {}


def erased_unless_failing_at(number: int, database: Database, world: World, now: datetime) -> bool:
    """Erase with a connection that breaks at the statement with this number, if there are so many."""
    left = iter(range(number - 1))

    def fail(*_: object) -> None:
        if next(left, None) is None:
            raise ConnectionResetError

    event.listen(database.engine, "before_cursor_execute", fail)
    try:
        with database.writing() as db:
            erase(db, world.device(), keys=world.keys, zone=ZONE, by="guest", now=now)
    except ConnectionResetError:
        return False
    finally:
        event.remove(database.engine, "before_cursor_execute", fail)
    return True


# --- guards --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["withdraw", "delete"])
def test_a_forged_or_foreign_press_changes_nothing(visit: Visit, told: list[int], name: str) -> None:
    login = visit.online()
    address = own_data(visit, login)
    action = f"/p/alun-alun/privacy/{name}"
    fields = buttons(visit.open(address))[action]
    before = rows_naming(visit.database, visit.world.device())

    assert visit.client.get(action, params=fields).status_code == 405
    assert visit.client.post(action, data=fields, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    for changed in (
        {"token": ""},
        {"token": "x" * 22},
        {"t": ""},
        {"t": fields["t"][:-1] + "_"},
        {"o": "evil.example"},
    ):
        assert visit.client.post(action, data={**fields, **changed}).status_code == 403, changed
    other = action.replace("alun-alun", "perpustakaan")
    assert visit.client.post(other, data=fields).status_code == 403
    visit.clock.forward(hours=2)
    assert visit.client.post(action, data=fields).status_code == 403, "too old"

    assert rows_naming(visit.database, visit.world.device()) == before
    assert told == []


def test_no_button_is_pressed_in_advance(visit: Visit) -> None:
    pages = [visit.welcome(), visit.open(own_data(visit, visit.online()))]

    inputs = [attributes for page in pages for attributes in page.all("input")]
    assert {one["type"] for one in inputs} == {"hidden"}
    assert not [one for one in inputs if "checked" in one]


def test_every_table_that_names_a_device_is_one_that_deleting_knows() -> None:
    """A new one has to be deleted from, too, or to say here why not."""
    naming = {table.name for table in metadata.tables.values() if {"device_id", "guest_id"} & set(table.columns.keys())}

    assert (
        naming
        == {
            "admission",
            "blocked_device",  # stays: it protects others
            "consent",
            "credential",
            "guest_pass",  # stays, as vouchers and residents do: what a code allows; with the consents goes which devices had it
            "guest_session",
            "phone_code",
            "resident",
            "sign_in_attempt",
            "voucher",
            "withdrawal",
        }
    )


def test_a_withdrawal_reaches_sessions_that_seemed_lost(database: Database, world: World, now: datetime) -> None:
    facts = {"router_id": world.router, "site_id": world.alun_alun, "device_id": world.device(), "acct_session_id": "1"}
    with database.writing() as db:
        for number, (ended_by, ago) in enumerate((("lost", HOUR), ("lost", timedelta(days=9)), ("stop", HOUR))):
            at = now - ago
            times = {"started_at": at, "last_seen_at": at, "ended_at": at, "ended_by": ended_by}
            db.add(GuestSession(session_key=UUID(int=number), **facts, **times))
        db.flush()

        deed = withdraw(db, world.device(), by="guest", now=now)

        ended = {s.session_key.int: s.ended_by for s in db.exec(select(GuestSession))}
    assert (len(deed.sessions), ended) == (1, {0: "withdrawn", 1: "lost", 2: "stop"})


def test_nothing_is_held_about_a_device_that_was_never_here(database: Database, world: World) -> None:
    with database.reading() as db:
        assert held_about(db, world.device()) == held.Held([], [], [], [], [], [], None)
