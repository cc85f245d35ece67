"""Sessions and their accounting: limits, reports, reboots."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotspot.radius.attributes import Attr, MikroTik, StatusType, TerminateCause, make, make64
from hotspot.simulator.hosts import Appetite
from hotspot.simulator.rates import BadRateLimit, Pair, RateLimit
from hotspot.simulator.router import BOOTS, SESSIONS_PER_BOOT
from hotspot.simulator.sessions import KEEPALIVE
from tests.simulator.scene import GINA, GINAS_PHONE, HADI, HADIS_PHONE, scenario, scene

START, STOP, INTERIM = StatusType.START, StatusType.STOP, StatusType.INTERIM_UPDATE
FORGET_AFTER = 300.0  # seconds: idle-timeout of /ip/hotspot
CLASS = make(Attr.CLASS, b"credential")
HOUR = make(Attr.SESSION_TIMEOUT, 3600)
EVERY_MINUTE = make(Attr.ACCT_INTERIM_INTERVAL, 60)


@scenario
async def test_a_start_names_the_session_as_routeros_does() -> None:
    async with scene(CLASS) as here:
        await here.log_in()
        await here.gateway.router.told()

        (start,) = here.radius.told
        assert here.radius.statuses == [START]
        assert start.text(Attr.ACCT_SESSION_ID) == "80100001"
        assert start.integer(Attr.NAS_PORT) == 0x80100001
        assert start.octets(Attr.CLASS) == b"credential"
        assert start.text(Attr.NAS_IDENTIFIER) == "alun-alun-1"
        assert str(start.address(Attr.FRAMED_IP_ADDRESS)) == "10.5.48.10"
        assert start.integer(Attr.EVENT_TIMESTAMP) == here.clock.began
        assert start.integer(Attr.ACCT_DELAY_TIME) == 0
        assert Attr.ACCT_INPUT_OCTETS not in start


@scenario
async def test_the_attributes_come_in_the_order_of_a_real_hotspot() -> None:
    async with scene() as here:
        await here.log_in()

        vendor = Attr.VENDOR_SPECIFIC
        names = [61, 31, 30, 87, 1, 5, 44, 8, vendor, 2, 6, vendor, 32, 4, 80]
        assert here.radius.order[0] == names
        assert "logout" in (here.radius.asked[0].text((14122, 3)) or "")  # type: ignore[arg-type]


@scenario
async def test_logging_out_is_a_user_request_with_the_totals() -> None:
    async with scene(CLASS) as here:
        await here.log_in()
        here.gateway.router.device_used(GINA, 5_000, 70_000)
        here.clock.at += 90
        await here.ask("/logout")
        await here.gateway.router.told()

        assert here.radius.statuses == [START, STOP]
        stop = here.radius.told[1]
        assert stop.integer(Attr.ACCT_TERMINATE_CAUSE) == TerminateCause.USER_REQUEST
        assert stop.integer(Attr.ACCT_SESSION_TIME) == 90
        assert stop.integer(Attr.ACCT_INPUT_OCTETS) == 5_000
        assert stop.integer(Attr.ACCT_OUTPUT_OCTETS) == 70_000
        assert stop.integer(Attr.ACCT_INPUT_PACKETS) == 5
        assert stop.integer(Attr.ACCT_OUTPUT_PACKETS) == 70
        assert stop.octets(Attr.CLASS) == b"credential"
        assert stop.integer(Attr.EVENT_TIMESTAMP) == here.clock.began + 90


@scenario
async def test_session_timeout_ends_the_session_on_the_second() -> None:
    async with scene(HOUR) as here:
        await here.log_in()
        await here.forward(3599)
        assert here.radius.statuses == [START]
        await here.forward(1)

        assert here.radius.statuses == [START, STOP]
        assert here.radius.told[1].integer(Attr.ACCT_TERMINATE_CAUSE) == TerminateCause.SESSION_TIMEOUT
        assert here.radius.told[1].integer(Attr.ACCT_SESSION_TIME) == 3600
        assert (await here.ask("/", host="example.com")).status_code == 302


@scenario
async def test_idle_timeout_counts_from_the_last_traffic() -> None:
    async with scene(make(Attr.IDLE_TIMEOUT, 300)) as here:
        await here.log_in()
        await here.forward(299)
        await here.ask("/", host="example.com")  # traffic
        await here.forward(1)
        await here.forward(299)
        assert here.radius.statuses == [START]
        await here.forward(1)

        assert here.radius.told[1].integer(Attr.ACCT_TERMINATE_CAUSE) == TerminateCause.IDLE_TIMEOUT


@scenario
async def test_without_limits_nothing_ends_and_nothing_is_reported() -> None:
    async with scene(make(Attr.SESSION_TIMEOUT, 0)) as here:
        await here.log_in()
        await here.forward(1_000_000)

        assert here.radius.statuses == [START]


@scenario
async def test_interim_reports_come_at_their_interval_and_carry_gigawords() -> None:
    async with scene(EVERY_MINUTE) as here:
        await here.log_in()
        here.gateway.router.device_used(GINA, 1, 3 * 2**32 + 7)
        await here.forward(59)
        assert here.radius.statuses == [START]
        for _ in range(3):
            await here.forward(60)

        assert here.radius.statuses == [START, INTERIM, INTERIM, INTERIM]
        interim = here.radius.told[1]
        assert interim.integer(Attr.ACCT_OUTPUT_OCTETS) == 7
        assert interim.integer(Attr.ACCT_OUTPUT_GIGAWORDS) == 3
        assert interim.integer(Attr.ACCT_INPUT_GIGAWORDS) == 0
        assert Attr.ACCT_TERMINATE_CAUSE not in interim


@scenario
async def test_the_total_limit_counts_both_ways_and_ends_the_session() -> None:
    limit = make64(MikroTik.TOTAL_LIMIT, MikroTik.TOTAL_LIMIT_GIGAWORDS, 2**32 + 1_000)
    async with scene(*limit) as here:
        await here.log_in()
        here.gateway.router.device_used(GINA, 600, 2**32)
        await here.forward(1)
        assert here.radius.statuses == [START]
        here.gateway.router.device_used(GINA, 500, 500)
        await here.forward(1)

        stop = here.radius.told[1]
        assert stop.integer(Attr.ACCT_TERMINATE_CAUSE) == TerminateCause.NAS_REQUEST
        used = stop.integer64(Attr.ACCT_INPUT_OCTETS, Attr.ACCT_INPUT_GIGAWORDS)
        got = stop.integer64(Attr.ACCT_OUTPUT_OCTETS, Attr.ACCT_OUTPUT_GIGAWORDS)
        assert (used, got) == (1_000, 2**32)


@scenario
async def test_the_rate_limit_caps_growth_and_rx_is_the_upload() -> None:
    async with scene(make(MikroTik.RATE_LIMIT, "80k/800k")) as here:
        await here.log_in()
        here.gateway.router.device_used(GINA, 10**9, 10**9)
        await here.forward(10)

        usage = here.gateway.router.sessions[GINA].usage(here.clock.at)
        assert usage.octets_from_device == 100_000
        assert usage.octets_to_device == 1_000_000


@scenario
async def test_a_rate_limit_that_can_not_be_read_is_ignored() -> None:
    async with scene(make(MikroTik.RATE_LIMIT, "fast")) as here:
        await here.log_in()
        here.gateway.router.device_used(GINA, 0, 10**9)
        await here.forward(1)

        assert here.gateway.router.sessions[GINA].octets_to_device == 10**9


@scenario
async def test_a_device_that_walks_away_is_lost_service_after_the_keepalive() -> None:
    async with scene() as here:
        await here.log_in()
        await here.forward(1)
        here.gateway.leave(GINAS_PHONE)
        await here.forward(KEEPALIVE.total_seconds() - 1)
        assert here.radius.statuses == [START]
        await here.forward(1)

        assert here.radius.told[1].integer(Attr.ACCT_TERMINATE_CAUSE) == TerminateCause.LOST_SERVICE


@scenario
async def test_a_live_phone_moves_traffic_by_itself_while_it_is_near() -> None:
    async with scene() as here:
        here.gateway.join(GINAS_PHONE, GINA, Appetite(1_000, 10_000))
        await here.log_in()
        for _ in range(100):
            await here.forward(1)
        session = here.gateway.router.sessions[GINA]
        assert 30_000 < session.octets_from_device < 300_000
        assert 300_000 < session.octets_to_device < 3_000_000

        here.gateway.leave(GINAS_PHONE)
        before = session.octets_to_device
        await here.forward(10)
        assert session.octets_to_device == before


@scenario
async def test_traffic_of_somebody_who_is_not_logged_in_is_nothing() -> None:
    async with scene() as here:
        here.gateway.router.device_used(HADI, 1, 1)
        await here.forward(1)

        assert here.radius.told == []


@scenario
async def test_a_reboot_tells_nobody_and_shows_in_the_boot_digit() -> None:
    async with scene(EVERY_MINUTE) as here:
        await here.log_in()
        await here.forward(1)
        here.gateway.reboot()
        await here.forward(61)
        assert here.radius.statuses == [START]
        assert len(here.gateway.router.hosts) == 0
        assert (await here.ask("/", host="example.com")).status_code == 302

        await here.log_in()
        await here.gateway.router.told()

        assert [told.text(Attr.ACCT_SESSION_ID) for told in here.radius.told] == ["80100001", "80200001"]
        assert here.radius.asked[1].text(Attr.CALLING_STATION_ID) == str(GINA), "the air has not changed"


@scenario
async def test_a_power_cut_loses_the_report_that_is_on_its_way() -> None:
    async with scene() as here:
        await here.log_in()
        here.radius.is_silent = True
        await here.ask("/logout")
        await here.radius.until(lambda: len(here.radius.told) == 2)
        here.gateway.power_cut()
        await here.gateway.router.told()

        assert here.radius.statuses == [StatusType.START, StatusType.STOP], "no second try"


@scenario
async def test_an_accept_that_comes_after_a_reboot_lets_nobody_in() -> None:
    async with scene() as here:
        router = here.gateway.router
        authenticate = router.radius.authenticate

        async def reboot_meanwhile(*args: object) -> object:
            router.reboot()
            return await authenticate(*args)  # type: ignore[arg-type]

        router.radius.authenticate = reboot_meanwhile  # type: ignore[method-assign,assignment]

        assert (await here.handed("/login?username=gina&password=x"))["error"] == "internal-error"
        assert router.sessions == {}


@scenario
async def test_hosts_that_left_without_logging_in_are_forgotten() -> None:
    async with scene() as here:
        await here.ask("/login")
        await here.ask("/login", source=HADIS_PHONE)
        here.gateway.leave(HADIS_PHONE)
        await here.forward(FORGET_AFTER - 1)
        assert len(here.gateway.router.hosts) == 2
        await here.forward(1)

        assert [host.mac for host in here.gateway.router.hosts] == [GINA]


@scenario
async def test_session_numbers_keep_their_places_when_counters_wrap() -> None:
    async with scene() as here:
        router = here.gateway.router
        router._opened, router.boot = SESSIONS_PER_BOOT - 1, BOOTS + 3

        assert f"{router._next_number():08x}" == "80300000"


@scenario
async def test_an_unanswered_report_is_repeated_and_says_since_when() -> None:
    async with scene() as here:
        await here.log_in()
        await here.gateway.router.told()
        here.radius.is_silent = True
        await here.ask("/logout")
        await here.gateway.router.told()

        assert here.radius.statuses == [START, STOP, STOP]
        stops = here.radius.told[1:]
        assert len({stop.integer(Attr.EVENT_TIMESTAMP) for stop in stops}) == 1
        assert all(Attr.ACCT_DELAY_TIME in stop for stop in stops)


@scenario
async def test_a_new_log_in_of_the_same_device_ends_the_old_session_first() -> None:
    async with scene() as here:
        router = here.gateway.router
        host = router.hosts.seen(GINAS_PHONE, 0)
        old = await router.log_in(host, "gina", "s3sam")
        await router.log_in(host, "gina", "s3sam")
        router.end(old, TerminateCause.ADMIN_RESET)  # it has ended already
        await router.told()

        sessions = [(told.text(Attr.ACCT_SESSION_ID), told.integer(Attr.ACCT_STATUS_TYPE)) for told in here.radius.told]
        assert sorted(sessions) == [("80100001", START), ("80100001", STOP), ("80100002", START)]
        assert router.session_of(host) is not None


@scenario
async def test_a_signed_accept_that_makes_no_sense_lets_nobody_in() -> None:
    async with scene(HOUR, make(Attr.SESSION_TIMEOUT, 1)) as here:
        assert (await here.handed("/login?username=gina&password=x"))["error"] == "internal-error"
        assert here.gateway.router.sessions == {}


@scenario
async def test_closing_does_not_wait_long_for_a_server_that_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hotspot.simulator.router.LAST_WORDS", 0.0)
    async with scene() as here:
        await here.log_in()
        here.radius.is_silent = True
        await here.ask("/logout")

    assert here.gateway.router._tasks == set()


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("128k", RateLimit(Pair(128_000, 128_000))),
        ("64k/128M", RateLimit(Pair(64_000, 128_000_000))),
        ("0/5000", RateLimit(Pair(0, 5_000))),
        (
            "64k/64k 256k/256k 128k/128k 10/10",
            RateLimit(Pair(64_000, 64_000), Pair(256_000, 256_000), Pair(128_000, 128_000), Pair(10, 10)),
        ),
        (
            "1M 2M/4M 1M 8 5 32k/64k",
            RateLimit(
                Pair(1_000_000, 1_000_000),
                Pair(2_000_000, 4_000_000),
                Pair(1_000_000, 1_000_000),
                Pair(8, 8),
                5,
                Pair(32_000, 64_000),
            ),
        ),
    ],
)
def test_rate_limits_are_read_by_their_grammar(text: str, limit: RateLimit) -> None:
    assert RateLimit.parse(text) == limit


@pytest.mark.parametrize(
    "text", ["", "fast", "1k/", "/1k", "1k/2k/3k", "1k  2k", "1K", "-1", "1k 2k 3k 4k", "1k 1k 1k 1 9", "1 1 1 1 1 1 1"]
)
def test_what_is_not_a_rate_limit_is_refused(text: str) -> None:
    with pytest.raises(BadRateLimit):
        RateLimit.parse(text)


@settings(deadline=None)  # a busy machine is no failure
@given(st.text())
def test_no_text_does_worse_than_being_refused(text: str) -> None:
    with suppress(BadRateLimit):
        RateLimit.parse(text)


def test_a_rate_of_zero_is_no_limit() -> None:
    assert RateLimit.parse("0/8k").octets(2.0) == (None, 2_000)
