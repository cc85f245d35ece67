"""The short way in: the turnstile lets in whom the desk would let in, with the same answer and the same log, and nobody else."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from hotspot.guests.models import Admission, Credential
from hotspot.guests.passes import GuestPass
from hotspot.guests.service import Login, block_device, give_consent, issue_credential
from hotspot.radius.attributes import Attr, StatusType, make
from hotspot.radius.packet import Code, Packet
from hotspot.radius.server import RadiusServer
from hotspot.sites.models import Site
from hotspot.sites.settings import give
from tests.radius.asking import agree
from tests.radius.radius_city import ALUN_ALUN, GINA_MAC, OTHER_MAC, City, Router, serving

WARM_MAC = "BC:24:11:00:00:01"
HOUR = timedelta(hours=1)
AT_THE_TURNSTILE = """
    FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE '%WITH won AS%' AND pid <> pg_backend_pid()
"""


@pytest.fixture
def radius(city: City) -> Iterator[RadiusServer]:
    """A server that keeps a site's rules for long, so that all but its first log-in may take the short way."""
    with serving(city, rules_last=600.0) as server:
        yield server


@pytest.fixture
def warm(city: City, router: Router) -> Router:
    """The router at Alun-Alun, whose site's rules are known."""
    reply = router.ask(router.access_request(city.credential(mac=WARM_MAC), mac=WARM_MAC))
    assert reply is not None
    assert reply.code == Code.ACCESS_ACCEPT
    return router


@pytest.fixture
def cold(city: City) -> Iterator[Router]:
    """The same router, asking a server that sends everybody to the desk."""
    with serving(city) as server, Router(server, ALUN_ALUN, name="alun-alun-1") as router:
        yield router


def log_of(city: City, login: Login) -> dict[str, object]:
    with city.database.reading() as db:
        found = db.exec(select(Admission).where(col(Admission.id) == login.credential_id)).one()
        return found.model_dump(exclude={"id", "device_id", "guest_id"})


def limits(reply: Packet | None) -> list[tuple[int, bytes]]:
    """The reply's attributes but for its own signature and the admission's name."""
    assert reply is not None
    own = {Attr.MESSAGE_AUTHENTICATOR, Attr.CLASS}
    return [(kind, value) for kind, value in reply.attributes if kind not in own]


def rule(city: City, **settings: object) -> None:
    with city.database.writing() as db:
        for key, value in settings.items():
            give(db, db.get_one(Site, city.sites["alun-alun"]), key, value)


def took_the_turnstile(city: City) -> bool:
    """Whether a connection of this database has used its statement."""
    with city.database.reading() as db:
        return bool(db.scalar(text(f"SELECT count(*) {AT_THE_TURNSTILE}")))


@pytest.mark.parametrize("chap", [False, True])
def test_the_turnstile_answers_and_logs_what_the_desk_would(city: City, warm: Router, cold: Router, chap: bool) -> None:
    rule(city, daily_minutes=None)
    at_turnstile, at_desk = city.credential(mac=GINA_MAC), city.credential(mac=OTHER_MAC)

    short = warm.ask(warm.access_request(at_turnstile, mac=GINA_MAC, chap=chap))
    assert took_the_turnstile(city)
    long = cold.ask(cold.access_request(at_desk, mac=OTHER_MAC, chap=chap))

    assert short is not None
    assert short.code == Code.ACCESS_ACCEPT
    assert dict(short.attributes)[Attr.CLASS] == at_turnstile.credential_id.bytes
    assert limits(short) == limits(long)
    assert log_of(city, at_turnstile) == log_of(city, at_desk)


def test_a_capped_credential_and_a_guest_with_a_pass_are_left_to_the_desk(city: City, warm: Router) -> None:
    guest = uuid4()
    with city.database.writing() as db:
        now = city.clock.now
        db.add(GuestPass(guest_id=guest, begun_at=now, valid_until=now + HOUR, seconds=600))

    capped = warm.ask(warm.access_request(agree(city, cap_seconds=300)))
    passed = warm.ask(warm.access_request(agree(city, guest=guest)))

    assert took_the_turnstile(city), "it was tried"
    assert (Attr.SESSION_TIMEOUT, (300).to_bytes(4, "big")) in limits(capped)
    assert (Attr.SESSION_TIMEOUT, (600).to_bytes(4, "big")) in limits(passed)


def test_a_credential_is_good_once_at_the_turnstile_too(city: City, warm: Router) -> None:
    login = city.credential()

    first = warm.ask(warm.access_request(login))
    second = warm.ask(warm.access_request(login))

    assert first is not None
    assert second is not None
    assert (first.code, second.code) == (Code.ACCESS_ACCEPT, Code.ACCESS_REJECT)


