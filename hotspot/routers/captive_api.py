"""The captive portal API of a router's log-in page (RFC 8908), and whether phones may be told of it (RFC 8910, DHCP option 114).

A phone that is told of an API may stop looking for the portal by itself, so one that half works is worse than none. RouterOS has the API
as soon as its log-in page has a certificate; what came of the last self-test, in `api_tests`, decides about the rest.
"""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import DateTime, text
from sqlmodel import Field, Session, SQLModel, col, delete

from hotspot.jobs import enqueue
from hotspot.routers.changes import Actual
from hotspot.routers.menus import LOGIN_CERTIFICATES, MENUS
from hotspot.routers.values import LoginPage

PROFILE = "/ip/hotspot/profile"
SELF_TEST = "captive-api"  # the job's name

KEEP = """
INSERT INTO captive_api (router_id, host, certificate, tested_at, passed, problem)
VALUES (:router, :host, :certificate, :now, :passed, :problem)
ON CONFLICT (router_id) DO UPDATE SET host = excluded.host, certificate = excluded.certificate, tested_at = excluded.tested_at,
    passed = excluded.passed, problem = excluded.problem
"""


class CaptiveApi(SQLModel, table=True):
    """The last self-test of a router's API: at which host, with which certificate (its name on the router), and what was wrong."""

    __tablename__ = "captive_api"

    router_id: int = Field(primary_key=True, foreign_key="router.id")
    host: str = Field(max_length=100)
    certificate: str = Field(max_length=64)
    tested_at: datetime = Field(sa_type=DateTime(timezone=True))
    passed: bool
    problem: str


def keep(db: Session, router_id: int, shown: LoginPage, problem: str, *, now: datetime) -> None:
    """Keep what a self-test found; an empty `problem` is a pass."""
    values = {"router": router_id, "host": shown.host, "certificate": shown.certificate, "now": now}
    db.connection().execute(text(KEEP), {**values, "passed": not problem, "problem": problem})


def forget(db: Session, router_id: int) -> bool:
    """Count a router's API as not tested; False when it is so already."""
    return bool(db.exec(delete(CaptiveApi).where(col(CaptiveApi.router_id) == router_id)).rowcount)


def judged(db: Session, router_id: int, name: str, login: LoginPage, zone: ZoneInfo) -> LoginPage:
    """Return what becomes of a router's log-in page after its last self-test.

    1. Never tested at this host: it has its certificate, and phones are told nothing. 2. Passed, also with the certificate before this one:
    phones are told. 3. Failed with this certificate: that goes, because RouterOS tells phones by itself where there is one.
    """
    held = db.get(CaptiveApi, router_id)
    if not login.certificate or held is None or held.host != login.host:
        return login
    if held.passed:
        return replace(login, api=f"https://{login.host}/api")
    if held.certificate != login.certificate:
        return login
    day = f"{held.tested_at.astimezone(zone):%Y-%m-%d}"
    lack = (
        f"the captive portal API of {login.host} failed its self-test on {day}: {held.problem}; once that is mended: "
    )
    return LoginPage(lack=f"{lack}hotspot routers api-test {name} --again")


def shown_in(rows: Actual) -> LoginPage | None:
    """Return host and certificate of the log-in page as the router has it; None where it has none of ours."""
    for row in rows.get(PROFILE, ()):
        certificate, host = row.get("ssl-certificate", ""), row.get("dns-name", "")
        if MENUS[PROFILE].role_of(row) and certificate.startswith(LOGIN_CERTIFICATES) and host:
            return LoginPage(host=host, certificates=(certificate,))
    return None


def queue_test(db: Session, router_id: int, rows: Actual) -> None:
    """Queue the self-test of a router that was given a certificate which was not tested on it."""
    shown, held = shown_in(rows), db.get(CaptiveApi, router_id)
    if shown is not None and (held is None or (held.host, held.certificate) != (shown.host, shown.certificate)):
        enqueue(db, SELF_TEST, router_id, {})
