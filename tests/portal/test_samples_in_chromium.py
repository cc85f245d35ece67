"""Every sample page of every theme in a real Chromium at the narrowest width that counts: readable, operable, nothing cut off.

The pages have no scripts; axe is put into them from outside. ``PORTAL_PICTURES=/tmp/portal`` keeps a picture of each page.
"""

import os
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from hotspot.portal.preview import preview_app
from hotspot.portal.samples import SAMPLES
from hotspot.themes import DEFAULT, known_themes
from tests.portal.browser import CHROMIUM, NARROW, listening, serving

PICTURES = os.environ.get("PORTAL_PICTURES", "")
# Looking again is what these pages are for; nothing to read or fill in is lost (WCAG 2.2 §2.2.1, "essential").
MEANT = dict.fromkeys(("connecting", "phone-sending"), ("meta-refresh",))
# Of themes that only differ in colours and sizes, the pages that have most kinds of parts.
OF_OTHERS = [sample for sample in SAMPLES if sample.name in {"welcome-codes", "online-again", "problem", "your-data"}]
LANGUAGE = {"light": "id", "dark": "en"}

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs /usr/bin/chromium: apt-get install chromium")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    on = listening()
    with serving(preview_app("default"), on):
        yield f"http://127.0.0.1:{on.getsockname()[1]}"


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=NARROW, locale="id-ID")
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("theme", known_themes())
def test_every_sample_is_accessible_and_fits_a_small_screen(page: Page, address: str, theme: str, scheme: str) -> None:
    faults = {}
    for sample in SAMPLES if theme == DEFAULT else OF_OTHERS:
        page.goto(f"{address}/page/{sample.name}?theme={theme}&scheme={scheme}&lang={LANGUAGE[scheme]}")
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        if PICTURES:
            page.screenshot(path=f"{PICTURES}-{theme}-{sample.name}-{scheme}.png", full_page=True)
        faults[sample.name] = [
            *violations(page, scheme, but=MEANT.get(sample.name, ())),
            *too_wide(page),
            *too_small(page),
        ]

    assert {name: found for name, found in faults.items() if found} == {}


def violations(page: Page, scheme: str, *, but: tuple[str, ...]) -> list[str]:
    """All that axe finds; in the dark, where only the colours are others, what it finds in these."""
    rules = {"runOnly": {"type": "rule", "values": ["color-contrast"]}} if scheme == "dark" else {}
    found = Axe().run(page, options={"resultTypes": ["violations"], **rules}).response["violations"]
    return [f"{v['id']}: {v['help']} {[n['html'] for n in v['nodes']]}" for v in found if v["id"] not in but]


def too_wide(page: Page) -> list[str]:
    """Whether it is wider than the screen, as it is or with text twice as big."""
    width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    plain = page.evaluate(width)
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    large = page.evaluate(width)
    page.evaluate("document.documentElement.style.fontSize = ''")
    return [f"{more} px too wide at {size} text" for more, size in ((plain, "100 %"), (large, "200 %")) if more > 0]


def too_small(page: Page) -> list[str]:
    """What is touched and isn't in a line of text is 44 px high or more."""
    script = """[...document.querySelectorAll('button, summary, input:not([type=hidden]), a.button, nav a, footer a')]
        .filter(each => each.offsetHeight && each.getBoundingClientRect().height < 44).map(each => each.outerHTML)"""
    return [f"too small to touch: {html}" for html in page.evaluate(script)]


def test_every_button_and_link_is_reached_by_keyboard_and_seen_to_be(page: Page, address: str) -> None:
    for sample in SAMPLES:
        page.goto(f"{address}/page/{sample.name}")
        wanted = page.locator("a:visible, button:visible, summary:visible, input:visible").count()
        reached = []
        for _ in range(wanted):
            page.keyboard.press("Tab")
            reached.append(
                page.evaluate("[document.activeElement.tagName, getComputedStyle(document.activeElement).outlineStyle]")
            )
        assert all(tag in ("A", "BUTTON", "SUMMARY", "INPUT") for tag, _ in reached), (sample.name, reached)
        assert {style for _, style in reached} <= {"solid"}, (sample.name, reached)
