"""The guests of a hotspot in its router's API: seen, let in and removed over the real protocol, as the controller does it."""

from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from benchmarks.live_router import CONTROLLER, PASSWORD, Live
from hotspot.radius.attributes import Attr, StatusType, TerminateCause, make
from hotspot.routers.connection import RouterOS, RouterRefused
from hotspot.simulator import hotspot_menus
from hotspot.simulator.hotspot_menus import ACTIVE, HOSTS
from tests.simulator.scene import GINA, GINAS_PHONE, HADI, HADIS_PHONE, Scene, scene

GINAS = "10.5.48.10"
HADIS = "10.5.48.11"
AN_HOUR = make(Attr.SESSION_TIMEOUT, 3600)


class Place:
    """Alun-Alun with the API of its box; Gina's and Hadi's phones have asked for a page."""

    def __init__(self, live: Live, here: Scene, api: RouterOS) -> None:
        self.live, self.here, self.api = live, here, api

    def log_in(self, **fields: str) -> None:
        usual = {"user": "gina", "password": "s3sam", "ip": GINAS, "mac-address": str(GINA)}
        given = usual | {name.replace("_", "-"): text for name, text in fields.items()}
        self.api.call(ACTIVE, "login", {name: text for name, text in given.items() if text})

    def refused(self, **fields: str) -> RouterRefused:
        with pytest.raises(RouterRefused) as refused:
            self.log_in(**fields)
        return refused.value

    def forward(self, seconds: float) -> None:
        self.live.inside(self.here.forward(seconds))

    def active(self, *names: str) -> list[dict[str, str]]:
        return self.api.read(ACTIVE, names)

    def told(self) -> list[StatusType]:
        self.live.inside(self.here.gateway.router.told())
        return self.here.radius.statuses


@pytest.fixture
def live() -> Iterator[Live]:
    with Live() as box:
        yield box


@pytest.fixture(params=[("http-chap", "http-pap")])
def place(request: pytest.FixtureRequest, live: Live) -> Iterator[Place]:
    stack = AsyncExitStack()

    async def begin() -> Scene:
        here = await stack.enter_async_context(scene(AN_HOUR, login_by=request.param))
        hotspot_menus.install(live.router, here.gateway.router)
        await here.ask("/status", source=GINAS_PHONE)
        await here.ask("/status", source=HADIS_PHONE)
        return here

    here = live.inside(begin())
    with RouterOS.connect(live.target(), dial=live.dial) as api:
        yield Place(live, here, api)
    live.inside(stack.aclose())


def test_a_device_is_let_in_by_the_api_and_seen_among_those_that_are_active(place: Place) -> None:
    assert place.active("user") == []

    place.log_in()
    place.here.gateway.router.device_used(GINA, 300, 40_000)
    place.forward(65)

    (row,) = place.active(
        "user", "address", "mac-address", "login-by", "uptime", "session-time-left", "radius", "bytes-out"
    )
    assert row == {
        "user": "gina",
        "address": GINAS,
        "mac-address": str(GINA),
        "login-by": "http-pap",
        "uptime": "1m5s",
        "session-time-left": "58m55s",
        "radius": "true",
        "bytes-out": "40000",
    }
    assert place.told() == [StatusType.START]
    (asked,) = place.here.radius.asked
    assert asked.octets(Attr.USER_PASSWORD) is not None


@pytest.mark.parametrize("place", [("http-chap",)], indirect=True)
def test_a_hotspot_without_pap_makes_a_chap_response_of_the_password_itself(place: Place) -> None:
    place.log_in()

    (asked,) = place.here.radius.asked
    assert asked.octets(Attr.CHAP_PASSWORD) is not None
    assert place.active("login-by") == [{"login-by": "http-chap"}]


