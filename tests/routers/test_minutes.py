"""What is given to a router in a run is noted, with what became of it, and without secrets."""

from contextlib import closing

import pytest

from benchmarks.live_router import Live
from hotspot.routers import provision
from hotspot.routers.connection import RouterRefused
from hotspot.routers.minutes import Minutes
from hotspot.routers.subjects import Means, enter
from tests.routers.managed import NAME

FILTER = "/ip/firewall/filter"


def test_each_statement_is_noted_as_it_was_given_and_looks_are_not(means: Means, live: Live) -> None:
    minutes = Minutes(means.clock)
    with closing(minutes.of(enter(means, provision._subject(means, NAME)))) as connection:
        first = connection.add(FILTER, {"chain": "input", "action": "accept", "src-address": "10.0.0.1"})
        last = connection.add(FILTER, {"chain": "input", "action": "drop", "comment": "two\nlines"})
        connection.set(FILTER, first, {"disabled": "yes"})
        connection.unset(FILTER, first, ["src-address"])
        connection.move(FILTER, last, first)
        connection.move(FILTER, last, None)
        connection.remove(FILTER, last)
        connection.add("/radius", {"address": "10.253.0.1", "secret": "a-radius-secret-nobody-may-see"})
        assert connection.read(FILTER, ["chain", "src-address"]) == [{"chain": "input"}]
        assert connection.call("/system/identity", "print", {})
        with pytest.raises(RouterRefused):
            connection.call("/tool", "fetch", {"url": "http://10.253.0.1/", "no-such": "word"})

    assert [entry["statement"] for entry in minutes.entries] == [
        f'{FILTER}/add chain="input" action="accept" src-address="10.0.0.1"',
        f'{FILTER}/add chain="input" action="drop" comment="two·lines"',
        f'{FILTER}/set {first} disabled="yes"',
        f"{FILTER}/unset {first} src-address",
        f'{FILTER}/move {last} destination="{first}"',
        f"{FILTER}/move {last}",
        f"{FILTER}/remove {last}",
        '/radius/add address="10.253.0.1" secret=(changed)',
        '/tool/fetch url="http://10.253.0.1/" no-such=(changed)',
    ]
    assert [entry["outcome"] for entry in minutes.entries[:-1]] == ["done"] * 8
    assert "no-such" in minutes.entries[-1]["outcome"]
