"""Consents from the command line, with running RADIUS: withdrawn, deleted, verified and written out; terms that change."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import select
from typer.testing import CliRunner, Result

from hotspot.cli.main import app
from hotspot.guests.terms import Person, approve, draft, ensure_default_terms, packaged_texts
from hotspot.paths import PACKAGE
from hotspot.radius import control
from hotspot.radius.attributes import Attr, ErrorCause, StatusType
from hotspot.usage.counters import EndedBy
from hotspot.usage.models import GuestSession
from tests.conftest import SECRET_KEY
from tests.radius.asking import accepted, agree, known_device, refused, used
from tests.radius.going_online import ADDRESS, hears_at, number_of, online
from tests.radius.radius_city import GINA_MAC, OTHER_MAC, City, Clock, Router
from tests.radius.scripted_router import ACK, ScriptedRouter, answer, nak, silence
from tests.radius.scripted_router import router as scripted

NOT_FOUND = nak(ErrorCause.SESSION_CONTEXT_NOT_FOUND)
ASK_AGAIN = "Please agree to the terms first."
DAY = timedelta(days=1)
GUIDE = PACKAGE.parent / "docs" / "official.md"
pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture(autouse=True)
def _installation(city: City, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with city.database.writing() as db:
        ensure_default_terms(db, city.clock.now)
    monkeypatch.setenv("HOTSPOT_DATABASE_URL", database_url)
    monkeypatch.setenv("HOTSPOT_SECRET_KEY", SECRET_KEY)
    monkeypatch.setenv("HOTSPOT_DATA_DIR", str(tmp_path / "data"))


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def said(*words: str, code: int = 0) -> dict[str, object]:
    result = run(*words, "--json")
    assert result.exit_code == code, result.output
    found: dict[str, object] = json.loads(result.stdout)
    return found


def asked_about(box: ScriptedRouter) -> set[tuple[str | None, str | None]]:
    return {(one.text(Attr.ACCT_SESSION_ID), one.text(Attr.USER_NAME)) for one in box.asked}


# --- withdrawing ---------------------------------------------------------------------------------------------------------


def test_a_withdrawal_ends_the_session_and_the_device_is_known_no_longer(
    city: City, router: Router, library: Router, clock: Clock
) -> None:
    online(city, router)
    accepted(library.ask(known_device(library)))

    with scripted(answer(ACK), NOT_FOUND) as box:
        hears_at(city, box)
        result = run("consents", "withdraw", "--device", GINA_MAC)
    assert result.exit_code == 0, result.output
    assert f"Session {number_of(city)}: The session is over" in result.stdout
    assert {acct for acct, _ in asked_about(box)} == {"80100001"}
    assert refused(router.ask(known_device(router)))
    assert refused(library.ask(known_device(library)))

    clock.now = datetime.now(UTC) + DAY
    accepted(router.ask(router.access_request(agree(city))))
    accepted(library.ask(known_device(library)))


def test_a_credential_of_before_the_withdrawal_lets_nobody_in(city: City, router: Router) -> None:
    login = agree(city)

    run("consents", "withdraw", "--device", GINA_MAC)

    assert refused(router.ask(router.access_request(login)))


def test_a_router_that_was_away_is_asked_again_until_it_reports_the_end(
    city: City, router: Router, clock: Clock
) -> None:
    clock.now = datetime.now(UTC)
    told = online(city, router)
    with scripted(silence) as box:
        hears_at(city, box)
        assert said("consents", "withdraw", "--device", GINA_MAC, code=5)["sessions"] == {
            str(number_of(city)): "NoAnswer"
        }

    with scripted(answer(ACK)) as box:
        hears_at(city, box)
        assert control.end_superseded(city.database, keys=city.keys, now=clock.now) == 1
    used(router, told, "80100001", seconds=60, octets=7_000, status=StatusType.STOP)

    with city.database.reading() as db:
        session = db.exec(select(GuestSession)).one()
        assert (session.ended_by, session.octets_to_device) == (EndedBy.STOP, 7_000)
    assert control.end_superseded(city.database, keys=city.keys, now=clock.now) == 0


# --- deleting ------------------------------------------------------------------------------------------------------------


def test_what_is_held_is_shown_and_deleted_for_a_request_by_letter(city: City, router: Router) -> None:
    told = online(city, router)
    shown = said("guests", "show", "--device", GINA_MAC)
    assert {name: len(shown[name]) for name in ("agreements", "visits", "tries")} == {  # type: ignore[arg-type]
        "agreements": 1,
        "visits": 1,
        "tries": 1,
    }
    assert "agreements: 1" in run("guests", "show", "--device", GINA_MAC).stdout

    with scripted(answer(ACK), NOT_FOUND) as box:
        hears_at(city, box)
        result = run("guests", "forget", "--device", GINA_MAC, "--yes")

    assert "Deleted: 1 consents, 1 log-ins; 1 visits are nobody's now." in result.stdout
    ((acct, name),) = asked_about(box)
    assert (acct, box.asked[0].address(Attr.FRAMED_IP_ADDRESS)) == ("80100001", ADDRESS)
    assert name is not None, "the router is asked by the name it knows, although nobody else knows it any more"
    used(router, told, "80100001", seconds=60, octets=7_000, status=StatusType.STOP)
    shown = said("guests", "show", "--device", GINA_MAC)
    assert not any(value for name, value in shown.items() if name != "device"), "a late report names nobody"
    with city.database.reading() as db:
        assert db.exec(select(GuestSession)).one().octets_to_device == 7_000, "and is still counted"
    assert "Nothing is held" in run("guests", "forget", "--device", GINA_MAC, "--yes").stdout
    assert said("consents", "verify")["without_facts"] == 1
    assert refused(router.ask(known_device(router)))


def test_deleting_asks_first(city: City) -> None:
    agree(city)

    result = CliRunner().invoke(app, ["guests", "forget", "--device", GINA_MAC], input="n\n")

    assert result.exit_code == 1
    assert len(said("guests", "show", "--device", GINA_MAC)["agreements"]) == 1  # type: ignore[arg-type]


# --- verifying and proving -----------------------------------------------------------------------------------------------


def test_verifying_prints_the_head_and_names_the_first_broken_entry(city: City) -> None:
    for mac in (GINA_MAC, OTHER_MAC, GINA_MAC):
        agree(city, mac)
    head = str(said("consents", "verify")["head"])
    assert head in run("consents", "verify", "--head", head).stdout

    with city.database.writing() as db:
        db.execute(text("SET LOCAL session_replication_role = replica"))
        db.execute(text("UPDATE consent SET language = 'xx' WHERE entry = 2"))

    assert said("consents", "verify", code=3)["broken"] == 2
    result = run("consents", "verify")
    assert (result.exit_code, "Entry 2 is broken" in result.stdout) == (3, True)


@pytest.mark.parametrize("head", ["", "x", "00"])
def test_what_can_not_be_a_head_is_told(city: City, head: str) -> None:
    result = run("consents", "verify", "--head", head)

    assert result.exit_code == 2
    assert "64 hexadecimal digits" in result.stderr


@pytest.mark.parametrize("words", [[], ["--site", "alun-alun", "--chain"]])
def test_one_thing_is_written_out_at_a_time(city: City, tmp_path: Path, words: list[str]) -> None:
    result = run("consents", "export", "--out", str(tmp_path / "x"), *words)

    assert result.exit_code == 2
    assert not (tmp_path / "x").exists()


def test_a_proof_is_verified_with_the_recipe_of_the_guide_alone(city: City, tmp_path: Path) -> None:
    for mac in (OTHER_MAC, GINA_MAC, GINA_MAC):
        agree(city, mac)
    run("consents", "withdraw", "--device", GINA_MAC)
    for words, statements in ((["--device", GINA_MAC], 3), (["--site", "alun-alun"], 4)):
        for out, what in (("proof.jsonl", words), ("chain.txt", ["--chain"])):
            assert run("consents", "export", "--out", str(tmp_path / out), *what).exit_code == 0
        assert (tmp_path / "proof.jsonl").stat().st_mode & 0o777 == 0o600

        assert f"{statements} statements are in the chain" in recipe(tmp_path)
    for name, before, after in (
        ("proof.jsonl", '"language": "en"', '"language": "id"'),
        ("proof.jsonl", "Gratis", "Berbayar"),
        ("chain.txt", " given ", " erased "),
    ):
        kept = (tmp_path / name).read_text()
        assert before in kept
        (tmp_path / name).write_text(kept.replace(before, after, 1))
        with pytest.raises(subprocess.CalledProcessError):
            recipe(tmp_path)
        (tmp_path / name).write_text(kept)


def recipe(folder: Path) -> str:
    """Run the guide's recipe in the folder, as somebody without hotspot would."""
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    (folder / "recipe.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-I", "recipe.py"], cwd=folder, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


