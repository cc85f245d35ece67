"""A phone whose owner agreed once is online everywhere in the city without a page, for as long as that agreement holds."""

import html
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import text
from sqlmodel import select

from hotspot.guests.models import Admission, Consent
from hotspot.guests.proof import Verified, verify
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


@pytest.mark.parametrize("deed", ["withdraw", "delete"])
def test_who_withdraws_or_deletes_on_their_own_page_meets_the_portal_everywhere_again(
    product: Product, square: Gateway, library: Gateway, deed: str
) -> None:
    hear_disconnects(product, square)
    seen = come(product, square)
    online = next(step.url for step in seen.steps if "/online?" in step.url)
    with httpx.Client(base_url=product.settings.base_url, headers={"accept-language": "en"}) as browser:
        own_data = browser.get(linked(browser.get(online).text, "/privacy?"))
        done = browser.post(f"/p/alun-alun/privacy/{deed}", data=fields(own_data.text, f"/privacy/{deed}"))
        again = browser.get(own_data.url)

    assert "Alun-Alun" in own_data.text
    assert done.status_code == 200
    assert again.status_code == 403, "whoever is not online sees nothing"
    assert ended_by_its_router(product)
    with product.database.reading() as db:
        session = db.exec(select(GuestSession)).one()
        assert (session.device_id == product.settings.keys.device_id(world.GINA.octets)) == (deed == "withdraw")
        assert isinstance(verify(db), Verified)
    assert saw_the_portal(come(product, library))
    assert consents(product) == (2 if deed == "withdraw" else 1)


def hear_disconnects(product: Product, gateway: Gateway) -> None:
    assert gateway.incoming.address is not None
    with product.database.writing() as db:
        place = {"port": gateway.incoming.address[1], "name": gateway.router.setup.name}
        db.execute(text("UPDATE router SET coa_port = :port WHERE name = :name"), place)


def ended_by_its_router(product: Product) -> bool:
    """Whether the router is told soon after the answer, and reports the Stop."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with product.database.reading() as db:
            if db.exec(select(GuestSession)).one().ended_by == "stop":
                return True
        time.sleep(0.1)
    return False


def linked(page: str, part: str) -> str:
    """The address of the page's only link that has the part in it."""
    (found,) = [html.unescape(one) for one in re.findall(r'href="([^"]+)"', page) if part in one]
    return found


def fields(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the page's form with this end of its action."""
    (form,) = [one for one in re.findall(r"<form.*?</form>", page, re.DOTALL) if f'{action}"' in one]
    return {name: html.unescape(value) for name, value in re.findall(r'name="([^"]+)" value="([^"]*)"', form)}
