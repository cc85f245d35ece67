"""A batch never has more actions than safe mode holds."""

from hotspot.routers.changes import Change, Ref, Remove, Set
from hotspot.routers.changing import BATCH, batches


def test_a_change_of_two_actions_counts_twice() -> None:
    """What sets some attributes and clears others is two actions for the router, and it keeps about a hundred."""
    both = Set("/ip/firewall/filter", "x", Ref("*1"), {"action": "drop"}, {}, unset=("dst-port",))
    once = Remove("/ip/firewall/filter", "x", Ref("*1"), {})
    changes: list[Change] = [both] * BATCH + [once] * (BATCH + 1)

    made = list(batches(changes))

    assert [change for batch in made for change in batch] == changes
    assert [sum(2 if change is both else 1 for change in batch) for batch in made] == [BATCH, BATCH, BATCH, 1]
    assert list(batches([])) == []
