from datetime import timedelta

import psycopg
import pytest

from hotspot.db import Database
from hotspot.errors import HotspotError
from hotspot.routers.models import Router
from hotspot.routers.service import (
    CHANGES,
    SHORTEST_SECRET,
    BadRouter,
    NoSuchRouter,
    RouterExists,
    add_router,
    end_rotations,
    get_router,
    known,
    known_routers,
    new_secret,
    rotate_secret,
    routers_of,
)
from hotspot.security import CannotUnseal, Keys
from tests.conftest import NOW
from tests.world import ROUTER_SECRET, World


def facts(world: World, **changed: object) -> dict[str, object]:
    return {
        "name": "hs-1",
        "site_id": world.alun_alun,
        "address": "10.0.0.1",
        "secret": ROUTER_SECRET,
        "keys": world.keys,
        "now": NOW,
        **changed,
    }


def test_a_routers_secret_is_sealed_and_opened_for_radius(database: Database, world: World) -> None:
    with database.reading() as db:
        first, second = known_routers(db, world.keys)
        stored = db.get_one(Router, world.router)

        assert ROUTER_SECRET.encode() not in stored.secret
        assert ROUTER_SECRET not in repr((stored, first))
        assert (first.name, second.name) == ("alun-alun-1", "perpustakaan-1")
        assert first.secret == second.secret == ROUTER_SECRET.encode()
        assert stored.secret != db.get_one(Router, world.other_router).secret
        assert [router.name for router in routers_of(db, world.perpustakaan)] == ["perpustakaan-1"]


def test_a_sealed_secret_can_not_be_moved_to_another_router_or_key(database: Database, world: World) -> None:
    with database.reading() as db:
        stored = db.get_one(Router, world.router)
        moved = Router(**{**stored.model_dump(), "name": "hs-other"})

    with pytest.raises(CannotUnseal):
        known(moved, world.keys)
    with pytest.raises(CannotUnseal):
        known(stored, Keys.derive("another-installation"))


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"name": "alun-alun-1"}, RouterExists, "alun-alun-1"),
        ({"name": ""}, BadRouter, "name: 1 to 63"),
        ({"name": "x" * 64}, BadRouter, "name: 1 to 63"),
        ({"name": "-x"}, BadRouter, "name"),
        ({"name": 'a"; /system reset'}, BadRouter, "name"),
        ({"name": "a\n"}, BadRouter, "name"),
        ({"name": "café"}, BadRouter, "name"),
        ({"secret": "x" * (SHORTEST_SECRET - 1)}, BadRouter, "secret: needs 16"),
        ({"secret": "x" * 20 + "\n"}, BadRouter, "secret"),
        ({"secret": "é" * 20}, BadRouter, "secret"),
        ({"address": "router.local"}, BadRouter, "address: 'router.local' is not an IP address"),
        ({"address": "10.0.0.1/24"}, BadRouter, "address"),
        ({"login_host": "evil.example/path"}, BadRouter, "login host"),
        ({"login_host": "user@host"}, BadRouter, "login host"),
        ({"login_host": "host:99999999"}, BadRouter, "login host"),
    ],
)
def test_a_router_that_can_not_be_is_refused_with_the_field(
    database: Database, world: World, changed: dict[str, object], error: type[HotspotError], words: str
) -> None:
    with database.writing() as db:
        with pytest.raises(error, match=words) as caught:
            add_router(db, **facts(world, **changed))  # type: ignore[arg-type]

        assert len(known_routers(db, world.keys)) == 2
    assert str(changed.get("secret", ROUTER_SECRET)) not in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "field", "stored"),
    [
        ({"address": "2001:DB8::1"}, "address", "2001:db8::1"),
        ({"login_host": "Hotspot.Example:8080"}, "login_host", "hotspot.example:8080"),
        ({"login_host": "[fe80::1]:80"}, "login_host", "[fe80::1]:80"),
        ({"name": "HS Alun_Alun-1.a"}, "name", "HS Alun_Alun-1.a"),
    ],
)
def test_what_a_router_may_be_called_and_reached_by(
    database: Database, world: World, changed: dict[str, object], field: str, stored: str
) -> None:
    with database.writing() as db:
        router = add_router(db, **facts(world, **changed))  # type: ignore[arg-type]

        assert getattr(router, field) == stored


def test_whoever_listens_is_told_of_a_new_router_when_it_is_committed(database: Database, world: World) -> None:
    with psycopg.connect(database.dsn, autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANGES}")
        with database.writing() as db:
            add_router(db, **facts(world))  # type: ignore[arg-type]
            assert list(listener.notifies(timeout=0.05)) == [], "not before the commit"

        told = list(listener.notifies(timeout=5, stop_after=1))

    assert [notice.channel for notice in told] == [CHANGES]


def test_a_generated_secret_is_long_and_never_the_same() -> None:
    secrets = {new_secret() for _ in range(50)}

    assert len(secrets) == 50
    assert {len(secret) for secret in secrets} == {32}


# --- rotation ----------------------------------------------------------------------------------------------------------

DAY = timedelta(days=1)


def rotate(database: Database, world: World) -> bytes:
    with database.writing() as db:
        return rotate_secret(db, "alun-alun-1", overlap=DAY, keys=world.keys, now=NOW).encode()


def secrets_of(database: Database, world: World) -> tuple[bytes, bytes | None]:
    with database.reading() as db:
        router = known(get_router(db, world.router), world.keys)
        assert router.previous_secret is None or router.previous_secret.decode() not in repr(router)
        return router.secret, router.previous_secret


def test_a_rotation_keeps_the_secret_that_the_router_has_until_it_is_over(database: Database, world: World) -> None:
    fresh = rotate(database, world)
    assert secrets_of(database, world) == (fresh, ROUTER_SECRET.encode())

    with database.writing() as db:
        assert end_rotations(db, now=NOW + DAY - timedelta(seconds=1)) == 0
    assert secrets_of(database, world) == (fresh, ROUTER_SECRET.encode())

    with database.writing() as db:
        assert end_rotations(db, now=NOW + DAY) == 1
        assert end_rotations(db, now=NOW + DAY) == 0
    assert secrets_of(database, world) == (fresh, None)


def test_a_second_rotation_keeps_what_the_router_was_given_last(database: Database, world: World) -> None:
    first = rotate(database, world)

    second = rotate(database, world)

    assert secrets_of(database, world) == (second, first)


def test_whoever_listens_is_told_when_a_rotation_begins_and_when_it_ends(database: Database, world: World) -> None:
    with psycopg.connect(database.dsn, autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANGES}")
        rotate(database, world)
        assert len(list(listener.notifies(timeout=5, stop_after=1))) == 1

        with database.writing() as db:
            end_rotations(db, now=NOW)
        assert list(listener.notifies(timeout=0.05)) == [], "nothing has ended"
        with database.writing() as db:
            end_rotations(db, now=NOW + DAY)
        assert len(list(listener.notifies(timeout=5, stop_after=1))) == 1


def test_a_router_that_is_not_there_is_named(database: Database, world: World) -> None:
    with database.writing() as db:
        with pytest.raises(NoSuchRouter, match="named nowhere"):
            rotate_secret(db, "nowhere", overlap=DAY, keys=world.keys, now=NOW)
        with pytest.raises(NoSuchRouter, match="number 99"):
            get_router(db, 99)
