"""Themes: what they inherit, where they are chosen, a further language, what `check` finds and `preview` shows."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from hotspot import languages, themes, web
from hotspot.app import create_app
from hotspot.cli.main import app
from hotspot.http_server import free_port
from hotspot.paths import shipped
from hotspot.portal import inspection, samples
from hotspot.portal.contrast import contrast, faint, rules_of
from hotspot.portal.inspection import Finding, inspect
from hotspot.portal.methods import Asked
from hotspot.portal.preview import preview_app
from hotspot.portal.samples import SAMPLES, render
from hotspot.settings import load
from hotspot.sites.models import Setting, Site
from hotspot.sites.settings import BadSettingValue, UnknownSetting, give
from hotspot.themes import NoSuchTheme, get_theme, known_themes, style_of, theme_or_default
from tests.conftest import SECRET_KEY
from tests.portal.visit import Client, Page, Visit

WHOLE = {"base.html", "notices.html", "prose.html"}  # parts of pages


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The themes of an installation, to be changed; there is one more, `kota`, which has nothing yet."""
    copy = tmp_path / "portal_templates"
    shutil.copytree(shipped("portal_templates"), copy)
    (copy / "kota").mkdir()
    monkeypatch.setattr(themes, "shipped", lambda _name: copy)
    return copy


def choose(visit: Visit, theme: str) -> None:
    with visit.database.writing() as db:
        give(db, db.get_one(Site, visit.world.alun_alun), "theme", theme)


# --- inheritance -------------------------------------------------------------------------------------------------------------


def test_a_site_shows_the_theme_that_is_chosen_for_it_and_all_that_it_inherits(visit: Visit) -> None:
    plain = visit.client.get("/p/alun-alun")
    choose(visit, "contrast")

    styled = visit.client.get("/p/alun-alun")

    style = style_of(get_theme("contrast"))
    assert style.text.startswith(style_of(get_theme("default")).text)
    assert "High contrast" in styled.text
    assert "High contrast" not in plain.text
    assert f"'sha256-{style.digest}'" in styled.headers["content-security-policy"]
    assert Page(styled.text).text == Page(plain.text).text
    visit.client._app.state.content.look_every = 60
    assert "High contrast" in visit.client.get("/p/alun-alun?mac=nonsense").text  # also where something is in the way
    assert "High contrast" not in visit.client.get("/p/perpustakaan").text


def test_a_theme_has_only_the_pages_that_differ(folder: Path) -> None:
    (folder / "kota" / "base.html").write_text('{% extends "default-base.html" %}')
    shutil.copy(folder / "default" / "base.html", folder / "kota" / "base.html")
    (folder / "kota" / "terms.html").write_text('{% extends "base.html" %}{% block main %}<h1>Perda</h1>{% endblock %}')
    kota = get_theme("kota")

    pages = {sample.name: render(sample, kota, "id") for sample in SAMPLES}

    assert "<h1>Perda</h1>" in pages["terms"]
    assert "<h1>Perda</h1>" not in render(named("terms"), get_theme("default"), "id")
    assert pages["info"] == render(named("info"), get_theme("default"), "id")


def test_a_theme_may_have_a_style_sheet_of_its_own_and_more_behind_it(folder: Path) -> None:
    (folder / "kota" / "style.css").write_text("body { margin: 1px; }")
    (folder / "kota" / "more.css").write_text("body { margin: 2px; }")

    assert style_of(get_theme("kota")).text == "body { margin: 1px; }body { margin: 2px; }"
    (folder / "kota" / "style.css").unlink()
    assert style_of(get_theme("kota")).text.endswith("body { margin: 2px; }")
    assert "--page" in style_of(get_theme("kota")).text


def test_a_changed_file_is_seen_without_a_restart(folder: Path) -> None:
    more, page = folder / "kota" / "more.css", folder / "kota" / "connecting.html"
    for number in (1, 2):
        more.write_text(f"p {{ margin: {number}px; }}")
        page.write_text(f'{{% extends "base.html" %}}{{% block main %}}{number}{{% endblock %}}')
        for path in (more, page):
            os.utime(path, (number, number))
        html = render(named("connecting"), get_theme("kota"), "en")
        assert f"margin: {number}px" in html
        assert f'<main class="wide">\n{number}' in html


def named(name: str) -> samples.Sample:
    return next(sample for sample in SAMPLES if sample.name == name)


