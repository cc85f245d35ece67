"""Sessions, devices and secrets from the command line, with running RADIUS and routers that answer over UDP."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select
from typer.testing import CliRunner, Result

from hotspot.cli.main import app
from hotspot.guests.models import BlockedDevice
from hotspot.guests.terms import ensure_default_terms
from hotspot.radius.attributes import Attr, ErrorCause, MikroTik, StatusType, make
from hotspot.radius.packet import Code, Packet, Secret
from hotspot.radius.server import RadiusServer
from hotspot.routers.models import Router as RegisteredRouter
from hotspot.routers.service import known
from hotspot.usage.models import GuestSession
from tests.conftest import SECRET_KEY
from tests.radius.asking import agree, known_device, refused, used
from tests.radius.going_online import begin, hears_at, number_of, online
from tests.radius.radius_city import GINA_MAC, PERPUSTAKAAN, SECRETS, City, Router
from tests.radius.scripted_router import ACK, NAK, answer, nak, silence
from tests.radius.scripted_router import router as scripted

NOT_FOUND = nak(ErrorCause.SESSION_CONTEXT_NOT_FOUND)
THEIR_NOT_FOUND = answer(
    NAK, make(Attr.ERROR_CAUSE, ErrorCause.SESSION_CONTEXT_NOT_FOUND), secret=Secret(SECRETS[PERPUSTAKAAN].encode())
)
pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture(autouse=True)
def _installation(city: City, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with city.database.writing() as db:
        ensure_default_terms(db, city.clock.now)  # a command would publish them as of today
    monkeypatch.setenv("HOTSPOT_DATABASE_URL", database_url)
    monkeypatch.setenv("HOTSPOT_SECRET_KEY", SECRET_KEY)
    monkeypatch.setenv("HOTSPOT_DATA_DIR", str(tmp_path / "data"))


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def said(*words: str, code: int = 0) -> object:
    result = run(*words, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


# --- sessions ----------------------------------------------------------------------------------------------------------


def test_the_sessions_that_are_online_are_listed_for_people_and_programs(city: City, router: Router) -> None:
    assert run("sessions", "list").stdout == "Nobody is online.\n"
    told = online(city, router)
    used(router, told, "80100001", seconds=60, octets=5_000)

    (row,) = said("sessions", "list", "--site", "alun-alun")  # type: ignore[misc]
    assert row["id"] == number_of(city)
    assert (row["site"], row["router"], row["address"]) == ("alun-alun", "alun-alun-1", "10.5.50.2")
    assert row["device"] == str(city.device(GINA_MAC))
    assert (row["octets_to_device"], row["octets_from_device"], row["suspicion"]) == (5_000, None, None)
    assert datetime.fromisoformat(row["since"]).tzinfo is not None

    shown = run("sessions", "list").stdout
    assert str(city.device(GINA_MAC)) in shown, "whole, to be copied into the next command"
    assert "suspicion" not in shown
    assert said("sessions", "list", "--site", "perpustakaan") == []


def test_a_slip_in_the_sites_name_is_not_told_as_nobody(city: City) -> None:
    result = run("sessions", "list", "--site", "alun-alum")

    assert result.exit_code == 4
    assert "alun-alum" in result.stderr


def test_suspect_sessions_are_listed_apart_also_when_they_are_over(city: City, router: Router) -> None:
    assert run("sessions", "list", "--suspect").stdout == "Nothing looks wrong.\n"
    told = online(city, router)
    used(router, told, "80100001", seconds=3_600, octets=9, status=StatusType.STOP)  # an hour, a moment after its Start

    (row,) = said("sessions", "list", "--suspect")  # type: ignore[misc]

    assert (row["suspicion"], row["ended_by"]) == ("time", "stop")
    assert "suspicion" in run("sessions", "list", "--suspect").stdout
    assert said("sessions", "list") == []


def test_a_disconnect_tells_what_is_confirmed_and_then_that_it_is_over(city: City, router: Router) -> None:
    told = online(city, router)
    number = str(number_of(city))

    with scripted(answer(ACK), NOT_FOUND) as box:
        hears_at(city, box)
        row = said("sessions", "disconnect", number)
        result = run("sessions", "disconnect", number)

    meaning = "The session is over: the router does not know it any more."
    assert row == {"session": int(number), "done": True, "outcome": "Gone", "meaning": meaning}
    assert (result.exit_code, result.stdout) == (0, f"{meaning}\n")

    used(router, told, "80100001", seconds=60, octets=0, status=StatusType.STOP)
    for words in (("disconnect", number), ("change", number, "--minutes", "5")):
        late = run("sessions", *words)
        assert late.exit_code == 3
        assert "has ended already" in late.stderr
    assert run("sessions", "disconnect", "999").exit_code == 4


def test_a_silent_router_is_told_with_its_own_exit_code(city: City, router: Router) -> None:
    online(city, router)
    number = str(number_of(city))

    with scripted(silence) as box:
        hears_at(city, box)
        row = said("sessions", "disconnect", number, code=5)
        result = run("sessions", "change", number, "--minutes", "5")

    assert isinstance(row, dict)
    assert (row["done"], row["outcome"]) == (False, "NoAnswer")
    assert result.exit_code == 5
    assert "did not answer" in result.stdout


def test_a_running_session_is_held_to_another_speed_and_length(city: City, router: Router) -> None:
    online(city, router)
    number = str(number_of(city))

    with scripted(answer(Code.COA_ACK)) as box:
        hears_at(city, box)
        assert run("sessions", "change", number, "--up-kbps", "128", "--down-kbps", "512").exit_code == 0
        assert run("sessions", "change", number, "--minutes", "30").exit_code == 0

    speed, length = box.asked
    assert (speed.text(MikroTik.RATE_LIMIT), speed.integer(Attr.SESSION_TIMEOUT)) == ("128k/512k", None)
    assert (length.text(MikroTik.RATE_LIMIT), length.integer(Attr.SESSION_TIMEOUT)) == (None, 1_800)


@pytest.mark.parametrize("words", [[], ["--up-kbps", "128"], ["--minutes", "5", "--down-kbps", "512"]])
def test_a_change_that_says_too_little_is_refused(city: City, words: list[str]) -> None:
    result = run("sessions", "change", "1", *words)

    assert result.exit_code == 2
    assert "--minutes" in result.stderr


# --- devices -----------------------------------------------------------------------------------------------------------


def test_a_blocked_device_loses_its_sessions_and_gets_in_again_once_unblocked(city: City, router: Router) -> None:
    online(city, router)

    with scripted(answer(ACK), NOT_FOUND) as box:
        hears_at(city, box)
        result = run("devices", "block", GINA_MAC, "--reason", "spam")
    assert result.exit_code == 0
    assert "Blocked until it is unblocked." in result.stdout
    assert f"Session {number_of(city)}: The session is over" in result.stdout
    assert "may not use" in refused(router.ask(router.access_request(agree(city))))
    assert "may not use" in refused(router.ask(known_device(router)))

    assert run("devices", "unblock", str(city.device(GINA_MAC))).stdout == "It may log in again.\n"
    assert run("devices", "unblock", GINA_MAC).stdout == "It was not blocked.\n"
    begin(router, None, "80100002")
    assert router.ask(router.access_request(agree(city))).code == Code.ACCESS_ACCEPT  # type: ignore[union-attr]


def test_a_block_for_some_hours_names_the_pseudonym_and_never_the_address(city: City) -> None:
    before = datetime.now(UTC)

    row = said("devices", "block", GINA_MAC.lower(), "--reason", "spam", "--hours", "2")

    assert isinstance(row, dict)
    assert (row["device"], row["sessions"]) == (str(city.device(GINA_MAC)), {})
    assert before <= datetime.fromisoformat(row["until"]) - timedelta(hours=2) <= datetime.now(UTC)
    shown = run("devices", "block", str(city.device(GINA_MAC)), "--reason", "spam again", "--hours", "1")
    assert shown.stdout.startswith("Blocked until 20")
    with city.database.reading() as db:
        assert [one.reason for one in db.exec(select(BlockedDevice))] == ["spam again"]


def test_a_block_whose_session_can_not_be_ended_holds_and_says_so(city: City, router: Router) -> None:
    online(city, router)

    with scripted(silence) as box:
        hears_at(city, box)
        row = said("devices", "block", GINA_MAC, "--reason", "spam", code=5)

    assert isinstance(row, dict)
    assert row["sessions"] == {str(number_of(city)): "NoAnswer"}
    assert "may not use" in refused(router.ask(known_device(router)))


def test_a_session_that_ends_while_its_device_is_being_blocked_is_nobodys_error(
    city: City, radius: RadiusServer, router: Router
) -> None:
    online(city, router)
    with Router(radius, PERPUSTAKAAN, name="perpus-1") as library:
        begin(library, None, "80100002")

    def end_the_other(request: Packet) -> Iterable[bytes]:
        with city.database.writing() as db:
            for other in db.exec(select(GuestSession).where(col(GuestSession.acct_session_id) == "80100001")):
                other.ended_at, other.ended_by = datetime.now(UTC), "stop"
        return THEIR_NOT_FOUND(request)

    with scripted(end_the_other, host=PERPUSTAKAAN) as box:
        hears_at(city, box, "perpus-1")
        result = run("devices", "block", GINA_MAC, "--reason", "spam")

    assert "Traceback" not in result.output
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["block", "gina", "--reason", "spam"], "'gina' is neither a MAC address nor a device's pseudonym"),
        (["unblock", "01:00:5E:00:00:01"], "neither a MAC address"),
        (["block", GINA_MAC, "--reason", " "], "in one line"),
        (["block", GINA_MAC, "--reason", "x" * 201], "in one line"),
        (["block", GINA_MAC, "--reason", "spam", "--hours", "100000000000"], "--hours"),
    ],
)
def test_what_can_not_be_blocked_is_told_in_one_line(city: City, words: list[str], line: str) -> None:
    result = run("devices", *words)

    assert result.exit_code == 2
    assert line in " ".join(result.stderr.split())
    assert "Traceback" not in result.output


# --- secrets and ports -------------------------------------------------------------------------------------------------


def test_a_rotation_shows_the_new_secret_once_and_keeps_the_old_one_for_a_while(city: City) -> None:
    before = datetime.now(UTC)

    row = said("routers", "rotate-secret", "alun-alun-1", "--overlap-hours", "48")

    assert isinstance(row, dict)
    assert len(row["secret"]) == 32
    assert row["secret"] not in run("routers", "list").stdout
    with city.database.reading() as db:
        stored = db.exec(select(RegisteredRouter).where(RegisteredRouter.name == "alun-alun-1")).one()
    opened = known(stored, city.keys)
    assert opened.secret == row["secret"].encode()
    assert opened.previous_secret == SECRETS["127.0.0.2"].encode()
    assert stored.previous_until is not None
    assert before <= stored.previous_until - timedelta(hours=48) <= datetime.now(UTC)
    assert "The old one works for 24 more hours." in run("routers", "rotate-secret", "perpus-1").stdout


def test_the_secret_of_a_router_that_is_not_there_can_not_be_rotated(city: City) -> None:
    result = run("routers", "rotate-secret", "nowhere")

    assert result.exit_code == 4
    assert "nowhere" in result.stderr


def test_a_router_may_hear_disconnect_on_another_port(city: City) -> None:
    words = ["routers", "add", "--site", "alun-alun", "--address", "10.0.0.1"]
    said(*words, "--name", "usual")
    said(*words, "--name", "other", "--coa-port", "1700")

    assert run(*words, "--name", "wrong", "--coa-port", "65536").exit_code == 2
    with city.database.reading() as db:
        ports = {one.name: one.coa_port for one in db.exec(select(RegisteredRouter))}
    assert (ports["usual"], ports["other"]) == (3799, 1700)
