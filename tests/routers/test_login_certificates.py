"""A certificate's way: read, kept sealed, chosen for a router, put on it, renewed, taken back, left out when it ends."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Address

import pytest
from sqlmodel import select

from benchmarks.live_router import PASSWORD, Live
from hotspot.db import Database
from hotspot.routers import login_pages, provision
from hotspot.routers.certificates import read_chain, row_name
from hotspot.routers.diff import lines
from hotspot.routers.enrol import api_context
from hotspot.routers.health import NOT_PROVEN
from hotspot.routers.importing import FILE
from hotspot.routers.ledger import Outcome, get_run
from hotspot.routers.models import LoginCertificate, RouterState
from hotspot.routers.service import get_router_named
from hotspot.settings import Settings
from hotspot.simulator.routeros.certificates import import_
from hotspot.simulator.routeros.sessions import Call, Result
from hotspot.simulator.routeros.traps import Trap
from tests.routers.certified import HOST, City
from tests.routers.managed import NAME, applied, planned
from tests.routers.public_ca import PublicCa


def test_a_router_with_a_certificate_offers_https_and_then_needs_nothing(city: City) -> None:
    city.certify()
    city.give(login_host=HOST)

    plan = planned(city.means)

    shown = "\n".join(lines(plan.plan))
    assert "+ /certificate login\n" in shown
    assert "(from certificate wifi-kota, valid until 2026-05-31)" in shown
    assert "PRIVATE KEY" not in shown
    done = applied(city.means, plan)
    assert done.outcome is Outcome.CONFIRMED
    with city.means.database.reading() as db:
        said = [entry["statement"] for entry in get_run(db, done.run).log]
    imported = next(words for words in said if words.startswith("/certificate/import"))
    assert "passphrase=(changed)" in imported
    assert "PRIVATE KEY" not in "".join(said)
    (own,) = [row for row in city.live.rows("/certificate") if row["name"] == city.profile()["ssl-certificate"]]
    assert own["private-key"] == "true"
    assert len(city.certificates()) == 2  # its issuer, too: the router sends it along
    assert city.profile()["dns-name"] == HOST
    assert "https" in city.profile()["login-by"].split(",")
    assert city.files() == []
    assert planned(city.means).plan.is_empty


def test_a_router_without_one_has_nothing_of_it_and_says_why(city: City) -> None:
    city.give(login_host=HOST)

    plan = planned(city.means)

    assert f"no certificate is good for {HOST}: hotspot certificates add" in {each.why for each in plan.plan.left_out}
    applied(city.means, plan)
    assert city.certificates() == set()
    assert city.live.rows("/ip/dhcp-server/option") == []
    assert city.profile()["ssl-certificate"] == "none"
    assert "https" not in city.profile()["login-by"]


def test_a_renewed_certificate_takes_the_old_ones_place_and_can_be_taken_back(city: City) -> None:
    city.certify()
    city.give(login_host=HOST)
    applied(city.means)
    first = city.certificates()
    city.certify(days=120)

    plan = planned(city.means)
    done = applied(city.means, plan)

    changed = [(change.kind, change.menu) for change in plan.plan.changes]
    assert changed == [("add", "/certificate"), ("set", "/ip/hotspot/profile"), ("remove", "/certificate")]
    renewed = city.certificates()
    assert len(renewed) == 2
    assert len(first & renewed) == 1  # the issuer
    assert planned(city.means).plan.is_empty

    back = provision.rollback(city.means, done.run, made_by="Bob")

    assert (back.outcome, back.reason) == (Outcome.CONFIRMED, NOT_PROVEN)
    assert city.certificates() == first
    (own,) = [row for row in city.live.rows("/certificate") if row["name"] == city.profile()["ssl-certificate"]]
    assert own["private-key"] == "true"


def test_what_was_renewed_and_then_forgotten_can_not_be_gone_back_to(city: City) -> None:
    city.certify()
    city.give(login_host=HOST)
    applied(city.means)
    city.certify(days=120)
    done = applied(city.means)
    there = city.certificates()
    with city.means.database.writing() as db:
        login_pages.remove(db, "wifi-kota")

    back = provision.rollback(city.means, done.run, made_by="Bob")

    assert back.outcome is Outcome.ROLLED_BACK
    assert "is not kept any more" in back.reason
    assert city.certificates() == there


def test_a_certificate_that_ends_within_a_week_is_taken_off_with_all_that_needs_it(city: City) -> None:
    city.certify(days=90)
    city.give(login_host=HOST)
    applied(city.means)
    city.now += timedelta(days=84)

    plan = planned(city.means)

    whys = {each.why for each in plan.plan.left_out}
    assert f"the certificate wifi-kota for {HOST} ends on 2026-05-31; renew it: hotspot certificates add" in whys
    assert applied(city.means, plan).outcome is Outcome.CONFIRMED
    assert city.certificates() == set()
    assert city.live.rows("/ip/dhcp-server/option") == []
    assert (city.profile()["ssl-certificate"], city.profile()["dns-name"]) == ("none", "")
    assert planned(city.means).plan.is_empty


def test_a_router_that_reads_no_key_goes_back_and_nothing_lies_about(city: City) -> None:
    city.certify()
    city.give(login_host=HOST)
    plan = planned(city.means)
    city.live.at_once(lambda: _lose_keys(city.live))

    done = applied(city.means, plan)

    assert done.outcome is Outcome.ROLLED_BACK
    assert "did not take the certificate" in done.reason
    assert done.reason.endswith("with its key")
    assert city.certificates() == set()
    assert city.files() == []


@pytest.mark.parametrize(("ending", "ends"), [("_0", Outcome.CONFIRMED), (".pem", Outcome.ROLLED_BACK)])
def test_what_a_router_calls_the_certificate_is_set_right(city: City, ending: str, ends: Outcome) -> None:
    """Versions differ in what they make of the name they are told."""
    city.certify()
    city.give(login_host=HOST)
    plan = planned(city.means)

    def otherwise(call: Call) -> Result:
        named = {**call.arguments, "name": call.arguments["name"] + ending}
        return import_(replace(call, arguments=named))

    city.live.router.actions["/certificate", "import"] = otherwise

    done = applied(city.means, plan)

    assert done.outcome is ends
    assert ("at all" in done.reason) is (ends is Outcome.ROLLED_BACK)
    if ends is Outcome.CONFIRMED:
        assert planned(city.means).plan.is_empty


def test_a_log_in_page_is_named_after_its_router() -> None:
    assert login_pages.host_of("{router}.wifi.example.org", "Alun-Alun 1") == "alun-alun-1.wifi.example.org"
    assert login_pages.host_of("{router}.wifi.example.org", "__") == "router.wifi.example.org"
    assert len(login_pages.host_of("{router}.x.org", "a" * 80).partition(".")[0]) == 63


def _lose_keys(live: Live) -> None:
    """Let the router read certificates only, as one does that doesn't know how the key is locked."""
    write = live.router.files.write

    def certificates_only(name: str, contents: bytes, **more: object) -> None:
        _before, end, after = contents.partition(b"-----END ENCRYPTED PRIVATE KEY-----\n")
        write(name, after if end else contents, **more)  # type: ignore[arg-type]  # as it was called

    live.router.files.write = certificates_only  # type: ignore[method-assign]


