"""The benchmark's routers: what they send is what a router would send, and what they count as an answer is one."""

import hashlib
import json
import socket
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import psycopg
import pytest

from benchmarks import freeradius, radius
from benchmarks.radius_city import ROUTERS, add_reporters, credentials_used, issue_credentials, sessions_stored
from benchmarks.radius_figures import Run, results
from benchmarks.radius_load import Load
from benchmarks.radius_packets import Reporter, Shape, access_request, is_accept, later, report, strangers
from benchmarks.radius_work import Accounting, Echoed, LogIns, SessionNumbers, Work
from hotspot.db import Database
from hotspot.radius.attributes import Attr, Attributes, StatusType
from hotspot.radius.packet import Code, Packet, Secret, flaw_in_request, parse, sign_reply
from hotspot.radius.server import RadiusServer
from hotspot.settings import Settings

REPORTER = Reporter("127.0.10.1", "bench-1", b"a-secret-of-thirty-two-characters")
SECRET = Secret(REPORTER.secret)
SHAPE = Shape(interims=2, octets=3_000_000_000)
PORT = 0x80100014


@pytest.fixture
def served(database: Database, settings: Settings) -> Iterator[tuple[RadiusServer, list[Reporter]]]:
    reporters = add_reporters(database, settings)
    server = RadiusServer(database, settings.keys)
    server.start()
    yield server, reporters
    server.stop()


class Peer:
    """A RADIUS server that says what the test tells it to, and the one router that asks it."""

    def __init__(self, work: Work, *, resend_after: float = 3.0) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(5)
        self.load = Load(work, [REPORTER], self.socket.getsockname(), window=1, resend_after=resend_after)

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self.load.close()
        self.socket.close()

    def hear(self) -> Packet:
        octets, self.asker = self.socket.recvfrom(4096)
        return parse(octets)

    def say(self, octets: bytes) -> None:
        self.socket.sendto(octets, self.asker)


def session() -> list[Attributes]:
    guest = next(strangers())
    packets = [parse(report(REPORTER, 7, guest, PORT, step, SHAPE).packet) for step in range(SHAPE.steps)]
    assert [flaw_in_request(packet, SECRET) for packet in packets] == [None] * SHAPE.steps
    return [Attributes(packet.attributes) for packet in packets]


def test_a_session_is_a_start_its_interims_and_a_stop() -> None:
    status = [attributes.integer(Attr.ACCT_STATUS_TYPE) for attributes in session()]

    assert status == [StatusType.START, StatusType.INTERIM_UPDATE, StatusType.INTERIM_UPDATE, StatusType.STOP]


def test_nas_port_and_session_id_are_the_same_number() -> None:
    for attributes in session():
        assert attributes.text(Attr.ACCT_SESSION_ID) == "80100014"
        assert attributes.integer(Attr.NAS_PORT) == PORT


def test_totals_grow_past_four_gigabytes() -> None:
    totals = [attributes.integer64(Attr.ACCT_INPUT_OCTETS, Attr.ACCT_INPUT_GIGAWORDS) for attributes in session()]

    assert totals == [None, 3_000_000_000, 6_000_000_000, 9_000_000_000]


def test_a_report_sent_again_says_how_late_it_is_and_differs_in_nothing_else() -> None:
    first = report(REPORTER, 7, next(strangers()), PORT, 1, SHAPE)

    again = parse(later(REPORTER, 8, first, 5).packet)

    assert flaw_in_request(again, SECRET) is None
    assert again.identifier == 8
    assert Attributes(again.attributes).integer(Attr.ACCT_DELAY_TIME) == 5
    assert again.attributes[:-1] == parse(first.packet).attributes[:-1]


def test_the_foretold_acknowledgement_is_the_one_the_codec_signs() -> None:
    exchange = report(REPORTER, 7, next(strangers()), PORT, 0, SHAPE)

    assert exchange.reply == sign_reply(parse(exchange.packet), Code.ACCOUNTING_RESPONSE, (), SECRET)


