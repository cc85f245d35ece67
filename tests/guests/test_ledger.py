"""The ledger of consents: appended to, verified, forged, and written out as proof."""

import hashlib
import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col, func, select

from hotspot.db import Database, bring_up_to_date, upgrade
from hotspot.guests.chain import NOTHING_BEFORE, Link, canonical, commit_to, flaw, line, moment
from hotspot.guests.consents import (
    Erased,
    Given,
    append,
    delete_facts,
    forget_withdrawals,
    record_erasure,
    withdraw,
)
from hotspot.guests.models import Consent, Credential, LedgerEntry, Withdrawal
from hotspot.guests.proof import Broken, Head, Verified, chain_lines, head_of, proof_lines, verify
from hotspot.guests.service import Presented, forget_consents, latest_consents, redeem
from hotspot.guests.terms import ensure_default_terms
from hotspot.sites.models import Site
from tests.conftest import NOW
from tests.world import GINA, OTHER_PHONE, World

SECOND = timedelta(seconds=1)


def consent_of(world: World, device: UUID | None = None, **more: object) -> Given:
    usual = {"guest_id": device or world.device(), "site_id": world.alun_alun, "terms_sha256": "0" * 64}
    return Given(device or world.device(), **{**usual, "language": "id", "method": "one-tap", "given_at": NOW, **more})  # type: ignore[arg-type]


# --- the chain -----------------------------------------------------------------------------------------------------------


def test_a_batch_is_one_statement_and_chained_in_its_order(database: Database, world: World) -> None:
    batch = [consent_of(world, uuid4(), given_at=NOW + number * SECOND) for number in range(100)]
    with database.writing() as db:
        (first,) = append(db, [consent_of(world)])
        kept = append(db, batch)

        rows = {row.id: row for row in db.exec(select(Consent))}
        entries = {entry.seq: entry for entry in db.exec(select(LedgerEntry))}
        assert [one.entry for one in kept] == list(range(first.entry + 1, first.entry + 101))
        assert [rows[one.id].device_id for one in kept] == [one.device_id for one in batch]
        for one, said in zip(kept, batch, strict=True):
            assert rows[one.id].salt == one.salt
            assert entries[one.entry].commitment == commit_to(said.facts(), one.salt)
            assert (entries[one.entry].at, entries[one.entry].kind) == (said.given_at, "given")
        assert len({one.salt for one in kept}) == 100


def test_an_empty_batch_appends_nothing(database: Database, world: World) -> None:
    with database.writing() as db:
        assert append(db, []) == []
        assert head_of(db) == Head(0, NOTHING_BEFORE)
        assert verify(db) == Verified(Head(0, NOTHING_BEFORE), 0)


def test_many_at_once_make_one_chain_without_gaps(database: Database, world: World) -> None:
    def many(_number: int) -> None:
        for _ in range(5):
            with database.writing() as db:
                append(db, [consent_of(world, uuid4()), consent_of(world, uuid4())])

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(many, range(6)))

    with database.reading() as db:
        verified = verify(db)
    assert isinstance(verified, Verified)
    assert verified.head.seq == 60


def test_what_is_rolled_back_leaves_no_gap(database: Database, world: World) -> None:
    with Session(database.engine) as db:
        append(db, [consent_of(world)])
        db.rollback()
    with database.writing() as db:
        (kept,) = append(db, [consent_of(world)])

    assert kept.entry == 1


@given(
    st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=20), max_size=5),
    st.binary(min_size=16, max_size=16),
)
def test_a_commitment_is_the_hash_of_salt_and_sorted_facts(facts: dict[str, str | int], salt: bytes) -> None:
    written = json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    try:
        octets = (salt.hex() + written).encode()
    except UnicodeEncodeError:
        return  # lone surrogates can't come from the database

    assert canonical(facts) == written
    assert commit_to(facts, salt) == hashlib.sha256(octets).digest()


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_is_written_to_the_microsecond_in_utc(at: datetime) -> None:
    assert moment(at) == f"{at:%Y-%m-%dT%H:%M:%S.%f}+00:00".rjust(32, "0")