def test_of_many_at_once_with_one_credential_one_gets_in(city: City, warm: Router, radius: RadiusServer) -> None:
    login = city.credential()

    def ask(number: int) -> Code:
        with Router(radius, ALUN_ALUN, name="alun-alun-1") as router:
            router.identifier = number
            reply = router.ask(router.access_request(login))
            assert reply is not None
            return Code(reply.code)

    with ThreadPoolExecutor(16) as pool:
        codes = list(pool.map(ask, range(16)))

    assert sorted(codes) == [Code.ACCESS_ACCEPT] + [Code.ACCESS_REJECT] * 15


def refusals(city: City, device: UUID) -> Sequence[str | None]:
    with city.database.reading() as db:
        return db.exec(select(Admission.refusal).where(col(Admission.device_id) == device)).all()


def test_whoever_cant_pass_is_told_why_by_the_desk(city: City, warm: Router) -> None:
    """Each of these would be let in by a turnstile that looked less closely."""
    elsewhere, late = city.credential(site="perpustakaan"), city.credential(mac=OTHER_MAC)
    with city.database.writing() as db:
        block_device(db, city.device(WARM_MAC), reason="sells access", until=None, now=city.clock.now)
        db.get_one(Credential, late.credential_id).expires_at = city.clock.now
    cases = {
        "other_site": (elsewhere, GINA_MAC),
        "expired": (late, OTHER_MAC),
        "blocked": (city.credential(mac=WARM_MAC), WARM_MAC),
        "other_device": (city.credential(mac=GINA_MAC), "BC:24:11:00:00:09"),
        "unknown_credential": (Login(uuid4(), ""), "BC:24:11:00:00:0A"),
    }
    for reason, (login, mac) in cases.items():
        password = city.keys.one_time_password(login.credential_id)

        reply = warm.ask(warm.access_request(login, mac=mac, password=password))

        assert reply is not None
        assert reply.code == Code.ACCESS_REJECT
        assert refusals(city, city.device(mac))[-1] == reason


def test_a_wrong_password_uses_nothing_up(city: City, warm: Router) -> None:
    login = city.credential()

    wrong = warm.ask(warm.access_request(login, password="guessed"))
    right = warm.ask(warm.access_request(login))

    assert wrong is not None
    assert right is not None
    assert (wrong.code, right.code) == (Code.ACCESS_REJECT, Code.ACCESS_ACCEPT)


def test_guests_with_several_devices_are_counted_by_the_desk(city: City, warm: Router) -> None:
    guest, macs = uuid4(), [f"BC:24:11:00:01:{number:02X}" for number in range(4)]

    codes = []
    for mac in macs:
        with city.database.writing() as db:
            consent = give_consent(
                db,
                device_id=city.device(mac),
                guest_id=guest,
                site_id=city.sites["alun-alun"],
                terms_sha256="0" * 64,
                language="id",
                now=city.clock.now,
            )
            login = issue_credential(db, consent, keys=city.keys, now=city.clock.now)
        reply = warm.ask(warm.access_request(login, mac=mac))
        assert reply is not None
        codes.append(reply.code)

    assert codes == [Code.ACCESS_ACCEPT] * 3 + [Code.ACCESS_REJECT]


def test_who_was_online_today_is_weighed_by_the_desk_where_the_day_is_limited(city: City, router: Router) -> None:
    rule(city, daily_minutes=60, session_minutes=120)
    first = router.ask(router.access_request(city.credential()))
    assert first is not None
    city.clock.advance(HOUR / 2)
    said = make(Attr.CLASS, dict(first.attributes)[Attr.CLASS]), make(Attr.ACCT_SESSION_TIME, 1800)
    assert router.ask(router.report(StatusType.STOP, "80100001", *said)) is not None

    again = router.ask(router.access_request(city.credential()))
    stranger = router.ask(router.access_request(city.credential(mac=OTHER_MAC), mac=OTHER_MAC))

    assert again is not None
    assert stranger is not None
    assert int.from_bytes(dict(again.attributes)[Attr.SESSION_TIMEOUT]) == 1800
    assert int.from_bytes(dict(stranger.attributes)[Attr.SESSION_TIMEOUT]) == 3600
    assert took_the_turnstile(city)


def test_nobody_passes_outside_opening_hours(city: City, router: Router) -> None:
    rule(city, opening_hours="08:00-20:00")
    router.ask(router.access_request(city.credential(mac=WARM_MAC), mac=WARM_MAC))
    city.clock.advance(9 * HOUR)  # 21:00 at the site

    reply = router.ask(router.access_request(city.credential()))

    assert reply is not None
    assert reply.code == Code.ACCESS_REJECT
    assert refusals(city, city.device(GINA_MAC)) == ["closed"]


def test_a_lost_connection_sends_everybody_to_the_desk(city: City, warm: Router) -> None:
    assert warm.ask(warm.access_request(city.credential())) is not None
    with city.database.writing() as db:
        assert db.scalar(text(f"SELECT count(pg_terminate_backend(pid)) {AT_THE_TURNSTILE}")) == 1

    login = city.credential(mac=OTHER_MAC)
    request = warm.access_request(login, mac=OTHER_MAC)
    reply = warm.ask(request) or warm.ask(request)

    assert reply is not None
    assert reply.code == Code.ACCESS_ACCEPT
