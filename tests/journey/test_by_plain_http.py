"""The way online as phones' systems walk it: plain HTTP, a strict HTML parser, no JavaScript."""

import time

import pytest
from sqlmodel import Session, select

from hotspot.guests.models import Consent, Credential
from hotspot.guests.terms import current
from hotspot.simulator.gateway import Gateway
from hotspot.simulator.kinds import KINDS, Kind
from hotspot.simulator.phones import Phone, Visit
from hotspot.simulator.sessions import Session as GatewaySession
from hotspot.usage.models import GuestSession
from tests import world
from tests.journey.conftest import Product

SOURCE = "127.65.0.9"


def visit(product: Product, gateway: Gateway, kind: Kind, *, cookies: bool = False, language: str = "id") -> Visit:
    portal_url = f"{product.settings.base_url}/p/alun-alun"
    phone = Phone(kind, world.GINA, SOURCE, portal_url, cookies=cookies, language=language)

    async def walk() -> Visit:
        await phone.join(gateway)
        try:
            return await phone.get_online()
        finally:
            await phone.close()

    return product.run(walk())


async def use_and_log_out(gateway: Gateway) -> GatewaySession:
    """Download 4 kB, sign out, and let the router report it."""
    gateway.router.device_used(world.GINA, 300, 4_000)
    gateway.router.tick()
    ended = gateway.router.log_out(next(iter(gateway.router.hosts)))
    await gateway.router.told()
    assert ended is not None
    return ended


def the_session(db: Session) -> GuestSession:
    return db.exec(select(GuestSession)).one()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_system_gets_online_without_cookies(kind: Kind, product: Product) -> None:
    with product.gateway() as gateway:
        seen = visit(product, gateway, kind)

        assert seen.is_online, seen


@pytest.mark.parametrize("way", ["http-chap", "http-pap"])
def test_both_ways_of_handing_the_password_over_work(way: str, product: Product) -> None:
    with product.gateway(login_by=frozenset({way})) as gateway:
        assert visit(product, gateway, KINDS[0], cookies=True).is_online
        assert gateway.router.radius.monitor.rejects == 0


def test_what_is_stored_is_consent_then_one_used_credential_then_exact_totals(product: Product) -> None:
    with product.gateway() as gateway:
        assert visit(product, gateway, KINDS[1], language="en").is_online
        session = product.run(use_and_log_out(gateway))

    with product.database.reading() as db:
        consent = db.exec(select(Consent)).one()
        credential = db.exec(select(Credential)).one()
        stored = the_session(db)
        assert consent.terms_sha256 == current(db, "public", consent.given_at).sha256
    assert consent.language == "en"
    assert consent.device_id == product.settings.keys.device_id(world.GINA.octets)
    assert credential.used_at is not None
    assert consent.given_at <= credential.issued_at <= credential.used_at
    assert stored.admission_id == credential.id
    assert stored.ended_at is not None
    assert stored.end_cause == 1, "User-Request"
    assert (stored.octets_from_device, stored.octets_to_device) == (
        session.octets_from_device,
        session.octets_to_device,
    )
    assert session.octets_to_device >= 4_000, "what was downloaded is what went to the device"
    assert session.octets_from_device < 10_000


def test_no_mac_address_is_stored_anywhere(product: Product) -> None:
    with product.gateway() as gateway:
        assert visit(product, gateway, KINDS[0]).is_online

    with product.database.engine.connect() as connection:
        tables = connection.exec_driver_sql(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        ).scalars()
        dump = "\n".join(str(row) for table in tables for row in connection.exec_driver_sql(f'SELECT * FROM "{table}"'))
    written = str(world.GINA)
    for form in (written, written.lower(), written.replace(":", ""), written.replace(":", "-").lower()):
        assert form not in dump
        assert form.lower() not in dump.lower()


def test_the_roll_up_follows_by_itself(product: Product) -> None:
    with product.gateway() as gateway:
        assert visit(product, gateway, KINDS[0]).is_online

        deadline = time.monotonic() + 20
        counted = None
        while counted != 1:
            assert time.monotonic() < deadline, "the clock did not roll up"
            time.sleep(0.2)
            with product.database.engine.connect() as connection:
                counted = connection.exec_driver_sql(
                    "SELECT sum(sessions) FROM usage_day WHERE scope = 'site'"
                ).scalar()