def test_a_link_must_follow_the_one_before_it() -> None:
    first = Link(1, NOW, "given", b"c" * 32, NOTHING_BEFORE, b"")
    first = first._replace(hash=hashlib.sha256(line(first).encode()).digest())

    assert flaw(first, None) is None
    assert flaw(first._replace(seq=2), None) == "entry 1 is missing"
    assert flaw(first._replace(seq=2), first) == "it does not follow the entry before it"
    assert flaw(first._replace(kind="erased"), None) == "its hash is not that of what it says"


# --- the database refuses ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entry SET kind = 'given'",
        "DELETE FROM ledger_entry",
        "TRUNCATE ledger_entry",
        "UPDATE consent SET language = 'en'",
        "TRUNCATE consent CASCADE",
        "UPDATE withdrawal SET by = 'nobody'",
        "UPDATE erasure SET sessions = 0",
        "DELETE FROM erasure",
    ],
)
def test_the_database_itself_refuses_to_change_the_past(database: Database, world: World, statement: str) -> None:
    with database.writing() as db:
        world.login(db)
    with pytest.raises(DBAPIError, match="only ever appended to"), database.writing() as db:
        db.execute(text(statement))


# --- verifying -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def ledger(database: Database, world: World) -> Head:
    """A life: two devices agree, one withdraws and agrees again, a third one's facts are deleted, a fourth comes."""
    with database.writing() as db:
        ensure_default_terms(db, NOW)
        gina, other = world.device(), world.device(OTHER_PHONE)
        append(db, [consent_of(world), consent_of(world, other, language="en")])
        assert withdraw(db, gina, by="guest", now=NOW + SECOND)
        append(db, [consent_of(world, given_at=NOW + 2 * SECOND), consent_of(world, third := uuid4())])
        gone = delete_facts(db, third)
        record_erasure(db, Erased(NOW, "guest", gone["consent"], gone["withdrawal"], log_ins=0, sessions=0))
        append(db, [consent_of(world, uuid4(), site_id=world.perpustakaan)])
        return head_of(db)


def test_a_whole_ledger_is_verified_and_tells_its_head(database: Database, ledger: Head) -> None:
    told: list[int] = []
    with database.reading() as db:
        assert verify(db, kept=ledger.hash, tell=told.append) == Verified(ledger, without_facts=1)
    assert told == [7]


MUTATIONS: dict[str, Callable[[random.Random, int], str]] = {
    "flip an entry": lambda chance, seq: (
        f"UPDATE ledger_entry SET {chance.choice(['commitment', 'prev', 'hash'])} = sha256(hash) WHERE seq = {seq}"
    ),
    "date an entry back": lambda _, seq: (
        f"UPDATE ledger_entry SET at = at - interval '1 microsecond' WHERE seq = {seq}"
    ),
    "rename an entry": lambda _, seq: (
        f"UPDATE ledger_entry SET kind = CASE kind WHEN 'given' THEN 'withdrawn' ELSE 'given' END WHERE seq = {seq}"
    ),
    "delete an entry": lambda _, seq: f"DELETE FROM ledger_entry WHERE seq = {seq}",
    "delete the end": lambda _, seq: f"DELETE FROM ledger_entry WHERE seq >= {seq}",
    "delete the end and what it said": lambda _, seq: (
        f"DELETE FROM ledger_entry WHERE seq >= {seq}; DELETE FROM consent WHERE entry >= {seq};"
        f" DELETE FROM withdrawal WHERE entry >= {seq}; DELETE FROM erasure WHERE entry >= {seq}"
    ),
    "swap two entries": lambda _, seq: (
        f"UPDATE ledger_entry SET seq = -seq WHERE seq IN ({seq}, {seq % 7 + 1});"
        f" UPDATE ledger_entry SET seq = CASE -seq WHEN {seq} THEN {seq % 7 + 1} ELSE {seq} END WHERE seq < 0"
    ),
    "slip one in before": lambda _, seq: (
        f"INSERT INTO ledger_entry SELECT 1 - {seq}, at, kind, commitment, prev, hash FROM ledger_entry WHERE seq = 1"
    ),
    "append a forgery": lambda _, seq: (
        f"INSERT INTO ledger_entry SELECT 8, at, kind, commitment, prev, hash FROM ledger_entry WHERE seq = {seq}"
    ),
    "change a consent": lambda chance, _: (
        "UPDATE consent SET {} WHERE id = (SELECT id FROM consent ORDER BY id LIMIT 1 OFFSET {})".format(
            chance.choice(
                [
                    "device_id = gen_random_uuid()",
                    "guest_id = gen_random_uuid()",
                    "site_id = 3 - site_id",
                    "terms_sha256 = repeat('1', 64)",
                    "language = 'xx'",
                    "method = 'voucher'",
                    "given_at = given_at + interval '1 microsecond'",
                    "salt = '\\x00'",
                    "entry = entry + 100",
                ]
            ),
            chance.randrange(3),
        )
    ),
    "swap what two consents say": lambda chance, _: (
        "UPDATE consent SET entry = -entry WHERE entry IN (1, 2); UPDATE consent SET entry = 3 + entry WHERE entry < 0"
    ),
    "change a withdrawal": lambda chance, _: (
        "UPDATE withdrawal SET "
        + chance.choice(["device_id = gen_random_uuid()", "by = 'x'", "withdrawn_at = now()", "entry = 4"])
    ),
    "change an erasure": lambda chance, _: (
        "UPDATE erasure SET " + chance.choice(["consents = 9", "by = 'x'", "entry = 5"])
    ),
    "take an erasure away": lambda _chance, _seq: "DELETE FROM erasure",
}