def test_every_page_has_a_sample() -> None:
    pages = {path.name for path in (shipped("portal_templates") / "default").glob("*.html")}

    assert {sample.template for sample in SAMPLES} == pages - WHOLE
    assert len({sample.name for sample in SAMPLES}) == len(SAMPLES)


# --- choosing ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Default",
        "../default",
        "default/",
        "default\x00",
        "..",
        ".",
        "/etc",
        "%2e%2e",
        "README.md",
        "nothing",
        "d" * 99,
    ],
)
def test_only_a_folder_that_is_there_can_be_chosen(visit: Visit, name: str) -> None:
    with pytest.raises(NoSuchTheme, match="there are: default, contrast"):
        get_theme(name)
    with pytest.raises((NoSuchTheme, BadSettingValue, UnknownSetting)):
        choose(visit, name)


def test_a_theme_whose_folder_has_gone_leaves_the_default(visit: Visit) -> None:
    with visit.database.writing() as db:
        db.add(Setting(site_id=visit.world.alun_alun, key="theme", value="gone"))

    assert visit.client.get("/p/alun-alun").status_code == 200
    assert theme_or_default("gone") == get_theme("default")


@pytest.mark.parametrize("odd", ["UPPER", ".hidden", "with space", "1st"])
def test_a_folder_with_an_odd_name_is_no_theme(folder: Path, odd: str) -> None:
    (folder / odd).mkdir()

    assert known_themes() == ["default", "contrast", "kota"]


# --- a further language ------------------------------------------------------------------------------------------------------


