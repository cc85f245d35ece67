"""Rings and nights: who goes first, and when."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from hotspot.routers.rollouts_rings import Member, Ring, arrange
from hotspot.routers.rollouts_window import Night

JAKARTA = ZoneInfo("Asia/Jakarta")
members = st.lists(st.sampled_from(["19.71.01", "19.71.02", "19.71.03"]), min_size=1, max_size=60).map(
    lambda codes: [Member(number, f"r{number:02d}", code) for number, code in enumerate(codes)]
)
times = st.times(timezones=st.none())
moments = st.integers(0, 31_536_000).map(lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))


@given(members, st.integers(min_value=0))
def test_every_router_is_in_one_ring_behind_one_canary_and_a_tenth(those: list[Member], choice: int) -> None:
    canary = those[choice % len(those)]

    rings = arrange(those, canary.name)

    assert sorted(member for ring in rings.values() for member in ring) == sorted(those)
    assert rings[Ring.CANARY] == [canary]
    assert len(rings[Ring.TENTH]) == min(-(-len(those) // 10), len(those) - 1)
    assert {member.kecamatan for member in rings[Ring.KECAMATAN]} <= {canary.kecamatan}
    assert canary.kecamatan not in {member.kecamatan for member in rings[Ring.ALL]}


def test_without_a_name_the_first_is_the_canary_and_a_tenth_is_spread_over_the_city() -> None:
    those = [Member(number, f"r{number:02d}", f"19.71.{number // 10:02d}") for number in range(40)]

    rings = arrange(list(reversed(those)))

    assert rings[Ring.CANARY] == [those[0]]
    assert [member.kecamatan for member in rings[Ring.TENTH]] == ["19.71.00", "19.71.01", "19.71.02", "19.71.03"]
    assert arrange(those, "nobody") == {ring: [] for ring in Ring}
    assert [ring.words for ring in Ring] == ["canary", "10 %", "kecamatan", "all"]


@given(times, times, moments)
def test_a_night_opens_now_or_when_it_next_begins(since: time, until: time, now: datetime) -> None:
    night = Night(since, until, JAKARTA)

    opens = night.opens(now)

    assert night.has(opens)
    assert timedelta() <= opens - now <= timedelta(days=1)
    assert opens == now or not night.has(now)
    assert opens == now or opens.astimezone(JAKARTA).time() == since


def test_a_night_goes_by_the_citys_clock_and_across_midnight() -> None:
    noon = datetime(2026, 3, 2, 5, tzinfo=UTC)  # in Pangkalpinang

    assert Night(time(1), time(5), JAKARTA).opens(noon) == datetime(2026, 3, 2, 18, tzinfo=UTC)
    assert Night(time(22), time(4), JAKARTA).has(datetime(2026, 3, 2, 20, tzinfo=UTC))
    assert not Night(time(22), time(4), JAKARTA).has(noon)
    assert Night(time(1), time(1), JAKARTA).has(noon)  # the same twice is always
