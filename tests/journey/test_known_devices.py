"""A phone whose owner agreed once is online everywhere in the city without a page, for as long as that agreement holds."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlmodel import select

from hotspot.guests.models import Admission, Consent
from hotspot.guests.terms import packaged_texts, publish
from hotspot.simulator.gateway import Gateway
from hotspot.simulator.kinds import ANDROID
from hotspot.simulator.phones import Phone, Visit
from hotspot.usage.models import GuestSession
from tests import world
from tests.journey.conftest import Product

LOGIN_BY = frozenset({"http-chap", "http-pap", "mac"})
SOURCE = "127.65.0.9"


@pytest.fixture
def square(product: Product) -> Iterator[Gateway]:
    with product.gateway("alun-alun", login_by=LOGIN_BY) as gateway:
        yield gateway


@pytest.fixture
def library(product: Product) -> Iterator[Gateway]:
    with product.gateway("perpustakaan", login_by=LOGIN_BY) as gateway:
        yield gateway


def come(product: Product, gateway: Gateway) -> Visit:
    """Gina comes to a place whose router has not seen her phone since it was switched on, and goes again."""
    phone = Phone(ANDROID, world.GINA, SOURCE, f"{product.settings.base_url}/p/alun-alun")

    async def walk() -> Visit:
        gateway.reboot()
        await phone.join(gateway)
        try:
            return await phone.get_online()
        finally:
            await phone.leave()
            await gateway.router.told()

    visit = product.run(walk())
    assert visit.is_online, visit
    return visit


def saw_the_portal(visit: Visit) -> bool:
    return visit.page is not None


def consents(product: Product) -> int:
    with product.database.reading() as db:
        return len(db.exec(select(Consent)).all())


def test_who_agreed_at_one_site_is_online_at_another_without_a_page(
    product: Product, square: Gateway, library: Gateway
) -> None:
    assert saw_the_portal(come(product, square))

    again = come(product, library)

    assert not saw_the_portal(again)
    assert len(again.steps) == 2, "two probes and nothing else"
    with product.database.reading() as db:
        first, second = db.exec(select(GuestSession).order_by("started_at")).all()
        admission = db.get_one(Admission, second.admission_id)
    assert (first.site_id, first.ended_by) != (second.site_id, second.ended_by)
    assert (first.ended_by, second.ended_at) == ("superseded", None)
    assert first.device_id == second.device_id == admission.device_id
    assert consents(product) == 1


def test_after_a_material_change_of_the_terms_the_portal_asks_once_more(
    product: Product, square: Gateway, library: Gateway
) -> None:
    come(product, square)
    texts = {language: dict(parts) for language, parts in packaged_texts("public").items()}
    texts["id"]["summary"] += " Baru."
    with product.database.writing() as db:
        publish(db, "public", texts, datetime.now(UTC))

    deadline = time.monotonic() + 10  # the rules of a site are looked up again after a second
    while not saw_the_portal(come(product, library)):
        assert time.monotonic() < deadline

    assert consents(product) == 2
    assert not saw_the_portal(come(product, library))


def test_an_agreement_from_longer_ago_than_the_site_remembers_does_not_count(
    product: Product, square: Gateway, library: Gateway
) -> None:
    come(product, square)
    with product.database.writing() as db:
        db.execute(
            text("SET LOCAL session_replication_role = replica")
        )  # else the database refuses to change a consent
        db.execute(text("UPDATE consent SET given_at = given_at - interval '8 days'"))

    assert saw_the_portal(come(product, library))
    assert not saw_the_portal(come(product, square))