def test_the_hosts_are_all_devices_that_the_hotspot_sees(place: Place) -> None:
    place.log_in(mac_address="")
    place.forward(30)

    assert place.api.read(HOSTS, ["mac-address", "address", "server", "authorized", "bypassed", "uptime"]) == [
        {
            "mac-address": str(mac),
            "address": ip,
            "server": "hotspot1",
            "authorized": yes,
            "bypassed": "false",
            "uptime": "30s",
        }
        for mac, ip, yes in ((GINA, GINAS, "true"), (HADI, HADIS, "false"))
    ]
    assert place.api.call(HOSTS, "print", {"count-only": ""}) == [{"ret": "2"}]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"ip": "10.5.48.99"}, "unknown host IP 10.5.48.99"),
        ({"ip": ""}, "unknown host IP 0.0.0.0"),
        ({"ip": "gina"}, "invalid value for argument ip"),
        ({"ip": HADIS}, "wrong MAC provided"),
        ({"mac_address": str(HADI)}, "wrong MAC provided"),
        ({"mac_address": "gina"}, "invalid value of mac-address"),
        ({"user": ""}, "missing value(s) of argument(s) user"),
        ({"user": str(HADI)}, f"invalid username ({HADI}): this MAC address is not yours"),
        ({"domain": "kota"}, "domains are not simulated"),
        ({"address": GINAS}, "unknown parameter address"),
    ],
)
def test_what_does_not_fit_is_refused_before_radius_is_asked(place: Place, fields: dict[str, str], says: str) -> None:
    assert says in str(place.refused(**fields))
    assert place.here.radius.asked == []
    assert place.active("user") == []


@pytest.mark.parametrize(
    ("reject", "says"),
    [("", "invalid username or password"), ("Kuota hari ini habis (K7Q2M)", "Kuota hari ini habis (K7Q2M)")],
)
def test_the_refusal_of_radius_is_the_answer(place: Place, reject: str, says: str) -> None:
    place.here.radius.reject = reject

    assert says in str(place.refused())
    assert place.active("user") == []


def test_the_answer_waits_for_radius(place: Place) -> None:
    place.here.radius.is_silent = True

    assert "RADIUS server is not responding" in str(place.refused())


def test_who_is_logged_in_is_not_logged_in_again(place: Place) -> None:
    place.log_in()

    assert "already logged in" in str(place.refused(user="other"))
    assert len(place.here.radius.asked) == 1
    assert place.active("user") == [{"user": "gina"}]


def test_of_two_log_ins_at_once_one_is_told_to_wait(place: Place) -> None:
    """The other one is still waiting for RADIUS."""
    router = place.here.gateway.router
    place.live.at_once(lambda: setattr(next(iter(router.hosts)), "is_logging_in", True))

    assert "already authorizing, retry later" in str(place.refused())


def test_removing_from_the_active_ends_the_session_and_leaves_the_host(place: Place) -> None:
    place.log_in()
    (row,) = place.active(".id")

    place.api.remove(ACTIVE, row[".id"])

    assert place.active("user") == []
    assert place.told() == [StatusType.START, StatusType.STOP]
    assert place.here.radius.told[1].integer(Attr.ACCT_TERMINATE_CAUSE) == TerminateCause.ADMIN_RESET
    assert len(place.api.read(HOSTS, [".id"])) == 2
    with pytest.raises(RouterRefused, match="no such item"):
        place.api.remove(ACTIVE, row[".id"])


def test_removing_a_host_ends_its_session_too(place: Place) -> None:
    place.log_in()
    gina, hadi = (row[".id"] for row in place.api.read(HOSTS, [".id"]))

    place.api.remove(HOSTS, f"{gina},{hadi}")

    assert place.api.read(HOSTS, [".id"]) == []
    assert place.active("user") == []
    assert place.told() == [StatusType.START, StatusType.STOP]


@pytest.mark.parametrize(("path", "command"), [(ACTIVE, "login"), (ACTIVE, "remove"), (HOSTS, "remove")])
def test_who_may_only_read_may_only_look(place: Place, path: str, command: str) -> None:
    place.live.at_once(lambda: place.live.do("/user/group/add", name="looking", policy="api,read"))
    place.live.at_once(
        lambda: place.live.do("/user/add", name="eyes", group="looking", password=PASSWORD, address=f"{CONTROLLER}/32")
    )
    with RouterOS.connect(place.live.target(user="eyes"), dial=place.live.dial) as eyes:
        assert len(eyes.read(HOSTS, [".id"])) == 2
        with pytest.raises(RouterRefused, match=r"not enough permissions \(9\)"):
            eyes.call(path, command, {"user": "gina", "ip": GINAS})


def test_a_client_that_hangs_up_leaves_the_log_in_to_go_on(place: Place) -> None:
    place.here.radius.is_silent = True
    with (
        RouterOS.connect(place.live.target(), dial=place.live.dial) as hasty,
        pytest.raises(Exception, match="no answer"),
    ):
        hasty.call(ACTIVE, "login", {"user": "gina", "password": "s3sam", "ip": GINAS}, patience=0.01)

    place.live.inside(place.here.gateway.router.told())

    assert len(place.here.radius.asked) == 2, "RADIUS was asked again after the client had gone"
