"""The express way to get online: one statement for all who pressed the one button while the commit before it ran.

It stores what `entering.enter` stores one after the other, for those about whom there is nothing to weigh: the device is the guest, no
attempt of its own is open at the site, and what the page showed is what holds. Who is not entered here has lost nothing and goes the
ordinary way.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from hotspot import arrays
from hotspot.guests.chain import commit_to
from hotspot.guests.consents import Given
from hotspot.portal.attempts_models import State
from hotspot.sites.settings import LoginWay, SignIn
from hotspot.statements import Step, prepared

# In the order of their numbers: two processes that enter the same devices never wait for each other in a ring.
TURNS: Final = """
    SELECT count(pg_advisory_xact_lock(%(space)s::int, turn))
    FROM (SELECT DISTINCT hashtext(key) AS turn FROM unnest(%(keys)s::text[]) AS key ORDER BY turn) AS ordered
"""
ENTER: Final = """
    WITH fresh AS MATERIALIZED (
        SELECT press.*, row_number() OVER (ORDER BY place) AS nth
        FROM unnest(%(sites)s::int[], %(routers)s::int[], %(devices)s::uuid[], %(terms)s::text[], %(languages)s::text[],
                %(salts)s::bytea[], %(commitments)s::bytea[], %(credentials)s::uuid[], %(attempts)s::uuid[],
                %(codes)s::text[], %(presses)s::uuid[], %(browsers)s::text[], %(handed)s::bytea[]) WITH ORDINALITY
            AS press (site_id, router_id, device_id, terms_sha256, language, salt, commitment, credential_id, attempt_id,
                support_code, press, browser, handed, place)
        WHERE (SELECT COALESCE(max(version), 0) FROM content_version) = %(version)s::bigint
            AND NOT EXISTS (
                SELECT FROM sign_in_attempt AS known WHERE known.site_id = press.site_id
                AND known.device_id = press.device_id AND known.decided_at IS NULL)
            AND NOT EXISTS (SELECT FROM sign_in_attempt AS known WHERE known.support_code = press.support_code)
    ), appended AS MATERIALIZED (
        SELECT ledger_append('given', array_agg(%(now)s::timestamptz), array_agg(commitment ORDER BY place)) AS first
        FROM fresh HAVING count(*) > 0
    ), agreed AS (
        INSERT INTO consent (device_id, guest_id, site_id, terms_sha256, language, method, given_at, salt, entry)
        SELECT device_id, device_id, site_id, terms_sha256, language, %(method)s::text, %(now)s::timestamptz, salt, first + nth - 1
        FROM fresh, appended ORDER BY nth
        RETURNING id, entry
    ), entered AS MATERIALIZED (
        SELECT fresh.*, agreed.id AS consent_id
        FROM fresh, appended, agreed WHERE agreed.entry = first + nth - 1
    ), issued AS (
        INSERT INTO credential (id, site_id, device_id, guest_id, consent_id, language, issued_at, expires_at)
        SELECT credential_id, site_id, device_id, device_id, consent_id, language, %(now)s::timestamptz, %(expires)s::timestamptz
        FROM entered
    ), begun AS (
        INSERT INTO sign_in_attempt (id, site_id, router_id, device_id, support_code, method, consent_id, press, credential_id,
            way, state, language, browser, handed, requested_at, sent_at)
        SELECT attempt_id, site_id, router_id, device_id, support_code, %(method)s::text, consent_id, press, credential_id,
            %(way)s::text, %(state)s::text, language, browser, handed, %(now)s::timestamptz, %(now)s::timestamptz
        FROM entered
    )
    SELECT string_agg(place::text, ',') FROM entered
"""

STATEMENTS: Final = {"turns": prepared(TURNS), "enter": prepared(ENTER)}


class Press(NamedTuple):
    """A press that was checked, with all that is drawn for it ahead."""

    site_id: int
    router_id: int
    device_id: UUID
    terms_sha256: str
    language: str
    press: UUID
    browser: str
    salt: bytes
    credential_id: UUID
    attempt_id: UUID
    support_code: str
    handed: bytes | None
    version: int  # of the content that it was checked against

    @property
    def turn(self) -> str:
        """What presses of the same device at the same site wait for."""
        return f"{self.site_id} {self.device_id}"


def enter(presses: Sequence[Press], *, lock: int, credential_life: timedelta, now: datetime) -> list[Step]:
    """Let all of these in who can be, each device once a site, if the content's version that they share is still the one that holds."""
    values = {
        "sites": arrays.numbers(press.site_id for press in presses),
        "routers": arrays.numbers(press.router_id for press in presses),
        "devices": arrays.uuids(press.device_id for press in presses),
        "terms": arrays.texts(press.terms_sha256 for press in presses),
        "languages": arrays.texts(press.language for press in presses),
        "salts": arrays.octets(press.salt for press in presses),
        "commitments": arrays.octets(commit_to(_given(press, now).facts(), press.salt) for press in presses),
        "credentials": arrays.uuids(press.credential_id for press in presses),
        "attempts": arrays.uuids(press.attempt_id for press in presses),
        "codes": arrays.texts(press.support_code for press in presses),
        "presses": arrays.uuids(press.press for press in presses),
        "browsers": arrays.texts(press.browser for press in presses),
        "handed": arrays.octets(press.handed for press in presses),
        "method": SignIn.ONE_TAP.value,
        "way": LoginWay.BROWSER.value,
        "state": State.SENT.value,
        "version": str(presses[0].version),
        "now": now.isoformat(),
        "expires": (now + credential_life).isoformat(),
    }
    turns = {"space": str(lock), "keys": arrays.texts(press.turn for press in presses)}
    return [STATEMENTS["turns"].step("turns", turns), STATEMENTS["enter"].step("enter", values)]


def _given(press: Press, now: datetime) -> Given:
    device = press.device_id
    return Given(device, device, press.site_id, press.terms_sha256, press.language, SignIn.ONE_TAP.value, now)


def entered(rows: Sequence[Sequence[Sequence[bytes]]]) -> set[int]:
    """Read from what the statements of `enter` returned who was let in, by their places in the sequence."""
    places = rows[1][0][0]
    return {int(place) - 1 for place in places.split(b",")} if places else set()
