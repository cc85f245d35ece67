"""The server's parts by themselves: duplicate cache, lanes, look-up of routers."""

import asyncio
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from hotspot.guests.models import Credential
from hotspot.guests.refusals import Refusal
from hotspot.radius.admitting import why_lost
from hotspot.radius.attributes import Attr
from hotspot.radius.duplicates import LIFE_SECONDS, DuplicateCache, Seen
from hotspot.radius.lane import LARGEST_BATCH, Decided, Lane, Outcome, Shortcut
from hotspot.radius.nases import choose, table_of
from hotspot.radius.packet import Packet
from hotspot.radius.ports import PortTaken
from hotspot.radius.server import RadiusServer
from hotspot.radius.service import AccessAsked
from hotspot.routers.service import KnownRouter
from tests.radius.radius_city import City, dropped

GINA = (("10.0.0.2", 40_000), 7)
NOW = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
HERE = KnownRouter(1, "alun-alun-1", 1, "10.0.0.2", "", b"the-secret-of-alun-alun-32-chars")
DEVICE, CREDENTIAL = UUID(int=1), UUID(int=2)


class TestDuplicateCache:
    def test_a_request_is_new_then_in_progress_then_answered(self) -> None:
        cache = DuplicateCache()

        assert cache.look(GINA, b"a", now=0) is Seen.NEW
        assert cache.look(GINA, b"a", now=1) is Seen.IN_PROGRESS
        cache.keep(GINA, b"a", b"reply")
        assert cache.look(GINA, b"a", now=2) == b"reply"

    def test_an_answer_lives_half_a_minute(self) -> None:
        cache = DuplicateCache()
        cache.look(GINA, b"a", now=0)
        cache.keep(GINA, b"a", b"reply")

        assert cache.look(GINA, b"a", now=LIFE_SECONDS - 0.1) == b"reply"
        assert cache.look(GINA, b"a", now=LIFE_SECONDS) is Seen.NEW

    def test_another_authenticator_replaces_the_old_request(self) -> None:
        cache = DuplicateCache()
        cache.look(GINA, b"a", now=0)

        assert cache.look(GINA, b"b", now=1) is Seen.NEW
        cache.keep(GINA, b"a", b"too late")  # the old request's reply must not answer the new one
        assert cache.look(GINA, b"b", now=2) is Seen.IN_PROGRESS

    def test_silence_is_forgotten_so_that_asking_again_is_new(self) -> None:
        cache = DuplicateCache()
        cache.look(GINA, b"a", now=0)
        cache.keep(GINA, b"a", None)

        assert cache.look(GINA, b"a", now=1) is Seen.NEW

    def test_it_never_grows_beyond_its_capacity(self) -> None:
        cache = DuplicateCache(capacity=10)

        for port in range(1_000):
            cache.look((("10.0.0.2", port), 0), b"a", now=0)

        assert len(cache) <= 11
        assert cache.look((("10.0.0.2", 999), 0), b"a", now=0) is Seen.IN_PROGRESS


class TestLane:
    """Jobs are numbers here; a gate holds the worker, so that the test decides what comes in meanwhile."""

    def run(self, jobs: Sequence[int], *, capacity: int = 10_000, fails: bool = False):
        gate, batches, replies = threading.Event(), [], []

        def settle(batch: Sequence[int]) -> list[bytes | None]:
            assert gate.wait(5)
            batches.append(list(batch))
            if fails:
                raise RuntimeError("boom")
            return [str(job).encode() for job in batch]

        async def scenario() -> None:
            loop, all_answered = asyncio.get_running_loop(), asyncio.Event()

            def deliver(job: int, reply: bytes | None) -> None:
                replies.append((job, reply))
                if len(replies) == len(jobs):
                    all_answered.set()

            lane: Lane[int] = Lane("test", loop, settle=settle, deliver=deliver, capacity=capacity)
            for job in jobs:
                lane.add(job)
                lane.commit()
            gate.set()
            await asyncio.wait_for(all_answered.wait(), 5)
            await lane.finish(patience=5)

        asyncio.run(scenario())
        return batches, replies

    def test_what_comes_in_while_a_batch_commits_is_the_next_batch(self) -> None:
        batches, replies = self.run(range(10))

        assert batches == [[0], [1, 2, 3, 4, 5, 6, 7, 8, 9]]
        assert replies == [(job, str(job).encode()) for job in range(10)]

    def test_batches_are_bounded(self) -> None:
        batches, _ = self.run(range(LARGEST_BATCH + 5))

        assert [len(batch) for batch in batches] == [1, LARGEST_BATCH, 4]

    def test_a_full_queue_gives_up_its_oldest(self) -> None:
        before = dropped("overload_test")

        _, replies = self.run(range(6), capacity=3)

        assert dropped("overload_test") == before + 2
        assert sorted(job for job, reply in replies if reply is None) == [1, 2]

    def test_it_lives_on_after_an_error_nobody_thought_of(self) -> None:
        before = dropped("internal_error")

        batches, replies = self.run(range(3), fails=True)

        assert len(batches) == 2
        assert replies == [(0, None), (1, None), (2, None)]
        assert dropped("internal_error") == before + 3


