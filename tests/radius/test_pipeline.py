"""The pipeline and its error branches, against the real database: what goes wrong on the short way ends exactly on the long one."""

import asyncio
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import text

from hotspot.db import Database
from hotspot.pipeline import Pipeline, Rows
from hotspot.radius.packet import RawAttribute, sign_request
from hotspot.radius.server import RadiusServer
from hotspot.statements import Step, prepared
from hotspot.usage.models import GuestSession
from tests.radius.radius_city import City, Router
from tests.radius.session_words import INTERIM, MINUTE, START, STOP, counted, klass, since, stored, tell

SESSIONS = range(1, 9)
BACKENDS = """
    FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE '%WITH grown AS%' AND pid <> pg_backend_pid()
"""
STATEMENTS = {
    "divide": prepared("SELECT 6 / %(by)s::int"),
    "measure": prepared("SELECT length(%(said)s::text)"),
}


# --- by itself -----------------------------------------------------------------------------------------------------------


def decided(database: Database, *batches: Sequence[Step], lose: bool = False) -> list[list[Rows] | None]:
    """Send batches off at once, and give what became of each."""
    connection = database.connect()

    async def scenario() -> list[list[Rows] | None]:
        pipeline, found, over = Pipeline(connection, STATEMENTS), [], asyncio.Event()

        def done(results: list[Rows] | None) -> None:
            found.append(results)
            if len(found) == len(batches):
                over.set()

        for number, batch in enumerate(batches):
            if lose and number == 1:
                connection.close()
            pipeline.send(batch, done)
        await asyncio.wait_for(over.wait(), 10)
        assert pipeline.is_closed is lose
        pipeline.close()
        return found

    return asyncio.run(scenario())


def divide(by: int) -> Step:
    return STATEMENTS["divide"].step("divide", {"by": str(by)})


def measure(said: str) -> Step:
    return STATEMENTS["measure"].step("measure", {"said": said})


def test_each_batch_is_decided_by_itself(database: Database) -> None:
    outcomes = decided(database, [divide(2), measure("abc")], [divide(3), divide(0), divide(1)], [divide(6)])

    assert outcomes == [[[[b"3"]], [[b"3"]]], None, [[[b"1"]]]]


def test_a_batch_larger_than_the_socket_takes_is_sent_piece_by_piece(database: Database) -> None:
    size = 8 << 20

    assert decided(database, [measure("x" * size)]) == [[[[str(size).encode()]]]]


def test_batches_in_flight_are_undecided_once_the_connection_is_gone(database: Database) -> None:
    assert decided(database, [divide(2)], [divide(3)], lose=True) == [None, None]


def test_what_can_not_be_prepared_is_said_at_once(database: Database) -> None:
    connection = database.connect()

    with pytest.raises(psycopg.OperationalError, match="can't prepare nonsense"):
        Pipeline(connection, {"nonsense": prepared("SELECT nothing")})

    connection.close()


# --- beneath the server --------------------------------------------------------------------------------------------------


def grown(number: int, minutes: int) -> tuple[RawAttribute, ...]:
    """What the interim of a session says after so many minutes."""
    return klass(number), since(60 * minutes), *counted(minutes * 10**9 + number, minutes * 10**6 + number)


def figures(city: City) -> Mapping[str, tuple[int | None, ...]]:
    return {one.acct_session_id: facts_of(one) for one in stored(city)}


def facts_of(session: GuestSession) -> tuple[int | None, ...]:
    return session.octets_to_device, session.octets_from_device, session.seconds


def exact(minutes: int, numbers: Sequence[int] = SESSIONS) -> dict[str, tuple[int | None, ...]]:
    """What is right when every session has reported so many minutes."""
    return {name(one): (minutes * 10**9 + one, minutes * 10**6 + one, 60 * minutes) for one in numbers}


def name(number: int) -> str:
    return f"8010{number:04d}"


def mac(number: int) -> str:
    return f"BC:24:11:00:02:{number:02X}"


def send(city: City, router: Router, minutes: int) -> set[int]:
    """A minute later, send one interim of each session without waiting for an answer; give their identifiers."""
    city.clock.advance(MINUTE)
    packets = [router.report(INTERIM, name(one), *grown(one, minutes), mac=mac(one)) for one in SESSIONS]
    for packet in packets:
        router.socket.sendto(sign_request(packet, router.secret), router.server.acct_address)
    return {packet.identifier for packet in packets}


def acknowledged(router: Router, count: int) -> set[int]:
    router.socket.settimeout(10)
    return {router.socket.recv(4096)[1] for _ in range(count)}