# --- terms that change ---------------------------------------------------------------------------------------------------


def test_a_material_change_asks_again_from_its_day_on_and_only_if_it_was_approved(
    city: City, router: Router, clock: Clock
) -> None:
    agree(city, used=True)
    texts = {language: {**parts, "title": "New"} for language, parts in packaged_texts("public").items()}
    with city.database.writing() as db:
        made = draft(db, "public", texts, by=Person("Bob", "x"), now=clock.now, effective_at=clock.now + DAY)
        number, sha256 = made.version, made.sha256
    clock.advance(DAY)
    accepted(router.ask(known_device(router)))  # a draft asks nobody again

    with city.database.writing() as db:
        made = approve(db, "public", number, sha256=sha256, by=Person("Alice", "x"), now=clock.now)
        assert made.effective_at == clock.now
    assert refused(router.ask(known_device(router))) == ASK_AGAIN


def test_a_material_change_of_the_future_lets_known_devices_in_until_then(
    city: City, router: Router, clock: Clock
) -> None:
    agree(city, used=True)
    texts = {language: {**parts, "title": "New"} for language, parts in packaged_texts("public").items()}
    with city.database.writing() as db:
        made = draft(db, "public", texts, by=Person("Bob", "x"), now=clock.now, effective_at=clock.now + DAY)
        approve(db, "public", made.version, sha256=made.sha256, by=Person("Alice", "x"), now=clock.now)

    clock.advance(DAY - timedelta(seconds=1))
    accepted(router.ask(known_device(router)))
    clock.advance(timedelta(seconds=1))
    assert refused(router.ask(known_device(router))) == ASK_AGAIN