@pytest.fixture
def further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of catalogues, to which a test adds."""
    copy = tmp_path / "locales"
    shutil.copytree(languages.LOCALES, copy)
    monkeypatch.setattr(languages, "LOCALES", copy)
    yield copy
    monkeypatch.undo()
    start_again()


def start_again() -> None:
    """Forget what a process reads once."""
    for cache in (languages.known_languages, languages.messages_of, languages.translations, web.templates):
        cache.cache_clear()


def add_language(folder: Path, code: str, text: str) -> None:
    (folder / code).mkdir()
    (folder / code / "portal.po").write_text(f'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n{text}')
    start_again()


def test_a_third_language_is_its_po_file_and_nothing_else(further: Path, visit: Visit, tmp_path: Path) -> None:
    add_language(further, "jv", 'msgid "Before you connect"\nmsgstr "Sakdurunge nyambung"\n')
    languages_now = load(data_dir=tmp_path / "other", secret_key=SECRET_KEY).languages
    assert languages_now == ("id", "en", "jv")
    site = Client(create_app(visit.settings.model_copy(update={"languages": languages_now}), visit.database))

    page = Page(site.get("/p/alun-alun", headers={"accept-language": "jv"}).text)

    assert page.all("html") == [{"lang": "jv"}]
    assert "Sakdurunge nyambung" in page.text
    assert "Read the full terms" in page.text  # what is not translated is said in English
    assert [switch["lang"] for switch in page.all("a") if switch.get("hreflang")] == ["id", "en"]
    assert "Jawa" in site.get("/p/alun-alun?lang=id").text
    site.close()


def test_plural_forms_are_those_of_the_language(further: Path) -> None:
    forms = "\n".join(f'msgstr[{number}] "%(n)d ({number})"' for number in range(3))
    add_language(further, "pl", f'msgid "%(n)d device"\nmsgid_plural "%(n)d devices"\n{forms}\n')

    say = languages.translations("pl").ngettext

    assert [say("%(n)d device", "%(n)d devices", n) for n in (1, 2, 5, 22)] == [
        f"%(n)d ({number})" for number in (0, 1, 2, 1)
    ]
    assert "%(n)d device" in languages.messages_of("pl")


def test_a_language_that_is_written_from_the_right_says_so(further: Path) -> None:
    add_language(further, "ar", 'msgid "Language"\nmsgstr "اللغة"\n')

    assert '<html lang="ar" dir="rtl">' in render(named("welcome"), get_theme("default"), "ar")
    assert '<html lang="id">' in render(named("welcome"), get_theme("default"), "id")


# --- check -------------------------------------------------------------------------------------------------------------------


def test_the_themes_that_are_shipped_have_nothing_to_mend() -> None:
    for name in known_themes():
        assert inspect(get_theme(name)) == []


CONNECTING = """{% extends "base.html" %}
{% block title %}{{ _("Connecting…") }}{% endblock %}
{% block main %}
<h1>{{ _("Connecting…") }}</h1>
HERE
{% endblock %}
"""


@pytest.mark.parametrize(
    ("here", "said"),
    [
        ("<script>1</script>", "take the script out"),
        ('<p onclick="x">x</p>', "event handler"),
        ('<p style="color:red">x</p>', "style.css"),
        ("<style>p{}</style>", "style.css"),
        ('<link rel="x">', "nothing is loaded"),
        ('<a href="https://example.com">x</a>', "take the address out"),
        ('<p class="top banner">x</p>', "name the class otherwise"),
        ("{{ refresh_seconds|safe }}", "leave the text escaped"),
        ('{{ _("Words that nobody knows") }}', "translate 'Words that nobody knows' in hotspot/locales/id/portal.po"),
        ("{{ refresh_second }}", "mend it: 'refresh_second' is undefined (sample connecting)"),
        ("{{ refresh_seconds + language }}", "mend it: unsupported operand"),
        ("{% if %}", "mend it: Expected an expression"),
        ('{% include "nothing.html" %}', "mend it: there is no nothing.html"),
    ],
)
def test_a_fault_in_a_page_is_found_in_its_line(folder: Path, here: str, said: str) -> None:
    (folder / "kota" / "connecting.html").write_text(CONNECTING.replace("HERE", here))

    found = inspect(get_theme("kota"))

    assert [each for each in found if each.line == 5 and said in each.words], found
    assert {each.file for each in found} == {"portal_templates/kota/connecting.html"}


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("connecting.html", "<h1>", "<h2>", "exactly one <h1>, it has 0 (sample connecting, en)"),
        (
            "connecting.html",
            "block title %}{{",
            "block title %}{% endblock %}{% block rest %}{{",
            "fill the block title",
        ),
        ("welcome.html", "{{ press(form) }}", "", "keep the form to /p/alun-alun/login"),
        ("prose.html", 'method="post"', "", "keep the form to /p/alun-alun/login"),
        (
            "prose.html",
            '<input type="hidden" name="{{ name }}"',
            '<input type="hidden" name="x"',
            "all its hidden fields",
        ),
        ("online.html", "{{ again }}", "https:{{ again }}", "pages lead nowhere else"),
        ("info.html", "</section>", "{{ range(9999)|join }}</section>", "make it smaller"),
    ],
)
def test_a_page_that_lacks_what_guests_need_is_found(folder: Path, file: str, old: str, new: str, said: str) -> None:
    text = (folder / "default" / file).read_text()
    assert old in text
    (folder / "kota" / file).write_text(text.replace(old, new))

    assert [each for each in inspect(get_theme("kota")) if said in each.words]


def test_a_field_that_a_form_asks_for_must_stay() -> None:
    form = {"action": "/p/a/login", "fields": {"a": "1"}, "label": "Go", "asks": Asked("code", "Code")}
    whole = (
        '<form method="post" action="/p/a/login"><input type="hidden" name="a" value="1">{}<button>Go</button></form>'
    )

    assert lacking(form, whole.format('<input name="code">')) == []
    assert lacking(form, whole.format("")) == ["keep the field code in the form to /p/a/login"]


def lacking(form: dict, html: str) -> list[str]:
    seen = inspection._Seen()
    seen.feed(html)
    return list(inspection._lacking({"a": [form]}, seen.forms))


@pytest.mark.parametrize(
    ("css", "line", "said"),
    [
        ("p { margin: 0; }\np { background: url(x); }", 2, "take 'url(' out"),
        ("@import 'x';", 1, "take '@import' out"),
        (".banner { margin: 0; }", 1, "some phones hide"),
        (":root {\n  --ink: #888;\n}", 2, "--ink on --page has a contrast of 3.2 in light; it needs 4.5"),
        ("p { color: #777;\n  background: #888; }", 2, "color on background has a contrast of 1.3 in light"),
        (":root { --ink: rgb(0 0 0); }", 1, "write --ink as #rrggbb"),
        ("@media (prefers-color-scheme: dark) {\n\n :root { --key: #123; } }", 3, "in dark"),
    ],
)
def test_a_fault_in_a_style_sheet_is_found_in_its_line(folder: Path, css: str, line: int, said: str) -> None:
    (folder / "kota" / "more.css").write_text(css)

    found = inspect(get_theme("kota"))

    assert [each for each in found if each[:2] == ("portal_templates/kota/more.css", line) and said in each.words], (
        found
    )


def test_a_style_sheet_of_its_own_must_declare_the_colours(folder: Path) -> None:
    (folder / "kota" / "style.css").write_text("p { margin: 0; }")

    assert Finding(
        "portal_templates/kota/style.css", 1, "declare --ink in :root; the portal's pages use it"
    ) in inspect(get_theme("kota"))


def test_a_page_of_a_name_that_nobody_asks_for_is_found(folder: Path) -> None:
    (folder / "kota" / "wellcome.html").write_text("<p>")
    (folder / "kota" / "README.md").write_text("Ours.")

    (found,) = inspect(get_theme("kota"))

    assert (
        str(found) == "portal_templates/kota/wellcome.html:1: rename or remove it: the portal has no page wellcome.html"
    )


def test_the_contrast_of_colours_is_that_of_wcag() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((0x77, 0x77, 0x77), (255, 255, 255)) == pytest.approx(4.478, abs=0.001)


@settings(max_examples=60)
@given(st.text(st.sampled_from("{}:;/* #a1-\n@")) | st.text())
def test_whatever_a_style_sheet_holds_it_is_read(text: str) -> None:
    lines = text.count("\n") + 1

    assert all(1 <= declared.line <= lines for rule in rules_of(text) for declared in rule.declared)
    faint(text)


def test_the_command_says_what_to_mend_and_exits_3(folder: Path) -> None:
    run = CliRunner().invoke
    assert "Nothing to mend in default, contrast, kota." in run(app, ["portal", "check"]).stdout
    (folder / "kota" / "more.css").write_text("@import 'x';")

    found = run(app, ["portal", "check", "--theme", "kota"])

    assert found.exit_code == 3
    assert found.stdout.startswith("portal_templates/kota/more.css:1: take '@import' out")
    assert '"line": 1' in run(app, ["portal", "check", "--json"]).stdout
    assert run(app, ["portal", "check", "--theme", "x"]).exit_code == 2
    assert run(app, ["portal", "preview", "--theme", "x"]).exit_code == 2


# --- preview -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def preview(folder: Path) -> Iterator[Client]:
    client = Client(preview_app("kota"))
    yield client
    client.close()


def test_the_preview_shows_every_sample_of_a_theme_in_every_language_and_scheme(preview: Client, folder: Path) -> None:
    page = Page(preview.get("/").text)

    assert "Theme kota" in page.text
    assert "finds nothing to mend" in page.text
    assert [frame["title"] for frame in page.all("iframe")] == [sample.name for sample in SAMPLES]
    shown = {address for address in page.addresses if address.startswith("/?")}
    assert {"/?theme=contrast&lang=id&scheme=light", "/?theme=kota&lang=en&scheme=light"} <= shown
    (folder / "kota" / "more.css").write_text("@import 'x';")
    assert "kota/more.css:1" in preview.get("/").text
    assert "can&#x27;t be used" in preview.get("/page/welcome").text
    assert preview.get(samples.PICTURE).headers["content-type"] == "image/png"


def test_the_preview_shows_light_and_dark_whatever_the_browser_likes(preview: Client) -> None:
    dark = preview.get("/page/welcome?lang=en&scheme=dark&theme=default")

    assert "@media all" in dark.text
    assert 'content="dark"' in dark.text
    assert "@media not all" in preview.get("/page/welcome").text
    assert "form-action 'none'" in dark.headers["content-security-policy"]


def test_the_preview_knows_only_what_there_is(preview: Client, folder: Path) -> None:
    assert preview.get("/page/nothing").status_code == 404
    odd = preview.get("/?theme=../../etc&lang=<script>&scheme=\"'")
    assert "Theme kota" in odd.text
    assert "<script>" not in odd.text
    (folder / "kota" / "terms.html").write_text("{{ nothing }}")
    assert "This page can't be shown" in preview.get("/page/terms").text


def test_the_command_serves_the_preview_on_this_machine() -> None:
    port = free_port()
    command = [sys.executable, "-m", "hotspot.cli.main", "portal", "preview", "--theme", "contrast"]
    with subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.PIPE, text=True) as process:
        assert f"http://127.0.0.1:{port}/" in process.stdout.readline()
        answer = answered(f"http://127.0.0.1:{port}/")
        process.send_signal(signal.SIGINT)
        process.wait(10)

    assert "Theme contrast" in answer


def answered(url: str) -> str:
    until = time.monotonic() + 10
    while True:
        try:
            return httpx.get(url).text
        except httpx.TransportError:
            assert time.monotonic() < until
