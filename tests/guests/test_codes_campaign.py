"""A short slice of `make campaign-codes`, and that the campaign notices when a limit is gone."""

import pytest

from benchmarks import campaign_codes
from benchmarks.campaign import Verdict
from hotspot.db import Database
from hotspot.guests import phone_limits
from hotspot.guests.limits import Limit
from hotspot.guests.phone_limits import DAY, SHORT
from hotspot.settings import Settings

SLICE = ["--phones", "12", "--sends", "250", "--people", "5", "--seed", "1971"]


def test_a_slice_holds(database: Database, settings: Settings) -> None:
    verdict = Verdict("")

    campaign_codes.run(database, settings, campaign_codes.options_of(SLICE), verdict)

    assert (verdict.passed, verdict.failed) == (4, 0)


def test_the_campaign_notices_that_a_limit_is_gone(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = (Limit("none", 10**6, SHORT), Limit("none a day", 10**6, DAY))
    for name in ("OF_A_PREFIX", "OF_A_SITE"):
        monkeypatch.setattr(phone_limits, name, none)
    verdict = Verdict("")

    campaign_codes.run(
        database, settings, campaign_codes.options_of([*SLICE[:-2], "--phones", "2", "--seed", "2"]), verdict
    )

    assert (verdict.passed, verdict.failed) == (2, 2)
