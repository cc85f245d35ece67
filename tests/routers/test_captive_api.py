"""The captive portal API of routers: offered to phones only after it was tested from inside, and taken off by itself."""

import json
from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from benchmarks.live_router import Live
from hotspot.jobs import Work, pending
from hotspot.process import TASKS
from hotspot.routers import api_tests, nightly, provision
from hotspot.routers.api_tests import CantTest, NothingToTest, look_after, self_test, withdraw, wrong_with
from hotspot.routers.captive_api import CaptiveApi, forget
from hotspot.routers.checks import RouterCheck
from hotspot.routers.ledger import Outcome
from hotspot.routers.service import get_router_named
from hotspot.simulator.routeros.sessions import Call, Result
from hotspot.simulator.routeros.traps import Trap
from tests.routers.certified import HOST, City
from tests.routers.managed import NAME, applied, planned


@pytest.fixture
def certified(city: City) -> City:
    """A router with a certificate on it, which was not tested yet."""
    city.certify()
    city.give(login_host=HOST)
    applied(city.means)
    return city


@pytest.fixture
def offering(certified: City) -> City:
    """One whose test was passed and that tells phones of its API."""
    assert self_test(certified.means, NAME).passed
    assert applied(certified.means).outcome is Outcome.CONFIRMED
    return certified


def options(city: City) -> list[tuple[str, str]]:
    return [(row["code"], row["value"]) for row in city.live.rows("/ip/dhcp-server/option")]


def held(city: City) -> CaptiveApi:
    with city.means.database.reading() as db:
        return db.exec(select(CaptiveApi)).one().model_copy()


def reasons(city: City) -> set[str]:
    return {each.why for each in planned(city.means).plan.left_out}


def break_page(live: Live, text: str = "{}") -> None:
    (name,) = [row["name"] for row in live.rows("/file") if row["name"].endswith("/api.json")]
    live.at_once(lambda: live.do("/file/set", _id=name, contents=text))


def set_clock(city: City, now: datetime) -> None:
    """Let the controller and the router have another time."""
    city.now = now
    city.live.at_once(lambda: city.live.router.set_wall(now.timestamp()))


def issuer_goes(city: City) -> None:
    for row in city.live.rows("/certificate"):
        if row["name"].startswith("hotspot-login-") and row["private-key"] == "false":
            city.live.at_once(lambda name=row["name"]: city.live.do("/certificate/remove", _id=name))


def test_phones_are_told_of_an_api_only_after_its_test_was_passed(certified: City) -> None:
    assert options(certified) == []
    assert any("has passed its self-test (hotspot routers api-test)" in why for why in reasons(certified))

    found = self_test(certified.means, NAME)

    assert (found.passed, found.problem, found.host) == (True, "", HOST)
    applied(certified.means)
    assert options(certified) == [("114", f"'https://{HOST}/api'")]
    (network,) = [row for row in certified.live.rows("/ip/dhcp-server/network") if "dhcp-option-set" in row]
    assert network["dhcp-option-set"] == "hotspot-guests"
    assert planned(certified.means).plan.is_empty


def test_a_run_that_brings_a_certificate_queues_its_test(certified: City, monkeypatch: pytest.MonkeyPatch) -> None:
    with certified.means.database.reading() as db:
        (job,) = pending(db)
        router = get_router_named(db, NAME).id or 0
    assert api_tests.TASK in TASKS
    assert (job.task, job.router_id) == (api_tests.TASK.name, router)
    monkeypatch.setattr(api_tests, "dial", certified.means.dial)

    api_tests.TASK.run(Work(certified.means.database, certified.means.settings, router, {}, 0))

    assert held(certified).passed
    applied(certified.means)
    with certified.means.database.reading() as db:
        assert len(pending(db)) == 1  # what was tested is not tested again at once


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda city: break_page(city.live), 'does not say "captive"'),
        (lambda city: break_page(city.live, "<html>"), "is not JSON"),
        (lambda city: break_page(city.live, '{"captive": true, "user-portal-url": "http://a/"}'), "is not https"),
        (lambda city: city.live.at_once(lambda: city.live.router.set_wall(0)), "not yet valid"),
        (lambda city: set_clock(city, city.now + timedelta(days=91)), "has expired"),
        (issuer_goes, "no trusted CA"),
    ],
)
def test_a_test_that_fails_says_why_and_the_next_plan_takes_all_of_it_off(certified: City, spoil, said: str) -> None:
    spoil(certified)

    found = self_test(certified.means, NAME)

    assert not found.passed
    assert said in found.problem
    why = " ".join(reasons(certified))
    assert "failed its self-test" in why or "ended on" in why
    certified.live.at_once(lambda: certified.live.router.set_wall(certified.now.timestamp()))
    applied(certified.means)
    assert options(certified) == []
    assert certified.certificates() == set()
    assert (certified.profile()["dns-name"], certified.profile()["ssl-certificate"]) == ("", "none")


