"""An attempt to get online, for tests of what staff see of it."""

from datetime import datetime
from uuid import UUID

from hotspot.portal.attempts_models import SignInAttempt


def failed_attempt(
    *, device_id: UUID, requested_at: datetime, site_id: int, router_id: int, **more: object
) -> SignInAttempt:
    """One that came to nothing, with the code K7Q2M."""
    usual = {
        "id": UUID(int=1),
        "support_code": "K7Q2M",
        "method": "one-tap",
        "consent_id": 1,
        "press": UUID(int=2),
        "credential_id": UUID(int=3),
        "way": "browser",
        "state": "failed",
        "reason": "no answer",
        "language": "id",
        "browser": "android",
    }
    place = {"device_id": device_id, "requested_at": requested_at, "site_id": site_id, "router_id": router_id}
    return SignInAttempt(**usual | place | more)
