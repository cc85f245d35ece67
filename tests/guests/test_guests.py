"""Devices, consent and one-time credentials."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select

from hotspot.db import Database
from hotspot.guests.models import BadMacAddress, Consent, Credential, MacAddress
from hotspot.guests.service import (
    CREDENTIAL_LIFE,
    Login,
    Presented,
    Redeemed,
    find_credentials,
    forget_consents,
    forget_credentials,
    parse_user_name,
    redeem,
)
from tests.conftest import NOW
from tests.world import GINA, OTHER_PHONE, World

SECOND = timedelta(seconds=1)


# --- MAC addresses -------------------------------------------------------------------------------------------------------

device_octets = st.binary(min_size=6, max_size=6).filter(lambda octets: not octets[0] & 1 and any(octets))


@given(device_octets, st.sampled_from([":", "-", ".", " ", ""]), st.booleans())
def test_every_form_routeros_writes_is_the_same_address(octets: bytes, separator: str, upper: bool) -> None:
    written = separator.join(f"{octet:02x}" for octet in octets)

    mac = MacAddress.parse(written.upper() if upper else written)

    assert mac == MacAddress(octets)
    assert MacAddress.parse(str(mac)) == mac
    assert str(mac) == str(mac).upper()
    assert str(mac).count(":") == 5


@given(st.text(max_size=40) | st.text("0123456789abcdefABCDEF:-. \n", max_size=20))
def test_any_other_text_is_refused_as_an_invalid_address(text: str) -> None:
    try:
        mac = MacAddress.parse(text)
    except BadMacAddress:
        return
    assert len(mac.octets) == 6


@pytest.mark.parametrize(
    "text",
    [
        "",
        "BC:24:11:EB:56",
        "BC:24:11:EB:56:4D:00",
        "BC:24:11:EB:56:4D\n",
        "GC:24:11:EB:56:4D",
        "00:00:00:00:00:00",
        "FF:FF:FF:FF:FF:FF",
        "01:00:5E:00:00:01",
        "٠٠:24:11:EB:56:4D",
    ],
)
def test_what_no_device_has_is_refused(text: str) -> None:
    with pytest.raises(BadMacAddress):
        MacAddress.parse(text)


def test_a_made_up_address_is_recognised() -> None:
    assert MacAddress.parse("3A:00:00:00:00:01").is_randomised
    assert not GINA.is_randomised


# --- consent and credentials ---------------------------------------------------------------------------------------------


def test_a_credential_follows_a_consent_and_neither_holds_the_mac_address(database: Database, world: World) -> None:
    with database.writing() as db:
        login = world.login(db)

    with database.reading() as db:
        consent = db.exec(select(Consent)).one()
        credential = db.exec(select(Credential)).one()
    assert (consent.device_id, consent.site_id, consent.given_at) == (world.device(), world.alun_alun, NOW)
    assert (credential.id, credential.consent_id) == (login.credential_id, consent.id)
    assert credential.expires_at - credential.issued_at == CREDENTIAL_LIFE
    stored = repr((consent, credential)).upper().replace(":", "").replace("-", "")
    assert GINA.octets.hex().upper() not in stored
    assert login.password not in repr((consent, credential))
    assert login.password == world.keys.one_time_password(credential.id)


def test_a_credential_works_once(database: Database, world: World) -> None:
    with database.writing() as db:
        login = world.login(db)
        mine = Presented(login.credential_id, world.alun_alun, world.device())

        assert redeem(db, [mine, mine], now=NOW) == {mine: Redeemed(world.device(), "id")}
        assert redeem(db, [mine], now=NOW) == {}

        assert find_credentials(db, [login.credential_id, uuid4()])[login.credential_id].used_at == NOW


def test_only_its_own_site_and_device_can_use_a_credential_and_only_in_time(database: Database, world: World) -> None:
    with database.writing() as db:
        id_ = world.login(db).credential_id
        site, device = world.alun_alun, world.device()
        last = NOW + CREDENTIAL_LIFE - SECOND

        assert not redeem(db, [Presented(id_, world.perpustakaan, device)], now=NOW)
        assert not redeem(db, [Presented(id_, site, world.device(OTHER_PHONE))], now=NOW)
        assert not redeem(db, [Presented(id_, site, device)], now=NOW + CREDENTIAL_LIFE)
        assert not redeem(db, [Presented(uuid4(), site, device)], now=NOW)
        assert not redeem(db, [], now=NOW)
        assert redeem(db, [Presented(id_, site, device)], now=last), "the refusals have not used it up"


def test_a_new_credential_leaves_the_earlier_one_alone(database: Database, world: World) -> None:
    """Otherwise whoever names a neighbour's device could keep it from ever getting online."""
    with database.writing() as db:
        first = world.login(db)
        second = world.login(db)
        both = [Presented(login.credential_id, world.alun_alun, world.device()) for login in (first, second)]

        assert redeem(db, both, now=NOW).keys() == set(both)


def test_only_one_of_many_wins_a_credential(database: Database, world: World) -> None:
    racers = 20
    start = Barrier(racers)

    def race(credential_id: UUID) -> bool:
        start.wait()
        with database.writing() as db:
            return bool(redeem(db, [Presented(credential_id, world.alun_alun, world.device())], now=NOW))

    for _ in range(5):
        with database.writing() as db:
            login = world.login(db)
        with ThreadPoolExecutor(racers) as threads:
            won = list(threads.map(race, [login.credential_id] * racers))

        assert won.count(True) == 1


def test_consents_are_forgotten_when_nothing_hangs_on_them_any_more(database: Database, world: World) -> None:
    with database.writing() as db:
        world.login(db)
        after = NOW + SECOND

        assert forget_consents(db, before=after) == 0, "its credential is still there"
        forget_credentials(db, now=NOW + timedelta(days=2), used_before=NOW)
        assert forget_consents(db, before=NOW) == 0
        assert forget_consents(db, before=after) == 1


def test_credentials_are_forgotten_a_day_after_their_life(database: Database, world: World) -> None:
    with database.writing() as db:
        world.login(db)
        world.login(db, mac=OTHER_PHONE)
        kept_until = NOW + CREDENTIAL_LIFE + timedelta(days=1)

        used = world.login(db)
        redeem(db, [Presented(used.credential_id, world.alun_alun, world.device())], now=NOW)

        assert forget_credentials(db, now=kept_until, used_before=NOW) == 0
        assert forget_credentials(db, now=kept_until + SECOND, used_before=NOW) == 2
        assert [one.id for one in db.exec(select(Credential))] == [used.credential_id], "it proves its consent"
        assert forget_credentials(db, now=kept_until, used_before=kept_until) == 1
        assert len(db.exec(select(Consent).where(col(Consent.id).is_not(None))).all()) == 3


def test_a_user_name_is_a_credential_or_nobody() -> None:
    id_ = uuid4()

    assert parse_user_name(Login(id_, "secret").user_name) == id_
    for nobody in ("", "gina", str(id_), id_.hex[:-1], id_.hex[:-1] + "g", "{" + id_.hex[2:] + "}", "+" + id_.hex[1:]):
        assert parse_user_name(nobody) is None
    assert parse_user_name("0_" * 15 + "00") is None, "Python reads it as a number, we don't"


@given(st.text(min_size=32, max_size=32) | st.text("0123456789abcdef-{}_ +", min_size=32, max_size=32))
def test_no_user_name_of_the_right_length_raises(name: str) -> None:
    credential_id = parse_user_name(name)
    assert credential_id is None or credential_id.hex == name
