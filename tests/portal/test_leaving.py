"""Signing out, goodbye, and help."""

from datetime import timedelta

import pytest

from hotspot.sites.service import get_site
from hotspot.sites.settings import give
from tests.portal.visit import ROUTER, Visit, handed
from tests.world import OTHER_PHONE


@pytest.fixture
def ended(visit: Visit) -> list[list[int]]:
    """The sessions that somebody asked to end."""
    asked: list[list[int]] = []
    visit.client._app.state.end_sessions = lambda sessions, *, now: asked.append(list(sessions))
    return asked


def used(visit: Visit) -> dict[str, str]:
    """Gina is online and has used something."""
    login = visit.log_in()
    visit.accept(login["username"])
    visit.start(login["username"], octets_from_device=20_000_000, octets_to_device=130_000_000)
    visit.clock.forward(minutes=5)  # type: ignore[attr-defined]  # a Clock
    return login


def test_where_the_router_is_not_known_the_controller_signs_out(visit: Visit, ended: list[list[int]]) -> None:
    login = used(visit)
    page = visit.welcome(username=login["username"], link_login_only="")
    assert "/logout" not in str([a for a in page.addresses if ROUTER in a])

    answer = visit.press(page)

    assert answer.status_code == 200
    assert "Sampai jumpa" in answer.text
    assert "150 MB" in answer.text
    assert ended == [[1]]


@pytest.mark.parametrize("changed", [{"token": ""}, {"token": "x" * 22}, {"t": "0" * 32 + ".x"}, {"o": "evil.example"}])
def test_a_form_that_is_not_ours_signs_nobody_out(
    visit: Visit, ended: list[list[int]], changed: dict[str, str]
) -> None:
    page = visit.welcome(username=used(visit)["username"], link_login_only="")

    assert visit.press(page, **changed).status_code in (403, 404)
    assert visit.client.get("/p/alun-alun/logout").status_code == 405
    action, fields = page.form
    assert visit.client.post(action, data=fields, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert ended == []


def test_the_routers_log_out_page_leads_to_what_was_used_and_to_connecting_again(visit: Visit) -> None:
    login = used(visit)

    page = visit.open("/p/alun-alun/goodbye", **handed(username=login["username"]))

    assert "5 menit" in page.text
    assert "150 MB" in page.text
    assert f"{ROUTER}/login" in page.addresses


def test_who_names_a_device_only_is_told_goodbye_alone(visit: Visit) -> None:
    login = used(visit)
    nobody = visit.open("/p/alun-alun/goodbye", **handed()).text

    assert "MB" not in nobody
    assert visit.open("/p/alun-alun/goodbye", **handed(username=login["username"], mac=str(OTHER_PHONE))).text == nobody
    assert visit.open("/p/alun-alun/goodbye", **handed(username="0" * 32)).text == nobody


def test_help_names_whom_to_ask(visit: Visit) -> None:
    assert "Petugas tempat ini." in visit.open("/p/alun-alun/help").text
    with visit.database.writing() as db:
        give(db, get_site(db, "alun-alun"), "help_contact", "Dinas Kominfo <b>0717</b>")

    page = visit.open("/p/alun-alun/help", lang="en")

    assert "Dinas Kominfo <b>0717</b>" in page.text
    assert page.all("b") == [{}], "the city's name, and nothing of what was written"
    assert visit.clock() < visit.world.now + timedelta(minutes=1)
