"""Information and alerts on the guest page in a real Chromium: accessible at 320 px, few requests, and no text of theirs is executed."""

from datetime import timedelta
from io import BytesIO

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page
from sqlalchemy import text

from hotspot.areas.service import top_area
from hotspot.portal.broadcasts import approve, start
from hotspot.portal.images import keep, redraw
from hotspot.sites.settings import give
from hotspot.staff.service import get_staff
from tests.portal.browser import CHROMIUM, Served
from tests.portal.payloads import MARKUP
from tests.portal.test_in_chromium import page, served, utc_now
from tests.portal.test_samples_in_chromium import too_small, too_wide
from tests.portal.visit import publish_banner
from tests.world import ALICE, BOB

__all__ = ["page", "served"]  # fixtures

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs /usr/bin/chromium: apt-get install chromium")


def picture() -> bytes:
    kept = BytesIO()
    Image.new("RGB", (640, 320), "teal").save(kept, "PNG")
    return kept.getvalue()


def tell(served: Served, title: str, words: str, *, priority: int = 50) -> None:
    """Approve a banner with a picture and a link, and send an alert, of these words."""
    now = utc_now()
    with served.visit.database.writing() as db:
        city = top_area(db)
        give(db, city, "walled_garden", "www.lapor.go.id")
        image = keep(db, redraw(picture()), now=now)
        parts = {"title": title[:80], "text": words, "alt": words[:160]}
        texts = {"id": parts, "en": parts}
        link = "https://www.lapor.go.id/"
        publish_banner(db, city, texts, now=now, image=image, link=link, priority=priority)
        until = now + timedelta(hours=1)
        sent = start(db, city, texts, ends_at=until, by=get_staff(db, BOB), languages=("id", "en"), now=now)
        approve(db, sent.id or 0, by=get_staff(db, ALICE), now=now)


def test_a_page_with_a_picture_and_an_alert_is_accessible_and_takes_two_requests(served: Served, page: Page) -> None:
    tell(served, "Pasar murah", "Sabtu di **alun-alun**, [daftar](https://www.lapor.go.id/x).\n\n- Bawa KTP")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(served.captured())
    page.get_by_role("img", name="Sabtu").scroll_into_view_if_needed()
    page.wait_for_load_state("networkidle")

    assert [url.endswith(".jpg") for url in asked if "favicon" not in url] == [False, True]
    assert page.get_by_role("img").first.evaluate("image => image.naturalWidth") == 640
    top = page.locator("[role=alert]").bounding_box()
    assert top is not None
    assert top["y"] == 0
    assert Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"] == []
    assert too_wide(page) == too_small(page) == []
    assert page.get_by_role("button").is_enabled()


def test_no_words_of_information_or_alerts_are_executed(served: Served, page: Page) -> None:
    happened: list[str] = []
    page.on("dialog", lambda dialog: (happened.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda message: happened.append(message.text) if "Policy" in message.text else None)
    for number in range(0, len(MARKUP), 3):
        one, two, three = (MARKUP[(number + step) % len(MARKUP)] for step in range(3))
        tell(served, one, f"{two}\n\n- {three}\n\n[{one}](https://www.lapor.go.id/)"[:400], priority=number)
        with served.visit.database.writing() as db:
            db.execute(text("UPDATE broadcast SET ended_at = now() WHERE id < (SELECT max(id) FROM broadcast)"))
        page.goto(served.captured(lang="en" if number % 2 else "id"))

        assert (
            page.evaluate(
                "document.scripts.length + document.querySelectorAll('iframe, base, object, meta[http-equiv]').length"
            )
            == 0
        )

    assert happened == []