def test_an_api_that_fails_by_night_is_taken_off_by_itself_and_nothing_else_is_touched(offering: City) -> None:
    break_page(offering.live)
    offering.live.at_once(lambda: offering.live.do("/system/identity/set", name="somebody-was-here"))

    nightly.look_at(offering.means, NAME)

    assert options(offering) == []
    assert offering.certificates() == set()
    assert offering.live.rows("/system/identity")[0]["name"] == "somebody-was-here"
    with offering.means.database.reading() as db:
        check = db.exec(select(RouterCheck)).one()
    assert check.differs == 2  # the name, and the page; both wait for a person


def test_a_certificate_with_less_than_a_week_left_is_taken_off_by_itself(offering: City) -> None:
    begin = offering.now
    set_clock(offering, begin + timedelta(days=82, hours=23))
    nightly.look_at(offering.means, NAME)
    assert options(offering) != []

    set_clock(offering, begin + timedelta(days=83, minutes=5))
    nightly.look_at(offering.means, NAME)

    assert options(offering) == []
    assert offering.certificates() == set()
    nightly.look_at(offering.means, NAME)  # and then there is nothing to do


def test_a_renewed_certificate_keeps_the_api_and_is_tested(offering: City) -> None:
    offering.certify(days=120)
    plan = planned(offering.means)

    assert {change.menu for change in plan.plan.changes} == {"/certificate", "/ip/hotspot/profile"}
    applied(offering.means, plan)
    assert options(offering) != []
    look_after(offering.means, NAME)
    assert held(offering).certificate == offering.profile()["ssl-certificate"]


def test_after_a_failure_another_certificate_or_a_person_lets_it_be_tested_again(certified: City) -> None:
    break_page(certified.live)
    self_test(certified.means, NAME)
    differing = nightly.check(certified.means, NAME, made_by="Bob").differs
    assert withdraw(certified.means, NAME) is not None
    assert withdraw(certified.means, NAME) is None
    with certified.means.database.reading() as db:
        assert db.exec(select(RouterCheck)).one().differs == differing  # nobody has looked at the rest of it
    with pytest.raises(NothingToTest, match=f"hotspot routers api-test {NAME} --again"):
        self_test(certified.means, NAME)

    with certified.means.database.writing() as db:
        router = get_router_named(db, NAME).id or 0
        assert forget(db, router)
        assert not forget(db, router)
    applied(certified.means)  # which mends the page, too
    assert self_test(certified.means, NAME).passed

    break_page(certified.live)
    self_test(certified.means, NAME)
    certified.certify(days=120)
    applied(certified.means)
    assert certified.profile()["dns-name"] == HOST
    assert self_test(certified.means, NAME).passed


def test_a_withdrawal_can_be_rolled_back_like_any_run(offering: City) -> None:
    break_page(offering.live)
    self_test(offering.means, NAME)
    done = withdraw(offering.means, NAME)
    assert done is not None

    provision.rollback(offering.means, done.run, made_by="Bob")

    assert options(offering) != []
    assert provision.confirm(offering.means, done.run).outcome is Outcome.CONFIRMED


def test_what_a_person_must_decide_about_is_not_taken_off(offering: City) -> None:
    break_page(offering.live)
    self_test(offering.means, NAME)
    live = offering.live
    (server,) = [row for row in live.rows("/ip/dhcp-server/network") if "dhcp-option-set" in row]
    live.at_once(lambda: live.do("/ip/dhcp-server/network/set", _id=server[".id"], comment="mine"))

    assert withdraw(offering.means, NAME) is None


