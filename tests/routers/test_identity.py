"""Placing routers, replacing dead ones, rotating their secrets: over the real database."""

from datetime import timedelta

import pytest

from hotspot.db import Database
from hotspot.errors import HotspotError
from hotspot.routers import credentials, identity
from hotspot.routers.credentials import Kind, Login, NoPassword, logins_of
from hotspot.routers.identity import CannotPlace, CannotReplace, addresses_of
from hotspot.routers.service import NoSuchRouter, get_router_named, known, rotate_secret
from hotspot.routers.tunnels import tunnel_of
from hotspot.settings import Settings
from tests.routers.boxes import Box, Controller
from tests.world import ROUTER_SECRET

OLD, NEW = Box("OLD1"), Box("NEW1")


@pytest.fixture
def dead_and_new(controller: Controller) -> Controller:
    """alun-alun-2 is enrolled and dead; router-NEW1 was admitted without a site."""
    controller.hears(OLD, controller.token())
    controller.completes("alun-alun-2")
    controller.hears(NEW, controller.token(serial="NEW1"))
    return controller


def replace(controller: Controller, settings: Settings, old: str, new: str) -> None:
    with controller.database.writing() as db:
        identity.replace(db, old, new, keys=settings.keys)


def test_a_new_box_gets_the_identity_of_a_dead_one_and_the_answer_that_goes_with_it(
    controller: Controller, settings: Settings
) -> None:
    old_answer = controller.hears(OLD, controller.token())
    controller.completes("alun-alun-2")
    before = controller.router("alun-alun-2")
    token = controller.token(serial="NEW1")
    new_answer = controller.hears(NEW, token)

    replace(controller, settings, "alun-alun-2", "router-NEW1")

    after, record = controller.router("alun-alun-2"), controller.router("router-NEW1")
    assert (after.id, after.site_id, after.secret) == (before.id, before.site_id, before.secret)
    assert (after.serial, after.wireguard_key, after.state) == ("NEW1", NEW.key, "waiting")
    assert addresses_of(after) == (old_answer["address"], new_answer["address"])
    assert (record.serial, record.state, record.wireguard_key, record.tunnel_address) == (
        "OLD1",
        "replaced",
        None,
        None,
    )
    assert controller.hears(NEW, token) == {**new_answer, "address": old_answer["address"]}
    assert controller.hears(OLD)["next"] == "wait", "the dead one is a stranger"


def test_the_tunnel_lets_both_addresses_through_until_the_new_one_is_settled(
    dead_and_new: Controller, settings: Settings
) -> None:
    replace(dead_and_new, settings, "alun-alun-2", "router-NEW1")

    def allowed() -> list[list[str]]:
        with dead_and_new.database.writing() as db:
            return [[str(address) for address in peer.addresses] for peer in tunnel_of(db, settings).peers]

    assert allowed() == [["10.253.0.2", "10.253.0.3"]]
    assert dead_and_new.hears(Box("NEXT"), dead_and_new.token())["address"] == "10.253.0.4", "neither is given away"
    for _ in range(2):
        with dead_and_new.database.writing() as db:
            identity.settle_address(db, "alun-alun-2")
    assert allowed() == [["10.253.0.2"], ["10.253.0.4"]]


def test_a_router_configured_by_hand_can_be_replaced_by_one_that_enrolled(
    dead_and_new: Controller, settings: Settings
) -> None:
    replace(dead_and_new, settings, "alun-alun-1", "router-NEW1")

    router = dead_and_new.router("alun-alun-1")
    assert addresses_of(router) == ("10.253.0.3",)
    assert router.address == "10.253.0.3"
    assert known(router, settings.keys).secret == ROUTER_SECRET.encode()


@pytest.mark.parametrize(
    ("old", "new", "error", "words"),
    [
        ("alun-alun-2", "alun-alun-2", CannotReplace, "stands at a site"),
        ("router-NEW1", "alun-alun-2", CannotReplace, "stands at a site"),
        ("router-NEW1", "router-NEW1", CannotReplace, "stands at a site"),
        ("nowhere", "router-NEW1", NoSuchRouter, "nowhere"),
    ],
)
def test_what_can_not_be_replaced_is_said(
    dead_and_new: Controller, settings: Settings, old: str, new: str, error: type[HotspotError], words: str
) -> None:
    with pytest.raises(error, match=words):
        replace(dead_and_new, settings, old, new)