def test_a_log_in_is_signed_with_message_authenticator_last() -> None:
    packet = parse(access_request(REPORTER, 7, next(strangers())._replace(password=b"abcdefghijklmnop"), PORT).packet)

    assert flaw_in_request(packet, SECRET) is None
    assert packet.attributes[-1][0] == Attr.MESSAGE_AUTHENTICATOR


def test_our_server_stores_every_session_the_generator_counts_as_acknowledged(
    served: tuple[RadiusServer, list[Reporter]], database: Database
) -> None:
    server, reporters = served
    work = Accounting(SessionNumbers())
    load = Load(work, reporters, server.acct_address, window=2 * ROUTERS)
    load.prepare(200)

    load.run(0.3)
    load.drain(5)
    load.close()

    assert load.acked > 100
    assert (load.bad_replies, load.outstanding) == (0, 0)
    assert sessions_stored(database) == work.sessions_acknowledged(load.progress)


def test_our_server_admits_every_credential_once(
    served: tuple[RadiusServer, list[Reporter]], database: Database, settings: Settings
) -> None:
    server, reporters = served
    credentials = issue_credentials(database, settings.keys, 40)
    load = Load(LogIns(SessionNumbers(), credentials), reporters, server.auth_address, window=8)

    load.run(5)  # ends when there is nothing more to ask
    load.drain(5)
    load.close()

    assert load.is_exhausted
    assert (load.acked, load.refused, load.bad_replies) == (40, 0, 0)
    assert credentials_used(database) == 40


def test_a_pace_is_kept_and_nothing_is_asked_twice(served: tuple[RadiusServer, list[Reporter]]) -> None:
    server, reporters = served
    load = Load(Accounting(SessionNumbers()), reporters, server.acct_address, window=64)

    took = load.run_at(500, 0.2)
    load.drain(5)
    load.close()

    assert took > 0.19
    assert (load.acked, load.outstanding, load.resent) == (100, 0, 0)


def test_a_reply_of_another_secret_counts_as_bad_and_answers_nothing() -> None:
    with Peer(Accounting(SessionNumbers())) as peer:
        peer.load.run(0)
        asked = peer.hear()

        peer.say(sign_reply(asked, Code.ACCOUNTING_RESPONSE, (), Secret(b"not-the-secret-of-this-router")))
        peer.load.run(0.06)

        assert (peer.load.bad_replies, peer.load.acked) == (1, 0)


@pytest.mark.parametrize("spoilt", [0, 10, 30])  # code, authenticator, Message-Authenticator
def test_a_forged_accept_lets_nobody_in(spoilt: int) -> None:
    guest = next(strangers())._replace(password=b"abcdefghijklmnop")
    with Peer(LogIns(SessionNumbers(), [guest])) as peer:
        peer.load.run(0)
        octets = bytearray(sign_reply(peer.hear(), Code.ACCESS_ACCEPT, (), SECRET))

        octets[spoilt] ^= 1
        peer.say(bytes(octets))
        peer.load.run(0.06)

        assert (peer.load.bad_replies, peer.load.acked) == (1, 0)


@pytest.mark.parametrize("attributes", [b"", b"\x50\x12" + bytes(16)])
def test_an_accept_without_a_right_message_authenticator_lets_nobody_in(attributes: bytes) -> None:
    guest = next(strangers())._replace(password=b"abcdefghijklmnop")
    request = access_request(REPORTER, 7, guest, PORT).packet
    body = attributes + b"\x19\x12" + bytes(16)  # a Class, as ours always has one
    head = bytes((Code.ACCESS_ACCEPT, 7, 0, 20 + len(body)))
    reply = head + hashlib.md5(head + request[4:20] + body + REPORTER.secret).digest() + body

    assert is_accept(reply, request, REPORTER.secret) is None


def test_a_lost_report_is_sent_again_and_the_answer_to_the_first_is_late() -> None:
    with Peer(Accounting(SessionNumbers()), resend_after=0.0) as peer:
        peer.load.run(0)
        first = peer.hear()
        peer.load.run(0.06)
        again = peer.hear()

        peer.say(sign_reply(again, Code.ACCOUNTING_RESPONSE, (), SECRET))
        peer.say(sign_reply(first, Code.ACCOUNTING_RESPONSE, (), SECRET))
        peer.load.run(0.06)

        assert first.identifier != again.identifier
        assert (peer.load.acked, peer.load.late_replies, peer.load.bad_replies) == (1, 1, 0)


