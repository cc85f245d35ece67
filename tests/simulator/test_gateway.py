"""The gateway as a device's browser meets it."""

import hashlib
import json
from ipaddress import IPv4Address

import httpx
import pytest

from hotspot.portal.explanations import UNKNOWN_ERROR, of_router_error
from hotspot.portal.handoff import octets_of
from hotspot.radius.attributes import Attr, make
from hotspot.simulator import gateway as gateways
from hotspot.simulator.hosts import CHALLENGE_LIFE, made_up_mac
from hotspot.simulator.internet import APPLE, FIREFOX, FIREFOX_CANONICAL, WINDOWS
from hotspot.simulator.variables import FIXED_ERRORS
from tests.simulator.scene import GINA, HADIS_PHONE, PORTAL, Scene, scenario, scene

CHAP_ONLY = ("http-chap",)
PAP_ONLY = ("http-pap",)


@scenario
async def test_any_page_of_the_internet_is_captured_before_log_in() -> None:
    async with scene() as here:
        answer = await here.ask("/hotspot-detect.html?a=1&b=2", host="captive.apple.com")

        base = f"http://{here.gateway.login_host}"
        assert answer.status_code == 302
        assert answer.headers["location"] == (
            f"{base}/login?dst=http%3A%2F%2Fcaptive.apple.com%2Fhotspot-detect.html%3Fa%3D1%26b%3D2"
        )


@scenario
async def test_a_request_to_a_proxy_is_captured_as_well() -> None:
    async with scene() as here:
        answer = await here.ask("http://example.com/news")

        assert answer.headers["location"].endswith("/login?dst=http%3A%2F%2Fexample.com%2Fnews")


@scenario
async def test_the_login_page_hands_the_device_to_the_portal() -> None:
    async with scene() as here:
        handed = await here.handed("/login?dst=http://example.com/a%26b")

        challenge = octets_of(handed.pop("chap-challenge"))
        assert len(octets_of(handed.pop("chap-id"))) == 1
        assert len(challenge) == 16
        assert handed == {
            "mac": "BC:24:11:EB:56:4D",
            "ip": "10.5.48.10",
            "link-login-only": f"http://{here.gateway.login_host}/login",
            "link-orig": "http://example.com/a&b",
            "error": "",
            "error-orig": "",
            "username": "",
            "server-name": "hotspot1",
            "identity": "alun-alun-1",
        }


@scenario
async def test_without_chap_no_challenge_is_handed_over() -> None:
    async with scene(login_by=PAP_ONLY) as here:
        handed = await here.handed()

        assert (handed["chap-id"], handed["chap-challenge"]) == ("", "")


@scenario
async def test_a_browser_that_never_joined_gets_a_made_up_device_that_stays_the_same() -> None:
    async with scene() as here:
        first = await here.handed(source="127.0.0.1")
        again = await here.handed(source="127.0.0.1")

        assert first["mac"] == again["mac"] == str(made_up_mac("alun-alun-1", "127.0.0.1"))
        assert made_up_mac("alun-alun-1", "127.0.0.1").is_randomised
        assert first["mac"] != str(made_up_mac("perpustakaan-1", "127.0.0.1"))


@scenario
async def test_pap_sends_the_password_hidden() -> None:
    async with scene(make(Attr.CLASS, b"credential")) as here:
        answer = await here.log_in(password="s3sam")

        (asked,) = here.radius.asked
        assert asked.octets(Attr.CHAP_PASSWORD) is None
        assert asked.text(Attr.USER_NAME) == "gina"
        assert asked.text(Attr.CALLING_STATION_ID) == str(GINA)
        assert answer.status_code == 302
        assert answer.headers["location"] == f"http://{here.gateway.login_host}/status"


@scenario
@pytest.mark.parametrize("login_by", [CHAP_ONLY, ("http-chap", "http-pap")])
async def test_chap_hands_the_response_on_and_the_password_never_passes(login_by: tuple[str, ...]) -> None:
    async with scene(login_by=login_by) as here:
        handed = await here.handed()
        identifier, challenge = octets_of(handed["chap-id"]), octets_of(handed["chap-challenge"])
        response = hashlib.md5(identifier + b"s3sam" + challenge).hexdigest()

        answer = await here.log_in(password=response)

        (asked,) = here.radius.asked
        assert asked.octets(Attr.CHAP_CHALLENGE) == challenge
        assert asked.octets(Attr.CHAP_PASSWORD) == identifier + bytes.fromhex(response)
        assert asked.octets(Attr.USER_PASSWORD) is None
        assert answer.status_code == 302


@scenario
async def test_a_challenge_stays_until_it_is_used_and_is_used_once() -> None:
    async with scene(login_by=CHAP_ONLY) as here:
        here.radius.reject = "no"
        first = await here.handed()
        assert (await here.handed())["chap-challenge"] == first["chap-challenge"]

        refused = await here.log_in(password="0" * 32)
        assert first["chap-challenge"] not in refused.text
        assert (await here.handed())["chap-challenge"] != first["chap-challenge"]