def test_a_record_is_neither_placed_nor_replaced_nor_takes_another_identity(
    dead_and_new: Controller, settings: Settings
) -> None:
    replace(dead_and_new, settings, "alun-alun-2", "router-NEW1")

    with dead_and_new.database.writing() as db, pytest.raises(CannotPlace, match="was replaced"):
        identity.place(db, "router-NEW1", site_id=dead_and_new.site)
    with pytest.raises(CannotReplace, match="was replaced already"):
        replace(dead_and_new, settings, "router-NEW1", "alun-alun-1")
    with pytest.raises(CannotReplace, match="is not enrolled"):
        replace(dead_and_new, settings, "alun-alun-1", "router-NEW1")


def test_a_router_is_placed_later(dead_and_new: Controller) -> None:
    with dead_and_new.database.writing() as db:
        identity.place(db, "router-NEW1", site_id=dead_and_new.other_site)

    assert dead_and_new.router("router-NEW1").site_id == dead_and_new.other_site


# --- secrets -------------------------------------------------------------------------------------------------------------


def logins(controller: Controller, settings: Settings, name: str = "alun-alun-2") -> tuple[Login, ...]:
    return logins_of(controller.router(name), settings.keys)


def test_a_waiting_router_is_opened_by_the_bootstrap_first_and_an_enrolled_one_by_our_own_user(
    controller: Controller, settings: Settings
) -> None:
    password = controller.hears(OLD, controller.token())["password"]
    waiting = logins(controller, settings)
    controller.completes("alun-alun-2")

    assert [login.user for login in waiting] == ["hotspot-bootstrap", "hotspot"]
    assert waiting[0].password == password
    assert logins(controller, settings) == waiting[1:]
    assert password not in repr(waiting)


def test_an_api_password_is_rotated_in_two_phases(dead_and_new: Controller, settings: Settings) -> None:
    keys = settings.keys
    (current,) = logins(dead_and_new, settings)

    with dead_and_new.database.writing() as db:
        begun = credentials.begin(db, "alun-alun-2", Kind.API, keys=keys)
        assert credentials.begin(db, "alun-alun-2", Kind.API, keys=keys) == begun, "a retry"
    assert [login.password for login in logins(dead_and_new, settings)] == [begun.next, current.password]

    with dead_and_new.database.writing() as db:
        for _ in range(2):
            credentials.confirm(db, "alun-alun-2", Kind.API, keys=keys)
    assert [login.password for login in logins(dead_and_new, settings)] == [begun.next]


def test_radius_takes_both_secrets_until_the_rotation_is_confirmed_or_abandoned(
    controller: Controller, database: Database, settings: Settings
) -> None:
    keys = settings.keys

    def secrets() -> tuple[str, str | None]:
        router = known(controller.router("alun-alun-1"), keys)
        return router.secret.decode(), router.previous_secret.decode() if router.previous_secret else None

    with database.writing() as db:
        begun = credentials.begin(db, "alun-alun-1", Kind.RADIUS, keys=keys)
    assert secrets() == (begun.next, ROUTER_SECRET)
    with database.writing() as db:
        credentials.abandon(db, "alun-alun-1", Kind.RADIUS, keys=keys)
    assert secrets() == (ROUTER_SECRET, None)
    with database.writing() as db:
        again = credentials.begin(db, "alun-alun-1", Kind.RADIUS, keys=keys)
        credentials.confirm(db, "alun-alun-1", Kind.RADIUS, keys=keys)
    assert secrets() == (again.next, None)


def test_a_rotation_by_time_is_not_one_in_two_phases(controller: Controller, settings: Settings) -> None:
    keys = settings.keys
    with controller.database.writing() as db:
        by_hand = rotate_secret(db, "alun-alun-1", overlap=timedelta(days=1), keys=keys, now=controller.clock())

        begun = credentials.begin(db, "alun-alun-1", Kind.RADIUS, keys=keys)

        assert begun.current == by_hand
        assert get_router_named(db, "alun-alun-1").previous_until is None


def test_a_router_without_the_secret_is_named(controller: Controller, settings: Settings) -> None:
    with controller.database.writing() as db:
        with pytest.raises(NoPassword, match="alun-alun-1"):
            credentials.begin(db, "alun-alun-1", Kind.API, keys=settings.keys)
        with pytest.raises(NoSuchRouter, match="nowhere"):
            credentials.begin(db, "nowhere", Kind.RADIUS, keys=settings.keys)