def test_a_router_without_a_certificate_has_nothing_to_test(city: City) -> None:
    applied(city.means)

    with pytest.raises(NothingToTest, match="its log-in page has no certificate yet"):
        self_test(city.means, NAME)
    look_after(city.means, NAME)

    with city.means.database.reading() as db:
        assert db.exec(select(CaptiveApi)).all() == []


def test_a_router_that_may_not_fetch_is_not_judged(certified: City) -> None:
    live = certified.live
    live.at_once(lambda: live.router.device_mode.flags.__setitem__("fetch", False))

    with pytest.raises(CantTest):
        self_test(certified.means, NAME)
    look_after(certified.means, NAME)

    assert certified.certificates() != set()


def test_an_answer_in_pieces_is_read_as_one(certified: City) -> None:
    whole = json.dumps({"captive": True, "user-portal-url": f"https://{HOST}/login"})

    def in_pieces(_call: Call) -> Result:
        return Result([{"status": "downloading", "data": whole[:20]}, {"status": "finished", "data": whole[20:]}])

    certified.live.router.actions["/tool", "fetch"] = in_pieces

    assert self_test(certified.means, NAME).passed


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ('{"captive": true, "user-portal-url": "https://a/"}', ""),
        ('{"captive": true}', "no user-portal-url"),
        ('{"captive": "yes", "user-portal-url": "https://a/"}', '"captive"'),
        ('{"captive": true, "user-portal-url": "https://a/", "venue-info-url": "javascript:1"}', "venue-info-url"),
        ("[" * 3000, "is not JSON"),
        ("[]", '"captive"'),
        ("", "is not JSON"),
        (" " * 5000, "more than 4096"),
    ],
)
def test_an_answer_is_right_or_it_is_said_what_is_wrong(answer: str, said: str) -> None:
    found = wrong_with([{"data": answer}])

    assert (said in found) if said else (found == "")


# --- the simulated router, asked by itself -----------------------------------------------------------------------------------


def asked(city: City, url: str, **more: str) -> str:
    """What the router says of it: the answer, or why it refuses."""
    try:
        (row,) = city.live.at_once(lambda: city.live.do("/tool/fetch", url=url, output="user", **more)).rows
    except Trap as trap:
        return trap.text
    return row["data"]


def test_a_simulated_router_answers_itself_as_it_would_a_device_that_is_not_logged_in(certified: City) -> None:
    own = f"https://{HOST}"
    said = json.loads(asked(certified, f"{own}/api", check_certificate="yes"))

    portal = "https://wifi.example.org/p/alun-alun"
    assert said == {"captive": True, "user-portal-url": f"{own}/login", "venue-info-url": f"{portal}/info"}
    assert asked(certified, "https://elsewhere.example.org/api") == "the portal"
    assert "refused" in asked(certified, f"http://{HOST}/api")
    assert "404" in asked(certified, f"{own}/login")


def test_a_simulated_router_refuses_a_certificate_for_another_name(certified: City) -> None:
    live = certified.live
    (profile,) = [row for row in live.rows("/ip/hotspot/profile") if row["name"] == "hotspot-guests"]
    live.at_once(lambda: live.do("/ip/hotspot/profile/set", _id=profile[".id"], dns_name="other.example.org"))

    assert "doesn't match" in asked(certified, "https://other.example.org/api", check_certificate="yes")
    assert "captive" in asked(certified, "https://other.example.org/api")


def test_a_simulated_router_without_the_page_or_the_hotspot_has_no_api(certified: City) -> None:
    live = certified.live
    (page,) = [row["name"] for row in live.rows("/file") if row["name"].endswith("/api.json")]
    live.at_once(lambda: live.do("/file/remove", _id=page))
    assert "404" in asked(certified, f"https://{HOST}/api")

    (server,) = live.rows("/ip/hotspot")
    live.at_once(lambda: live.do("/ip/hotspot/set", _id=server[".id"], disabled="yes"))
    assert asked(certified, f"https://{HOST}/api") == "the portal"