@scenario
@pytest.mark.parametrize("password", ["plain", "0" * 32])
async def test_chap_without_a_response_or_a_challenge_is_refused_by_the_router(password: str) -> None:
    async with scene(login_by=CHAP_ONLY) as here:
        handed = await here.handed(f"/login?username=gina&password={password}")

        assert handed["error"] == "chap-missing"
        assert handed["error-orig"] == FIXED_ERRORS["chap-missing"]
        assert here.radius.asked == []


@scenario
async def test_a_challenge_lapses_after_an_hour_without_activity() -> None:
    async with scene(login_by=CHAP_ONLY) as here:
        await here.handed()
        await here.forward(CHALLENGE_LIFE + 1)

        assert (await here.handed("/login?username=gina&password=" + "0" * 32))["error"] == "chap-missing"


@scenario
async def test_a_reject_shows_the_servers_words_once_and_nothing_of_it_stays() -> None:
    async with scene() as here:
        here.radius.reject = "Izin masuk ini tidak berlaku."
        refused = await here.handed("/login?username=gina&password=x&dst=http://example.com/")
        again = await here.handed()

        assert refused["error"] == refused["error-orig"] == "Izin masuk ini tidak berlaku."
        assert refused["link-orig"] == "http://example.com/"
        assert again["error"] == again["error-orig"] == ""
        assert len(here.radius.asked) == 1


@scenario
async def test_a_reject_without_words_is_an_invalid_name_or_password() -> None:
    async with scene() as here:
        here.radius.reject = ""
        handed = await here.handed("/login?username=gina&password=x")

        assert (handed["error"], handed["error-orig"]) == ("invalid-username", "invalid username or password")


@scenario
async def test_silence_is_said_to_be_silence() -> None:
    async with scene() as here:
        here.radius.is_silent = True
        handed = await here.handed("/login?username=gina&password=x")

        assert (handed["error"], handed["error-orig"]) == ("radius-timeout", "RADIUS server is not responding")


@scenario
async def test_a_name_that_is_another_devices_address_is_refused_by_the_router() -> None:
    async with scene() as here:
        handed = await here.handed("/login?username=BC:24:11:00:00:02&password=x")
        assert (handed["error"], here.radius.asked) == ("wrong-mac-username", [])

        assert (await here.log_in(user="BC:24:11:EB:56:4D")).status_code == 302


@scenario
@pytest.mark.parametrize("name", ["x" * 254, "a%00b"])
async def test_a_name_that_radius_can_not_carry_is_refused_by_the_router(name: str) -> None:
    async with scene() as here:
        assert (await here.handed(f"/login?username={name}&password=x"))["error"] == "invalid-username"
        assert here.radius.asked == []


@scenario
async def test_the_licence_caps_how_many_are_online() -> None:
    async with scene(sessions=1) as here:
        await here.log_in()
        handed = await here.handed("/login?username=hadi&password=x", source=HADIS_PHONE)

        assert handed["error"] == "license-session-limit"


@scenario
async def test_log_in_by_post_works_and_dst_is_where_it_leads() -> None:
    async with scene() as here:
        form = {"username": "gina", "password": "s3sam", "dst": "http://portal.example/on?a=b c\r\nX: y"}
        answer = await here.ask("/login", method="POST", data=form)

        assert answer.headers["location"] == "http://portal.example/on?a=b c%0D%0AX: y".replace("%0D%0A", " ")
        assert here.radius.asked[0].text(Attr.USER_NAME) == "gina"


@scenario
async def test_who_is_online_is_sent_on_without_asking_again() -> None:
    async with scene() as here:
        await here.log_in()
        answer = await here.log_in(user="other")

        assert answer.status_code == 302
        assert len(here.radius.asked) == 1


@scenario
@pytest.mark.parametrize(
    ("host", "path", "status", "body"),
    [
        ("captive.apple.com", "/hotspot-detect.html", 200, APPLE),
        ("connectivitycheck.gstatic.com", "/generate_204", 204, b""),
        ("clients3.google.com", "/generate_204", 204, b""),
        ("connectivitycheck.platform.hicloud.com", "/generate_204", 204, b""),
        ("www.msftconnecttest.com", "/connecttest.txt", 200, WINDOWS),
        ("detectportal.firefox.com", "/success.txt", 200, FIREFOX),
        ("detectportal.firefox.com", "/canonical.html", 200, FIREFOX_CANONICAL),
    ],
)
async def test_probes_are_answered_as_the_real_hosts_do(host: str, path: str, status: int, body: bytes) -> None:
    async with scene() as here:
        assert (await here.ask(path, host=host)).status_code == 302
        await here.log_in()
        answer = await here.ask(path, host=host)

        assert (answer.status_code, answer.content) == (status, body)
        assert "x-simulation" in answer.headers