def test_any_change_to_any_row_is_found(database: Database, ledger: Head) -> None:
    @settings(max_examples=150)
    @given(st.sampled_from(sorted(MUTATIONS)), st.randoms(use_true_random=False), st.integers(1, 7))
    def found(name: str, chance: random.Random, seq: int) -> None:
        with Session(database.engine) as db:
            db.execute(text("SET LOCAL session_replication_role = replica"))  # who does this is the database's owner
            changed = sum(
                db.connection().execute(text(statement)).rowcount
                for statement in MUTATIONS[name](chance, seq).split("; ")
            )
            assert changed > 0, "the mutation itself"
            broken = verify(db, kept=ledger.hash)
            db.rollback()
        assert isinstance(broken, Broken), name
        if name in ("flip an entry", "date an entry back", "rename an entry", "delete the end"):
            assert broken.seq == seq, (name, broken)

    found()


def test_an_end_that_was_cut_off_is_found_by_whoever_kept_the_head(database: Database, ledger: Head) -> None:
    with database.writing() as db:
        db.execute(text("SET LOCAL session_replication_role = replica"))
        db.execute(text("DELETE FROM ledger_entry WHERE seq = 7"))
        db.execute(text("DELETE FROM consent WHERE entry = 7"))

        assert isinstance(verify(db), Verified), "by itself the rest is whole"
        assert verify(db, kept=ledger.hash) == Broken(
            7, "the head that was kept is not in the chain: entries were taken away or made anew"
        )


def test_deleting_facts_leaves_the_chain_whole(database: Database, world: World, ledger: Head) -> None:
    with database.writing() as db:
        assert forget_consents(db, before=NOW + timedelta(days=1)) == 4
        assert forget_withdrawals(db, before=NOW + timedelta(days=1)) == 1

        assert verify(db, kept=ledger.hash) == Verified(ledger, without_facts=6)
        assert not list(db.exec(select(Consent)))


# --- withdrawing ---------------------------------------------------------------------------------------------------------


def test_who_withdrew_is_known_no_longer_until_they_agree_again(database: Database, world: World) -> None:
    with database.writing() as db:
        for mac in (GINA, OTHER_PHONE):
            login = world.login(db, mac=mac)
            redeem(db, [Presented(login.credential_id, world.alun_alun, world.device(mac))], now=NOW)
        unused = world.login(db)

        assert withdraw(db, world.device(), by="guest", now=NOW + SECOND)
        assert not withdraw(db, world.device(), by="guest", now=NOW + 2 * SECOND), "there is nothing left to withdraw"

        assert latest_consents(db, [world.device(), world.device(OTHER_PHONE)]).keys() == {world.device(OTHER_PHONE)}
        assert db.get(Credential, unused.credential_id) is None
        assert db.exec(select(func.count()).select_from(Withdrawal)).one() == 1

        append(db, [consent_of(world, given_at=NOW + 3 * SECOND)])
        assert withdraw(db, world.device(), by="guest", now=NOW + 4 * SECOND)
        assert isinstance(verify(db), Verified)