def test_a_router_that_refuses_the_file_keeps_nothing_of_it(city: City) -> None:
    city.certify()
    city.give(login_host=HOST)
    plan = planned(city.means)

    def refuse(_call: Call) -> Result:
        raise Trap("failure: not enough space")

    city.live.router.actions["/certificate", "import"] = refuse

    done = applied(city.means, plan)

    assert done.outcome is Outcome.ROLLED_BACK
    assert "not enough space" in done.reason
    assert city.files() == []


def test_a_file_that_a_cut_left_behind_is_removed_with_the_next_import(city: City) -> None:
    city.live.at_once(lambda: city.live.do("/file/add", name=FILE, contents="half a key"))
    city.certify()
    city.give(login_host=HOST)

    assert applied(city.means).outcome is Outcome.CONFIRMED

    assert city.files() == []


def test_a_certificate_that_was_forgotten_can_not_be_applied(city: City) -> None:
    city.certify()
    city.give(login_host=HOST)
    plan = planned(city.means)
    with city.means.database.writing() as db:
        login_pages.remove(db, "wifi-kota")

    with pytest.raises(provision.WantedChanged):
        applied(city.means, plan)

    assert city.certificates() == set()


# --- kept --------------------------------------------------------------------------------------------------------------------


def test_a_key_is_kept_sealed(city: City) -> None:
    city.certify()

    with city.means.database.reading() as db:
        kept = db.exec(select(LoginCertificate)).one()
        assert b"PRIVATE KEY" not in kept.key
        find = login_pages.importables(db, city.means.settings.keys)
    names = [
        row_name(f"{part}-----END CERTIFICATE-----\n") for part in kept.chain.split("-----END CERTIFICATE-----\n")[:2]
    ]
    own, issuer = (find(name) for name in names)
    assert own is not None
    assert issuer is not None
    assert find("hotspot-login-of-nobody") is None
    assert {bool(own.key), bool(issuer.key)} == {True, False}
    assert "PRIVATE" not in repr((own, issuer))