@scenario
async def test_the_rest_of_the_internet_says_that_it_is_simulated() -> None:
    async with scene() as here:
        await here.log_in()
        page = await here.page("/news", host="example.com")

        assert "simulation" in page.text


@scenario
async def test_being_online_is_the_devices_own() -> None:
    async with scene() as here:
        await here.log_in()

        assert (await here.ask("/", host="example.com")).status_code == 200
        assert (await here.ask("/", host="example.com", source=HADIS_PHONE)).status_code == 302


@scenario
async def test_status_and_logout() -> None:
    async with scene() as here:
        base = f"http://{here.gateway.login_host}"
        for path in ("/", "/status", "/logout"):
            assert (await here.ask(path)).headers["location"] == f"{base}/login", path
        await here.log_in()
        for path in ("/", "/status"):
            links = (await here.page(path)).links
            assert links[0].startswith(f"{PORTAL}?mac=BC%3A24")
            assert links[1] == f"{base}/logout"

        goodbye = await here.page("/logout")

        assert goodbye.links == (f"{base}/login",)
        assert (await here.ask("/", host="example.com")).status_code == 302


@scenario
@pytest.mark.parametrize(
    "path", ["/favicon.ico", "/login.html", "/../errors.txt", "/%2e%2e/errors.txt", "//", "/Login"]
)
async def test_there_are_no_other_pages(path: str) -> None:
    async with scene() as here:
        answer = await here.ask(path)

        assert answer.status_code == 404
        assert "simulated" in answer.text


@scenario
async def test_other_methods_are_not_allowed_here_and_captured_elsewhere() -> None:
    async with scene() as here:
        assert (await here.ask("/login", method="DELETE")).status_code == 405
        assert (await here.ask("/", method="DELETE", host="example.com")).status_code == 302
        head = await here.ask("/login", method="HEAD")
        assert (head.status_code, head.content) == (200, b"")


@scenario
async def test_the_captive_portal_api_is_valid_before_and_after_log_in() -> None:
    async with scene(make(Attr.SESSION_TIMEOUT, 3600)) as here:
        before = await here.ask("/api")
        await here.log_in()
        await here.forward(60)
        after = await here.ask("/api")

        link = f"http://{here.gateway.login_host}/login"
        info = f"{PORTAL}/info"
        assert before.headers["content-type"] == "application/captive+json"
        assert "private" in before.headers["cache-control"]
        assert json.loads(before.text) == {"captive": True, "user-portal-url": link, "venue-info-url": info}
        assert json.loads(after.text) == json.loads(before.text) | {"captive": False, "seconds-remaining": 3540}


@scenario
async def test_every_page_for_people_says_that_it_is_a_simulation() -> None:
    async with scene() as here:
        await _says_so(here, "/login", "/nothing")
        await _says_so(here, "/", host="example.com")
        await here.log_in()
        await _says_so(here, "/status", "/login", "/logout")


async def _says_so(here: Scene, *paths: str, host: str = "") -> None:
    for path in paths:
        answer = await here.ask(path, host=host)
        assert "A simulated MikroTik router, not a real network." in answer.text
        assert "x-simulation" in answer.headers


@scenario
async def test_a_power_cut_breaks_connections_until_the_power_is_back() -> None:
    async with scene() as here:
        here.gateway.power_cut()
        with pytest.raises(httpx.TransportError):
            await here.ask("/login")

        here.gateway.power_back()

        assert (await here.ask("/login")).status_code == 200


@scenario
async def test_no_address_left_is_said_to_be_the_routers_problem() -> None:
    async with scene() as here:
        only = IPv4Address("10.5.50.2")
        here.gateway.router.hosts.pool = ((only, only),)
        assert (await here.ask("/login")).status_code == 200
        assert (await here.ask("/login", source=HADIS_PHONE)).status_code == 503


@scenario
async def test_log_in_twice_at_once_is_one_log_in() -> None:
    async with scene() as here:
        host = here.gateway.router.hosts.seen("127.0.1.1", 0)
        host.is_logging_in = True

        assert (await here.handed("/login?username=gina&password=x"))["error"] == "auth-in-progress"


def test_the_portal_knows_every_error_that_the_router_can_name() -> None:
    errors = gateways.pages_for(PORTAL).errors

    assert errors.pop("radius-reply") == "$(error-orig)"
    assert [key for key in errors if of_router_error(errors[key]) is UNKNOWN_ERROR] == []
    assert [key for key, text in FIXED_ERRORS.items() if of_router_error("", text) is UNKNOWN_ERROR] == []
    assert set(FIXED_ERRORS) <= set(errors)
