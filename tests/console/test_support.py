"""Looking up a support code in the console."""

from datetime import datetime
from uuid import UUID

from hotspot.db import Database
from hotspot.sites.models import Site
from hotspot.staff.models import Role
from hotspot.staff.service import add_staff, make_login_link
from tests.attempts import failed_attempt
from tests.console.browser import Browser, form_token
from tests.console.conftest import Open


def keep_attempt(database: Database, now: datetime) -> None:
    with database.writing() as db:
        answer = "unknown host <b>IP</b>"
        where = {"site_id": 1, "router_id": 1}
        db.add(failed_attempt(device_id=UUID(int=4), requested_at=now, way="controller", answer=answer, **where))


def test_staff_type_the_code_and_see_what_happened(
    alice: Browser, city: dict[str, Site], database: Database, now: datetime
) -> None:
    keep_attempt(database, now)
    token = form_token(alice.get("/console/support").text)

    page = alice.post("/console/support", data={"code": "k7q2m", "form_token": token})
    nobodys = alice.post("/console/support", data={"code": "AAAAA", "form_token": token})

    assert page.status_code == 200
    assert "Router menjawab pengendali: unknown host &lt;b&gt;IP&lt;/b&gt;" in page.text
    assert "12.00.00 WIB" in page.text
    assert nobodys.status_code == 404
    assert "Tidak ada percobaan" in nobodys.text


def test_a_forged_form_and_an_official_are_shown_nothing(
    alice: Browser, browser: Open, city: dict[str, Site], database: Database, now: datetime
) -> None:
    keep_attempt(database, now)
    with database.writing() as db:
        add_staff(db, "Charlie", Role.OFFICIAL, now)
        link = f"/console/login/{make_login_link(db, 'Charlie', now)}"
    charlie = browser()
    charlie.press_button(link)

    assert alice.request("POST", "/console/support", data={"code": "K7Q2M"}).status_code == 403
    assert charlie.get("/console/support").status_code == 403
    assert "/console/support" not in charlie.get("/console/usage").text
    assert "/console/support" in alice.get("/console/usage").text
