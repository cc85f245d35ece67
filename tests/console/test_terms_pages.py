"""Terms in the console: seen by staff, approved by an admin who did not draft them."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from hotspot.console.terms import LONGEST_VERSION
from hotspot.db import Database
from hotspot.guests.models import Terms
from hotspot.guests.terms import Person, current, draft, ensure_default_terms, get_version, packaged_texts, publish
from hotspot.staff.models import Role
from hotspot.staff.service import add_staff, make_login_link
from tests.console.browser import Browser, Clock, form_token
from tests.console.conftest import Open

BOB = Person("Bob", "bob (command line)")
DRAFT = "/console/terms/public/2"


@pytest.fixture
def sha256(database: Database, clock: Clock) -> str:
    """Of Bob's draft, which follows the packaged version and changes a title and takes a language away."""
    with database.writing() as db:
        ensure_default_terms(db, clock())
        return drafted(db, clock, "Aturan <b>baru</b>").sha256


def drafted(db: object, clock: Clock, title: str, by: Person = BOB) -> Terms:
    texts = {"id": {**packaged_texts("public")["id"], "title": title}}
    return draft(db, "public", texts, by=by, now=clock(), effective_at=clock() + timedelta(days=3))  # type: ignore[arg-type]


@pytest.fixture
def signed_in(database: Database, clock: Clock, browser: Open) -> Callable[[str, Role], Browser]:
    def sign_in(name: str, role: Role) -> Browser:
        with database.writing() as db:
            add_staff(db, name, role, clock())
            link = f"/console/login/{make_login_link(db, name, clock())}"
        client = browser()
        client.press_button(link)
        return client

    return sign_in


def press(client: Browser, sha256: str, path: str = DRAFT, **headers: str) -> int:
    token = form_token(client.get("/console/terms").text)
    data = {"form_token": token, "sha256": sha256}
    return client.post(f"{path}/approve", data=data, headers=headers).status_code


def holding(database: Database, clock: Clock) -> int:
    with database.reading() as db:
        return current(db, "public", clock() + timedelta(days=9)).version


def test_a_version_is_shown_as_guests_read_it_with_what_it_changes(alice: Browser, sha256: str) -> None:
    listed, page = alice.get("/console/terms").text, alice.get(DRAFT).text

    assert "menunggu pengesahan" in listed
    assert "hotspot (packaged document)" in listed
    assert "<ins>Aturan &lt;b&gt;baru&lt;/b&gt;</ins>" in page
    assert "<del>Ketentuan penggunaan Wi-Fi publik</del>" in page
    assert "<h3>Siapa yang menyediakan</h3>" in page
    assert "<del>Terms of use of the public Wi-Fi</del>" in page, "a language that is gone is a change"
    assert "Ini versi pertama dokumen ini" in alice.get("/console/terms/public/1").text
    assert "Sahkan versi ini" not in alice.get("/console/terms/public/1").text


def test_an_admin_approves_the_draft_of_somebody_else(
    alice: Browser, sha256: str, database: Database, clock: Clock
) -> None:
    assert "Sahkan versi ini" in alice.get(DRAFT).text

    assert press(alice, sha256) == 303

    assert holding(database, clock) == 2
    with database.reading() as db:
        done = get_version(db, "public", 2)
        assert (done.approved_by, done.approved_through) == ("Alice", "console")
    assert "disahkan, berlaku nanti" in alice.get(DRAFT).text
    assert "berlaku sekarang" in alice.get("/console/terms/public/1").text


def test_a_version_that_another_one_followed_is_past(alice: Browser, database: Database, clock: Clock) -> None:
    with database.writing() as db:
        ensure_default_terms(db, clock())
        clock.pass_by(timedelta(seconds=1))
        publish(db, "public", {"id": packaged_texts("public")["id"]}, clock())

    assert "sudah lewat" in alice.get("/console/terms/public/1").text
    assert "berlaku sekarang" in alice.get(DRAFT).text


def test_nobody_approves_their_own_draft(
    signed_in: Callable[[str, Role], Browser], sha256: str, database: Database, clock: Clock
) -> None:
    bob = signed_in("Bob", Role.ADMIN)

    assert "Sahkan versi ini" not in bob.get(DRAFT).text
    assert press(bob, sha256) == 403
    assert holding(database, clock) == 1


@pytest.mark.parametrize("role", [Role.NETWORK, Role.OFFICIAL])
def test_only_admins_approve(
    signed_in: Callable[[str, Role], Browser], sha256: str, database: Database, clock: Clock, role: Role
) -> None:
    charlie = signed_in("Charlie", role)

    assert charlie.get(DRAFT).status_code == 200
    assert "Sahkan versi ini" not in charlie.get(DRAFT).text
    assert press(charlie, sha256) == 403
    assert holding(database, clock) == 1


def test_a_forged_or_late_approval_changes_nothing(
    alice: Browser, sha256: str, database: Database, clock: Clock
) -> None:
    assert alice.post(f"{DRAFT}/approve", data={"sha256": sha256}).status_code == 403
    assert press(alice, sha256, **{"sec-fetch-site": "cross-site"}) == 403
    assert press(alice, "0" * 64) == 409
    assert alice.get(f"{DRAFT}/approve").status_code == 405
    assert holding(database, clock) == 1

    assert press(alice, sha256) == 303
    assert press(alice, sha256) == 409


@pytest.mark.parametrize(
    "path",
    ["public/9", "other/1", "public/x", "public/-1", f"public/{'9' * (LONGEST_VERSION + 1)}", "%00/1", "public/%C2%B2"],
)
def test_a_version_that_is_not_there_is_told_so(alice: Browser, sha256: str, path: str) -> None:
    answer = alice.get(f"/console/terms/{path}")

    assert answer.status_code == 404
    assert "Tidak ada versi ketentuan itu" in answer.text
    assert press(alice, sha256, f"/console/terms/{path}") == 404