def test_what_was_told_follows_what_was_acknowledged() -> None:
    work = Accounting(SessionNumbers(), shape=SHAPE)
    list(islice(work.of_slot(REPORTER, 0), 6))  # Start, 2 interims, Stop; Start, interim

    assert [story.acked_octets for story in work.told([0]).values()] == [-1]
    first, second = work.told([5]).values()

    assert first.acked_start
    assert first.acked_stop
    assert first.acked_octets == 3 * SHAPE.octets
    assert second.acked_start
    assert not second.acked_stop
    assert (second.acked_octets, second.sent_octets) == (-1, SHAPE.octets)


def test_the_benchmark_runs_without_freeradius_and_ends_with_a_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    short = (
        "--rounds 1 --seconds 0.1 --windows 16 --bare-connections 1 --burst 100 --burst-rate 1000 --sustain-seconds 0"
    )

    code = radius.main(["--no-freeradius", *short.split()])

    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert code == 0
    assert said["stored"]
    assert said["without_freeradius"] == "left out"
    assert set(said["loads"]) == {"echo 16", "accounting 16", "log-ins 16", "burst at 1000/s"}
    for load in said["loads"].values():
        for server in load["servers"].values():
            assert (server["bad_replies"], server["unanswered"], server["refused"]) == (0, 0, 0)


def test_a_machine_without_freeradius_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freeradius, "BINARY", "no-such-program")

    assert "apt-get install freeradius" in (freeradius.why_absent() or "")


def test_an_echo_is_asked_what_a_server_would_be_asked() -> None:
    packet, reply = next(Echoed(SessionNumbers()).of_slot(REPORTER, 0))

    assert flaw_in_request(parse(packet), SECRET) is None
    assert reply == packet


@pytest.mark.skipif(freeradius.why_absent() is not None, reason=str(freeradius.why_absent()))
@pytest.mark.parametrize("site", freeradius.SITES)
def test_freeradius_acknowledges_the_same_traffic(site: str, database: Database, tmp_path: Path) -> None:
    dsn = freeradius.make_database(database.dsn)
    try:
        folder, chosen = tmp_path / "freeradius", freeradius.SITES[site]
        with freeradius.freeradius(folder, dsn, [REPORTER], site=chosen, connections=2) as server:
            reports = Load(Accounting(SessionNumbers()), [REPORTER], server.acct, window=4)
            reports.run(0.2)
            reports.drain(5)
            reports.close()
            log_ins = Load(LogIns(SessionNumbers(), server.issue_credentials(8)), [REPORTER], server.auth, window=4)
            log_ins.run(5)
            log_ins.drain(5)
            log_ins.close()
            kept = freeradius.stored(dsn)
    finally:
        with psycopg.connect(database.dsn, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {freeradius.NAME} WITH (FORCE)")

    assert reports.acked > 4
    assert (log_ins.acked, log_ins.refused) == (8, 0)
    assert reports.bad_replies + log_ins.bad_replies == 0
    assert kept[0] >= 4
    assert kept[1] == 8


def test_a_ratio_compares_neighbours_with_the_better_freeradius() -> None:
    def run(acks: float) -> Run:
        return Run(acks, 1.0, 1_000 / acks, 10.0, 10.0, 5.0, 0.0, 0, 0, 0, 0, 0)

    drifting = {
        "hotspot ×1": [run(100), run(900), run(300)],
        "FreeRADIUS (5)": [run(10), run(90), run(60)],
        "FreeRADIUS (8)": [run(9), run(80), run(50)],
    }

    said = results({1: [50.0], 8: [70.0]}, {"accounting 32": drifting})["loads"]["accounting 32"]

    assert said["compared_with"] == "FreeRADIUS (5)"
    assert said["ratios"] == {"hotspot ×1": {"acks": 10.0, "p99": 0.1, "cpu": 1.0}}
    assert said["servers"]["hotspot ×1"]["per_bare_commit"] == 6.0