def test_a_withdrawal_is_kept_as_long_as_what_it_withdrew(database: Database, world: World) -> None:
    with database.writing() as db:
        append(db, [consent_of(world)])
        withdraw(db, world.device(), by="guest", now=NOW + SECOND)

        assert forget_withdrawals(db, before=NOW + timedelta(days=9)) == 0
        forget_consents(db, before=NOW + SECOND)
        assert forget_withdrawals(db, before=NOW) == 0
        assert forget_withdrawals(db, before=NOW + timedelta(days=9)) == 1


# --- proof ---------------------------------------------------------------------------------------------------------------


def test_the_proof_of_a_device_has_its_consents_and_withdrawals_and_nobody_elses(
    database: Database, world: World, ledger: Head
) -> None:
    with database.reading() as db:
        lines = [json.loads(one) for one in proof_lines(db, now=NOW, device_id=world.device())]

    assert lines[0]["head"] == {"seq": ledger.seq, "hash": ledger.hash.hex()}
    assert [next(iter(one)) for one in lines[1:]] == ["given", "given", "withdrawn"]
    assert {one[next(iter(one))]["facts"]["device"] for one in lines[1:]} == {str(world.device())}


def test_the_proof_of_a_site_has_the_texts_that_were_agreed_to(database: Database, world: World) -> None:
    with database.writing() as db:
        ensure_default_terms(db, NOW)
        sha256 = db.scalar(text("SELECT sha256 FROM terms"))
        append(db, [consent_of(world, terms_sha256=sha256), consent_of(world, site_id=world.perpustakaan)])
        site = db.exec(select(Site).where(col(Site.id) == world.alun_alun)).one()

        first, terms, *rest = [json.loads(one) for one in proof_lines(db, now=NOW, site=site)]

    assert (first["site"], terms["terms"]["sha256"], len(rest)) == ("alun-alun", sha256, 1)
    assert terms["terms"]["approved_by"] == "installation"


def test_the_chain_written_out_can_be_checked_line_by_line(database: Database, ledger: Head) -> None:
    with database.reading() as db:
        lines = list(chain_lines(db))

    before = "0" * 64
    for one in lines:
        said, _, digest = one.rpartition(" ")
        assert said.split()[0] == before
        assert hashlib.sha256(said.encode()).hexdigest() == digest
        before = digest
    assert (len(lines), before) == (ledger.seq, ledger.hash.hex())


# --- what was there before -----------------------------------------------------------------------------------------------


def test_consents_of_before_the_ledger_are_chained_by_the_migration(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
        upgrade(connection, BEFORE)
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # the site itself doesn't matter
        connection.execute(text(OLD))
        connection.execute(text(OLD_TERMS))
    bring_up_to_date(database.engine)

    with database.reading() as db:
        verified = verify(db)
        assert isinstance(verified, Verified)
        assert (verified.head.seq, verified.without_facts) == (3, 0)
        assert [one.entry for one in db.exec(select(Consent).order_by(col(Consent.id)))] == [1, 2, 3]
        assert db.execute(text("SELECT approved_by FROM terms")).scalar() == "installation"


BEFORE = "0008"
OLD = """
    INSERT INTO consent (device_id, guest_id, site_id, terms_sha256, language, given_at)
    SELECT gen_random_uuid(), gen_random_uuid(), 1, repeat('a', 64), 'id', now() - interval '1 hour' * number
    FROM generate_series(1, 3) AS number
"""
OLD_TERMS = """
    INSERT INTO terms (name, version, texts, sha256, is_material, effective_at)
    VALUES ('public', 1, '{}', repeat('a', 64), true, now())
"""
