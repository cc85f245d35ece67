"""Errors that no feature dresses up: a bare page in the person's language, nothing inside shown, nothing secret logged."""

import gzip
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError

from hotspot import web
from hotspot.app import create_app
from hotspot.db import Database
from hotspot.errors import Conflict
from hotspot.languages import translations
from hotspot.settings import Settings
from hotspot.static_files import ImmutableFiles
from tests.portal.visit import Client


class Taken(Conflict):
    """That is taken by {name}"""


@pytest.fixture
def app(settings: Settings, database: Database) -> FastAPI:
    app = create_app(settings.model_copy(update={"demo": True}), database)

    def fail(kind: str) -> None:
        raise {
            "ours": Taken(name="<b>Bob</b>"),
            "database": OperationalError("SELECT secret", {}, Exception("server closed the connection")),
            "bug": ZeroDivisionError("secret-in-a-bug"),
        }[kind]

    app.add_api_route("/fail/{kind}", fail)
    return app


@pytest.fixture
def client(app: FastAPI) -> Iterator[Client]:
    client = Client(app)
    yield client
    client.close()


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/nowhere", 404, "Halaman ini tidak ada"),
        ("/fail/ours", 409, "That is taken by &lt;b&gt;Bob&lt;/b&gt;"),
        ("/fail/database", 503, "Layanan sedang berhenti sejenak"),
        ("/fail/bug", 500, "Ini bukan kesalahan Anda"),
    ],
)
def test_an_error_is_a_page_that_gives_nothing_away(path: str, status: int, said: str, client: Client) -> None:
    answer = client.get(path, headers={"accept-language": "id"})

    assert answer.status_code == status
    assert said in answer.text
    assert "secret" not in answer.text
    assert "Demo" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert ("retry-after" in answer.headers) == (status == 503)


def test_a_wrong_method_is_explained_in_english_too(client: Client) -> None:
    answer = client.post("/health", headers={"accept-language": "en"})

    assert answer.status_code == 405
    assert "can&#x27;t be used this way" in answer.text


def test_a_login_link_never_reaches_the_log(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with structlog.testing.capture_logs() as logged:
        client.get("/fail/database?token=very-secret")
        client.get("/fail/bug")

    assert [entry["path"] for entry in logged] == ["/fail/{kind}", "/fail/{kind}"]
    assert "very-secret" not in str(logged)
    assert "SELECT secret" not in str(logged[0])


def test_every_message_of_the_bare_pages_is_translated() -> None:
    source = Path(web.__file__).read_text()
    messages = re.findall(r'"((?:This|Something|It is|The service|Please)[^"]*)"', source)

    assert len(messages) >= 7
    assert [message for message in messages if translations("id").gettext(message) == message] == []


def test_the_home_page_leads_staff_to_the_console(client: Client) -> None:
    answer = client.get("/")

    assert (answer.status_code, answer.headers["location"]) == (303, "/console/usage")


def test_static_files_are_kept_by_browsers_for_good(client: Client) -> None:
    answer = client.get("/static/console.css")

    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]


def test_static_files_are_compressed_once_for_those_who_take_it(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = client.get("/static/console.css", headers={"accept-encoding": "identity"})
    first = client.get("/static/console.css", headers={"accept-encoding": "gzip"})
    monkeypatch.setattr(gzip, "compress", None)

    again = client.get("/static/console.css", headers={"accept-encoding": "br, gzip"})

    assert plain.content == first.content == again.content
    assert "content-encoding" not in plain.headers
    for answer in (first, again):
        assert answer.headers["content-encoding"] == "gzip"
        assert int(answer.headers["content-length"]) < len(plain.content)
        assert answer.headers["content-type"] == plain.headers["content-type"]
        assert "immutable" in answer.headers["cache-control"]
    part = client.get("/static/console.css", headers={"accept-encoding": "gzip", "range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, plain.content[:10])


def test_a_static_file_that_compresses_badly_stays_as_it_is(client: Client, tmp_path: Path) -> None:
    (tmp_path / "noise.bin").write_bytes(secrets.token_bytes(2000))
    files = Client(ImmutableFiles(directory=tmp_path))

    answer = files.get("/noise.bin", headers={"accept-encoding": "gzip"})

    assert "content-encoding" not in answer.headers
    assert len(answer.content) == 2000
    files.close()