def test_what_ended_is_forgotten_when_another_is_added(city: City) -> None:
    city.certify(days=30)
    city.now += timedelta(days=31)
    city.ca = PublicCa(city.now)
    city.certify(days=90)

    with city.means.database.reading() as db:
        assert len(db.exec(select(LoginCertificate)).all()) == 1


def test_the_same_certificate_is_not_kept_twice(city: City) -> None:
    files = city.ca.files(HOST)
    chain = read_chain(*files, now=city.now)
    with city.means.database.writing() as db:
        login_pages.add(db, "first", chain, keys=city.means.settings.keys, now=city.now)

        with pytest.raises(login_pages.SameCertificate, match="there already, as first"):
            login_pages.add(db, "second", chain, keys=city.means.settings.keys, now=city.now)
        with pytest.raises(login_pages.BadName, match="a-z, 0-9"):
            login_pages.add(db, "Wifi Kota", chain, keys=city.means.settings.keys, now=city.now)


def test_nobody_gets_a_certificate_by_settings_that_name_another(city: City) -> None:
    city.certify("wifi-kota", "*.wifi.example.org")
    city.certify("other", "elsewhere.example.org")
    city.give(login_host="{router}.wifi.example.org", login_certificate="other")
    assert "the certificate other is not good for alun-alun-1.wifi.example.org" in reasons(city)

    city.give(login_certificate="unknown")
    assert "there is no certificate unknown, which the setting login_certificate names" in reasons(city)

    city.give(login_certificate="wifi-kota")
    assert "certificate" not in reasons(city)
    with city.means.database.reading() as db:
        carrying = login_pages.carriers(db, zone=city.means.settings.zone, now=city.now)
    assert list(carrying.values()) == [[NAME]]


def reasons(city: City) -> str:
    return "\n".join(each.why for each in planned(city.means).plan.left_out)


def test_a_plan_may_not_wait_until_its_certificate_no_longer_counts(city: City) -> None:
    city.certify()
    city.give(login_host=HOST)
    plan = planned(city.means)
    city.now += timedelta(days=85)

    with pytest.raises(provision.WantedChanged):
        applied(city.means, plan)


def test_a_renewed_certificate_plans_exactly_the_routers_that_carry_it(
    city: City, database: Database, settings: Settings
) -> None:
    city.certify()
    city.give(login_host=HOST)
    with Live() as other:
        _enrol_beside(database, settings, other)
        city.means = replace(city.means, dial=lambda address, port: _to(city.live, other, address).dial(address, port))
        for name in (NAME, BESIDE):
            assert (
                applied(city.means, provision.make_plan(city.means, name, made_by="Bob")).outcome is Outcome.CONFIRMED
            )
        city.certify(days=120)

        plans = {name: provision.make_plan(city.means, name, made_by="Bob").plan for name in (NAME, BESIDE)}

    assert len(plans[NAME].changes) == 3
    assert plans[BESIDE].is_empty


BESIDE = "perpustakaan-1"
ITS_ADDRESS = IPv4Address("10.253.0.3")


def _enrol_beside(database: Database, settings: Settings, live: Live) -> None:
    """Let the library's router be another live one."""
    with database.writing() as db:
        router = get_router_named(db, BESIDE)
        router.state, router.fingerprint = RouterState.ENROLLED, live.fingerprint
        router.tunnel_address = router.address = str(ITS_ADDRESS)
        router.api_password = settings.keys.seal(PASSWORD, context=api_context(BESIDE))


def _to(one: Live, other: Live, address: IPv4Address) -> Live:
    return other if address == ITS_ADDRESS else one