@contextmanager
def one_drain(radius: RadiusServer) -> Iterator[None]:
    """Keep the loop from reading, so that what is sent meanwhile is read in one go."""
    is_held, is_free = threading.Event(), threading.Event()

    def hold() -> None:
        is_held.set()
        is_free.wait(10)

    radius._loop.call_soon_threadsafe(hold)
    assert is_held.wait(10)
    try:
        yield
    finally:
        is_free.set()


def backends(city: City) -> list[int]:
    """Who stores what only grows: the pipelines' sides in the database."""
    with city.database.reading() as db:
        return list(db.scalars(text(f"SELECT pid {BACKENDS}")))


@pytest.fixture
def warm(city: City, router: Router) -> Router:
    """A router whose sessions the server has stored before, and knows."""
    for number in SESSIONS:
        tell(router, START, klass(number), session=name(number), mac=mac(number))
        tell(router, INTERIM, *grown(number, 1), session=name(number), mac=mac(number))
    city.clock.advance(MINUTE)
    for number in SESSIONS:  # from the second interim on it only grows: the first brought the gigawords
        tell(router, INTERIM, *grown(number, 2), session=name(number), mac=mac(number))
    assert len(backends(city)) == 1
    return router


def test_a_connection_lost_in_the_middle_of_a_batch_loses_no_report(city: City, warm: Router) -> None:
    (pid,) = backends(city)
    with city.database.engine.begin() as holder:
        holder.execute(text("SELECT 1 FROM guest_session FOR UPDATE"))
        asked = send(city, warm, 3)
        with city.database.engine.connect() as watcher:
            for _ in range(500):  # until the batch waits for the rows, 5 s at most
                waiting = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity, pg_sleep(0.01) WHERE pid = :pid"
                if watcher.scalar(text(waiting), {"pid": pid}):
                    break
                watcher.rollback()  # what it sees stays the same within a transaction
            assert watcher.scalar(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})

    assert acknowledged(warm, len(asked)) == asked
    assert figures(city) == exact(3)
    for minutes in (4, 5):
        asked = send(city, warm, minutes)
        assert acknowledged(warm, len(asked)) == asked
    assert figures(city) == exact(5)
    assert pid not in backends(city)
    assert len(backends(city)) == 1, "there is another connection, and the short way is open again"


def test_a_connection_that_is_lost_before_it_is_used_again_loses_no_report(
    city: City, radius: RadiusServer, warm: Router
) -> None:
    (pid,) = backends(city)
    with one_drain(radius):
        with city.database.writing() as db:
            assert db.scalar(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
        asked = send(city, warm, 3)

    assert acknowledged(warm, len(asked)) == asked
    assert figures(city) == exact(3)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE guest_session SET ended_at = last_seen_at, ended_by = 'lost' WHERE acct_session_id = '80100003'",
        "DELETE FROM guest_session WHERE acct_session_id = '80100003'",
        "DELETE FROM guest_session",
        "UPDATE guest_session SET last_seen_at = last_seen_at - interval '1 hour' WHERE acct_session_id = '80100003'",
    ],
    ids=["lost", "one-gone", "all-gone", "another-hour"],
)
def test_rows_that_somebody_else_has_changed_are_stored_the_long_way(
    city: City, radius: RadiusServer, warm: Router, change: str
) -> None:
    with city.database.writing() as db:
        db.execute(text(change))

    with one_drain(radius):
        asked = send(city, warm, 3)
    assert acknowledged(warm, len(asked)) == asked

    assert figures(city) == exact(3)
    assert {one.ended_at for one in stored(city)} == {None}
    for minutes in (4, 5):  # learnt anew, then grown again
        asked = send(city, warm, minutes)
        assert acknowledged(warm, len(asked)) == asked
    assert figures(city) == exact(5)


def test_one_report_that_the_database_refuses_does_not_sink_those_that_only_grow(
    city: City, radius: RadiusServer, warm: Router
) -> None:
    with city.database.writing() as db:
        db.execute(text(f"ALTER TABLE guest_session ADD CHECK (octets_to_device <> {3 * 10**9 + 5})"))

    with one_drain(radius):
        asked = send(city, warm, 3)
    answered = acknowledged(warm, len(asked) - 1)

    assert answered < asked
    assert figures(city) == exact(3) | exact(2, [5])
    tell(warm, STOP, *grown(5, 4), session=name(5), mac=mac(5))
    assert figures(city) == exact(3) | exact(4, [5])
