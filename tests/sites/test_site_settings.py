"""What holds where, and who said so."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import Session

from hotspot.areas.models import Area
from hotspot.areas.service import get_area
from hotspot.db import Database
from hotspot.sites.models import Site
from hotspot.sites.service import get_site
from hotspot.sites.settings import (
    DEFAULT,
    BadSettingValue,
    BadStoredValue,
    Given,
    SiteSettings,
    UnknownSetting,
    check_value,
    effective,
    effective_at,
    explain,
    give,
    inherit,
    read_value,
    take_back,
)
from tests.world import BUKIT_SARI, GEDUNG_NASIONAL, GERUNGGANG, KOTA, TAMAN_SARI, World

LEVELS = [KOTA, GERUNGGANG, BUKIT_SARI, "perpustakaan"]
IN_WORDS = [
    "Kota Pangkalpinang (19.71)",
    "Gerunggang (19.71.05)",
    "Bukit Sari (19.71.05.1004)",
    "Perpustakaan (perpustakaan)",
]


def place(db: Session, source: str) -> Area | Site:
    return get_site(db, source) if source.islower() else get_area(db, source)


def test_without_a_word_from_anybody_the_defaults_hold(database: Database, world: World) -> None:
    with database.reading() as db:
        found = effective(db, world.perpustakaan)

        assert found.values == SiteSettings()
        assert set(found.sources.values()) == set(found.places.values()) == {DEFAULT}
        assert explain(db, place(db, "perpustakaan"), "data_megabytes") == "data_megabytes is none, from default"


@pytest.mark.parametrize("nearest", range(4), ids=["kota", "kecamatan", "kelurahan", "site"])
def test_the_nearest_who_said_something_wins_and_is_named(database: Database, world: World, nearest: int) -> None:
    with database.writing() as db:
        for minutes, source in enumerate(LEVELS[: nearest + 1], start=30):
            give(db, place(db, source), "session_minutes", minutes)

        found = effective(db, world.perpustakaan)
        elsewhere = effective(db, world.alun_alun)
        said = explain(db, place(db, "perpustakaan"), "session_minutes")

    assert found.values.session_minutes == 30 + nearest
    assert found.sources["session_minutes"] == LEVELS[nearest]
    assert said == f"session_minutes is {30 + nearest}, from {IN_WORDS[nearest]}"
    assert elsewhere.sources["session_minutes"] == KOTA, "only the kota speaks for the other kecamatan"
    assert found.sources["ssid"] == DEFAULT


def test_an_area_has_what_its_sites_have_that_say_nothing(database: Database, world: World) -> None:
    with database.writing() as db:
        give(db, get_area(db, KOTA), "ssid", "WiFi Kota")
        give(db, get_area(db, GERUNGGANG), "idle_minutes", 5)
        give(db, get_site(db, "perpustakaan"), "idle_minutes", 60)

        below = effective_at(db, get_area(db, BUKIT_SARI))
        above = effective_at(db, get_area(db, KOTA))
        beside = effective_at(db, get_area(db, TAMAN_SARI))
        site = effective_at(db, get_site(db, "perpustakaan"))

    assert (below.values.ssid, below.values.idle_minutes) == ("WiFi Kota", 5)
    assert above.sources["idle_minutes"] == beside.sources["idle_minutes"] == DEFAULT
    assert (site.values.idle_minutes, site.sources["idle_minutes"]) == (60, "perpustakaan")


def test_giving_again_replaces_and_taking_back_inherits(database: Database, world: World) -> None:
    with database.writing() as db:
        site, area = get_site(db, "alun-alun"), get_area(db, GEDUNG_NASIONAL)
        for where in (site, area):
            give(db, where, "data_megabytes", 100)
            give(db, where, "data_megabytes", 200)
        assert db.scalar(text("SELECT count(*) FROM setting")) == 2

        assert take_back(db, site, "data_megabytes")
        assert effective_at(db, site).sources["data_megabytes"] == GEDUNG_NASIONAL
        assert take_back(db, area, "data_megabytes")
        assert effective_at(db, site).sources["data_megabytes"] == DEFAULT
        assert not take_back(db, area, "data_megabytes")


def test_no_value_is_a_value_too(database: Database, world: World) -> None:
    with database.writing() as db:
        give(db, get_area(db, KOTA), "data_megabytes", 500)
        give(db, get_site(db, "alun-alun"), "data_megabytes", None)

        assert effective(db, world.alun_alun).values.data_megabytes is None
        assert effective(db, world.alun_alun).sources["data_megabytes"] == "alun-alun"


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("session_minutes", 4, "session_minutes: Input should be greater than or equal to 5"),
        ("session_minutes", 1441, "less than or equal to 1440"),
        ("session_minutes", "soon", "session_minutes: Input should be a valid integer"),
        ("session_minutes", None, "valid integer"),
        ("session_minutes", [60], "valid integer"),
        ("idle_minutes", 2.5, "valid integer"),
        ("data_megabytes", 0, "greater than or equal to 1"),
        ("ssid", "", "at least 1 character"),
        ("ssid", "é" * 17, "ssid: is longer than 32 octets"),
        ("ssid", " WiFi", "blanks around it"),
        ("ssid", "a\nb", "control characters"),
        ("ssid", "\ud800", "ssid: "),
        ("ssid", 7, "valid string"),
        ("terms", "Public Terms", "match pattern"),
    ],
)
def test_a_value_that_a_key_can_not_have_is_refused(
    database: Database, world: World, key: str, value: Any, problem: str
) -> None:
    with database.writing() as db, pytest.raises(BadSettingValue, match=problem):
        give(db, get_site(db, "alun-alun"), key, value)


def test_an_unknown_key_names_the_known_ones(database: Database, world: World) -> None:
    for ask in (lambda: check_value("speed", 1), lambda: read_value("speed", "1")):
        with pytest.raises(UnknownSetting, match="no setting speed; known are: ssid, terms, session_minutes"):
            ask()
    with database.reading() as db, pytest.raises(UnknownSetting):
        explain(db, get_area(db, KOTA), "speed")


@pytest.mark.parametrize(
    ("key", "words", "value"),
    [
        ("session_minutes", "90", 90),
        ("ssid", "2024", "2024"),
        ("ssid", "none", "none"),
        ("data_megabytes", "none", None),
        ("data_megabytes", " NULL ", None),
        ("data_megabytes", "", None),
        ("data_megabytes", "500", 500),
    ],
)
def test_what_a_person_writes_becomes_a_value_of_the_key(key: str, words: str, value: object) -> None:
    assert read_value(key, words) == value


def test_what_an_older_program_stored_is_passed_over_or_named(database: Database, world: World) -> None:
    with database.writing() as db:
        insert = text(
            "INSERT INTO setting (area_id, key, value) SELECT id, :key, CAST(:value AS jsonb) FROM area WHERE code = :code"
        )
        db.execute(insert, {"key": "banner_colour", "value": '"red"', "code": KOTA})
        assert effective(db, world.alun_alun).values == SiteSettings()

        db.execute(insert, {"key": "session_minutes", "value": "9999", "code": KOTA})
        with pytest.raises(
            BadStoredValue, match=r"session_minutes was given the value 9999 at 19\.71, .*1440; give it anew"
        ):
            effective(db, world.alun_alun)


minutes = st.integers(5, 1440)


@given(st.lists(st.one_of(st.none(), minutes), max_size=4))
def test_inheritance_is_the_last_word_of_those_who_spoke(said: list[int | None]) -> None:
    spoken = [(str(depth), value) for depth, value in enumerate(said) if value is not None]

    found = inherit(Given("session_minutes", value, source, f"area {source}") for source, value in spoken)

    source, value = spoken[-1] if spoken else (DEFAULT, SiteSettings().session_minutes)
    assert found.values.session_minutes == value
    assert found.sources["session_minutes"] == source
    assert found.places["session_minutes"] == (f"area {source}" if spoken else DEFAULT)
    assert list(found.sources) == list(SiteSettings.model_fields)


@pytest.mark.parametrize(
    ("key", "written", "kept"),
    [
        ("guest_network", "10.5.0.0/16", "10.5.0.0/16"),
        ("guest_network", "192.168.88.0/255.255.255.0", "192.168.88.0/24"),
        ("dns_servers", " 9.9.9.9, 1.1.1.1,9.9.9.9", "9.9.9.9,1.1.1.1"),
        ("dns_servers", "", ""),
        ("ntp_servers", "id.pool.ntp.org, 10.0.0.1", "id.pool.ntp.org,10.0.0.1"),
        (
            "walled_garden",
            "*.pangkalpinangkota.example,puskesmas.example",
            "*.pangkalpinangkota.example,puskesmas.example",
        ),
        ("guest_ports", "ether2, ether3", "ether2,ether3"),
        ("wifi_country", "Indonesia", "Indonesia"),
        ("sign_in", " voucher, one-tap ", "voucher,one-tap"),
        ("login_way", "controller", "controller"),
    ],
)
def test_what_a_router_is_given_is_kept_in_one_writing(key: str, written: str, kept: str) -> None:
    assert read_value(key, written) == kept


@pytest.mark.parametrize(
    ("key", "written", "problem"),
    [
        ("guest_network", "10.5.50.1/24", "is not a network such as 10.5.50.0/24"),
        ("guest_network", "8.8.8.0/24", "must be private"),
        ("guest_network", "10.0.0.0/8", "must be private"),
        ("guest_network", "10.0.0.0/30", "from /16 to /28"),
        ("dns_servers", "dns.example", "does not appear to be an IPv4 or IPv6 address"),
        ("ntp_servers", "a b", "'a b' is not a host name or address"),
        ("walled_garden", "https://x.example/", "'https://x.example/' is not a host name or address"),
        ("walled_garden", "*", "'*' is not a host name or address"),
        ("walled_garden", "puskesmas.example,captive.apple.com", "the portal: it would not open any more"),
        ("walled_garden", "*.COM", "'*.COM' would free captive.apple.com"),
        ("ntp_servers", "*.pool.ntp.org", "a time server has one name"),
        ("walled_garden", "[/system/reboot]", "is not a host name or address"),
        ("guest_ports", "ether2;ether3", "'ether2;ether3' is not the name of an interface"),
        ("wifi_country", "?", "String should match pattern"),
        (
            "sign_in",
            "one-tap,facebook",
            "'facebook' is no way to sign in; there are: one-tap, voucher, phone, resident",
        ),
        ("sign_in", "voucher,voucher", "names a way to sign in twice"),
        ("sign_in", "", "'' is no way to sign in"),
        ("sign_in", "one-tap,", "'' is no way to sign in"),
        ("login_way", "both", "Input should be 'browser' or 'controller'"),
    ],
)
def test_what_a_router_could_not_use_is_refused_where_it_is_written(key: str, written: str, problem: str) -> None:
    with pytest.raises(BadSettingValue, match=re.escape(problem)):
        read_value(key, written)