class TestShortcut:
    """A lane whose shortcut takes odd numbers only; the worker gets what it leaves."""

    def run(self, jobs: Sequence[int], shortcut: Shortcut[int], *, overlaps: bool = True) -> dict[int, bytes | None]:
        replies: dict[int, bytes | None] = {}

        async def scenario() -> None:
            loop, all_answered = asyncio.get_running_loop(), asyncio.Event()

            def deliver(job: int, reply: bytes | None) -> None:
                assert job not in replies, "answered twice"
                replies[job] = reply
                if len(replies) == len(jobs):
                    all_answered.set()

            lane: Lane[int] = Lane(
                "test",
                loop,
                settle=lambda batch: [b"long" for _ in batch],
                deliver=deliver,
                capacity=10_000,
                shortcut=shortcut,
                overlaps=overlaps,
            )
            for job in jobs:
                lane.add(job)
                lane.commit()
            await asyncio.wait_for(all_answered.wait(), 5)
            await lane.finish(patience=5)

        asyncio.run(scenario())
        return replies

    @pytest.mark.parametrize("overlaps", [False, True])
    def test_what_the_shortcut_leaves_the_worker_settles(self, overlaps: bool) -> None:
        def odd(batch: Sequence[int], decided: Decided[int]) -> bool:
            settled = [(job, b"short") for job in batch if job % 2]
            outcome = Outcome(settled, [job for job in batch if not job % 2])
            asyncio.get_running_loop().call_soon(decided, lambda: outcome)
            return True

        replies = self.run(range(40), odd, overlaps=overlaps)

        assert replies == {job: b"short" if job % 2 else b"long" for job in range(40)}

    @pytest.mark.parametrize("overlaps", [False, True])
    def test_a_shortcut_that_takes_nothing_leaves_all_to_the_worker(self, overlaps: bool) -> None:
        assert set(self.run(range(40), lambda batch, decided: False, overlaps=overlaps).values()) == {b"long"}

    def test_a_shortcut_that_fails_loses_nothing(self) -> None:
        def fails(batch: Sequence[int], decided: Decided[int]) -> bool:
            raise RuntimeError("boom")

        assert set(self.run(range(9), fails).values()) == {b"long"}

    def test_an_outcome_that_fails_loses_nothing(self) -> None:
        def boom() -> Outcome[int]:
            raise RuntimeError("boom")

        def fails_later(batch: Sequence[int], decided: Decided[int]) -> bool:
            asyncio.get_running_loop().call_soon(decided, boom)
            return True

        assert set(self.run(range(9), fails_later).values()) == {b"long"}

    def test_beside_others_a_batch_goes_only_when_it_is_of_about_their_size(self) -> None:
        sizes: list[int] = []

        def holds(batch: Sequence[int], decided: Decided[int]) -> bool:
            sizes.append(len(batch))
            return True

        async def scenario() -> None:
            lane: Lane[int] = Lane(
                "test",
                asyncio.get_running_loop(),
                settle=lambda batch: [None] * len(batch),
                deliver=lambda job, reply: None,
                capacity=10_000,
                shortcut=holds,
            )
            for job in range(100):
                lane.add(job)
            lane.commit()
            for job in range(200):
                lane.add(job)
                lane.commit()
            await lane.finish(patience=0)

        asyncio.run(scenario())

        assert sizes == [100, 26, 32, 40]


class TestRouters:
    def test_routers_are_found_by_the_one_spelling_of_their_address(self) -> None:
        table = table_of([KnownRouter(1, "six", 1, "FD00:0::1", "", b"s" * 16)])

        assert list(table) == ["fd00::1"]

    def test_a_lone_router_needs_no_identifier_and_two_do(self) -> None:
        alone = table_of([HERE])["10.0.0.2"]
        both = table_of([HERE, KnownRouter(2, "other", 1, "10.0.0.2", "", b"s" * 16)])["10.0.0.2"]
        nameless = Packet(1, 1, bytes(16))

        assert choose(alone, nameless) is alone.lone
        assert choose(both, nameless) is None
        assert choose(both, Packet(1, 1, bytes(16), ((Attr.NAS_IDENTIFIER, b"other"),))) is both.by_name[b"other"]

    def test_no_secret_shows_in_a_repr(self) -> None:
        assert "secret-of" not in repr(table_of([HERE]))


class TestReasons:
    def test_the_reason_of_a_loss_is_found(self) -> None:
        asked = AccessAsked(HERE, CREDENTIAL, DEVICE, is_proven=True)

        def credential(**changes: object) -> Credential:
            facts = {"site_id": 1, "device_id": DEVICE, "expires_at": NOW + timedelta(seconds=9), "used_at": None}
            return Credential(
                id=CREDENTIAL, guest_id=DEVICE, consent_id=1, language="id", issued_at=NOW, **(facts | changes)
            )

        assert why_lost(None, asked, now=NOW) is Refusal.UNKNOWN
        assert why_lost(credential(site_id=2), asked, now=NOW) is Refusal.OTHER_SITE
        assert why_lost(credential(device_id=CREDENTIAL), asked, now=NOW) is Refusal.OTHER_DEVICE
        assert why_lost(credential(expires_at=NOW), asked, now=NOW) is Refusal.EXPIRED
        assert why_lost(credential(used_at=NOW), asked, now=NOW) is Refusal.USED


def test_a_taken_port_is_named(city: City, radius: RadiusServer) -> None:
    auth, acct = radius.auth_address[1], radius.acct_address[1]

    for ports in ({"auth_port": auth}, {"acct_port": acct}):
        with pytest.raises(PortTaken, match=str(next(iter(ports.values())))):
            RadiusServer(city.database, city.keys, hosts=["0.0.0.0"], **ports).start()


def test_stopping_twice_or_without_a_start_is_harmless(city: City) -> None:
    server = RadiusServer(city.database, city.keys)

    server.stop()
    server.start()
    server.stop()
    server.stop()
