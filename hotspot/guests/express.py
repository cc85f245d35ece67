"""The express way to let guests in: one prepared statement for who can pipeline it. Pure.

It does what redeeming, counting and logging do one after the other, for those about whom there is nothing to weigh: each is a guest
with one device and an uncapped credential, is not blocked, and has used nothing yet of what a day allows. Whoever is not let in here
has lost nothing: no credential is used up, and what is the matter is found out the long way.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from hotspot import arrays
from hotspot.statements import Step, prepared

ADMIT: Final = """
    WITH won AS (
        UPDATE credential SET used_at = %(now)s::timestamptz
        FROM unnest(%(credentials)s::uuid[], %(routers)s::int[], %(sites)s::int[], %(devices)s::uuid[],
            %(held)s::timestamptz[], %(unused)s::timestamptz[]) WITH ORDINALITY
            AS claim (id, router_id, site_id, device_id, held_until, unused_since, place)
        WHERE credential.id = claim.id AND credential.site_id = claim.site_id AND credential.device_id = claim.device_id
            AND credential.guest_id = credential.device_id AND used_at IS NULL AND expires_at > %(now)s::timestamptz
            AND cap_seconds IS NULL AND cap_octets IS NULL
            AND NOT EXISTS (
                SELECT 1 FROM blocked_device
                WHERE blocked_device.device_id = claim.device_id AND (until IS NULL OR until > %(now)s::timestamptz))
            AND (claim.unused_since IS NULL OR NOT EXISTS (
                SELECT 1 FROM admission
                WHERE admission.guest_id = claim.device_id AND refusal IS NULL AND decided_at > claim.unused_since))
        RETURNING claim.*
    ), logged AS (
        INSERT INTO admission (id, router_id, site_id, device_id, guest_id, held_until, decided_at)
        SELECT id, router_id, site_id, device_id, device_id, held_until, %(now)s::timestamptz FROM won
    )
    SELECT string_agg(place::text, ',') FROM won
"""

STATEMENTS: Final = {"admit": prepared(ADMIT)}


class Claim(NamedTuple):
    """A proven credential as a router presents it, and what the guest gets: a place until then.

    `unused_since`: only for a guest who was not let in since then; None: whoever it is.
    """

    credential_id: UUID
    router_id: int
    site_id: int
    device_id: UUID
    held_until: datetime
    unused_since: datetime | None


def admit(claims: Sequence[Claim], *, now: datetime) -> Step:
    """Let in whoever of these can be, each credential named once, in the order of their numbers."""
    return STATEMENTS["admit"].step(
        "admit",
        {
            "credentials": arrays.uuids([claim.credential_id for claim in claims]),
            "routers": arrays.numbers([claim.router_id for claim in claims]),
            "sites": arrays.numbers([claim.site_id for claim in claims]),
            "devices": arrays.uuids([claim.device_id for claim in claims]),
            "held": arrays.moments([claim.held_until for claim in claims]),
            "unused": arrays.moments([claim.unused_since for claim in claims]),
            "now": now.isoformat(),
        },
    )


def admitted(rows: Sequence[Sequence[bytes]]) -> list[int]:
    """Read from what `admit` returned which claims won, by their places in the sequence."""
    places = rows[0][0]
    return [int(place) - 1 for place in places.split(b",")] if places else []
