"""The whole way of a new router: invited, enrolled by its script, taken over, planned, applied, and then nothing is left to do."""

import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Address
from uuid import UUID

import pytest
from sqlmodel import col, select

from benchmarks.live_router import Live
from hotspot.jobs import pending
from hotspot.paths import shipped
from hotspot.routers import provision
from hotspot.routers.bootstrap import script
from hotspot.routers.bundle import bootstrap_for
from hotspot.routers.configs import load
from hotspot.routers.connection import RouterUnreachable
from hotspot.routers.handover import BOOTSTRAP, NO_IPV6, USER
from hotspot.routers.health import NOT_PROVEN
from hotspot.routers.ledger import Outcome
from hotspot.routers.models import Router, RouterState
from hotspot.routers.service import get_router_named
from hotspot.routers.subjects import Means
from hotspot.routers.takeover import TASK, NothingToTake, take_over
from hotspot.settings import Settings
from hotspot.simulator.reading import read_setup
from hotspot.simulator.routeros.traps import Trap
from tests.routers.boxes import CONTACT, FINGERPRINT, Box, Controller


class Fresh(Live):
    """A router as it leaves the shop, whose /tool/fetch reaches the controller."""

    def __init__(self, controller: Controller, **facts: object) -> None:
        super().__init__(**facts)
        self._controller = controller
        self.router.fetches = self._fetch

    def _enrol(self) -> None:
        """That is what the test is about."""

    def _fetch(self, arguments: Mapping[str, str]) -> bytes:
        if not arguments["url"].endswith(CONTACT):
            return b"the portal"
        answer = self._controller.line.post(CONTACT, content=arguments["http-data"].encode())
        assert answer.status_code == 200, answer.text
        return answer.content

    def paste(self, source: str) -> None:
        """Run a script, in this thread: nobody has connected yet."""
        self.router.interpreter.run(source, session=self.admin)


@pytest.fixture
def fresh(controller: Controller) -> Iterator[Fresh]:
    with Fresh(controller) as box:
        yield box


@pytest.fixture
def means(controller: Controller, settings: Settings, fresh: Fresh) -> Means:
    return Means(
        controller.database,
        settings,
        load(shipped("router_configs")),
        dial=fresh.dial,
        wait=lambda _seconds: None,
        clock=controller.clock,
    )


@pytest.fixture
def name(controller: Controller, settings: Settings, fresh: Fresh) -> str:
    """The name of the router, which has run its script and waits."""
    fresh.paste(script(bootstrap_for(settings, controller.token())))
    with controller.database.reading() as db:
        return db.exec(select(Router.name).where(col(Router.serial) == fresh.router.serial)).one()


def test_the_script_lets_further_radius_servers_through_the_tunnel(
    controller: Controller, settings: Settings, fresh: Fresh
) -> None:
    two = settings.model_copy(update={"radius_addresses": "10.253.0.9"})

    fresh.paste(script(bootstrap_for(two, controller.token())))

    (peer,) = fresh.rows("/interface/wireguard/peers")
    assert peer["allowed-address"] == "10.253.0.1/32,10.253.0.9/32"
    routes = {row["dst-address"]: row["gateway"] for row in fresh.rows("/ip/route") if row.get("comment")}
    assert routes == {"10.253.0.1/32": "hotspot", "10.253.0.9/32": "hotspot"}


def users(fresh: Fresh) -> list[str]:
    return [row["name"] for row in fresh.rows("/user") if row["name"] != "admin"]


def open_services(fresh: Fresh) -> list[str]:
    return [
        row["name"] for row in fresh.rows("/ip/service") if row["disabled"] == "false" and row.get("dynamic") != "true"
    ]


def test_from_the_box_to_an_empty_plan(controller: Controller, means: Means, fresh: Fresh, name: str) -> None:
    assert controller.router(name).state == RouterState.WAITING
    assert users(fresh) == [BOOTSTRAP]
    with controller.database.reading() as db:
        assert [(job.task, job.router_id) for job in pending(db)] == [(TASK.name, controller.router(name).id)]

    take_over(means, name)

    assert controller.router(name).state == RouterState.ENROLLED
    assert users(fresh) == [USER]
    assert open_services(fresh) == ["api-ssl"]
    plan = provision.make_plan(means, name, made_by="Bob")
    assert not plan.plan.is_empty
    assert plan.id is not None
    done = provision.apply(means, plan.id, made_by="Bob")
    assert (done.outcome, done.reason) == (Outcome.CONFIRMED, NOT_PROVEN)
    assert provision.make_plan(means, name, made_by="Bob").plan.is_empty
    assert [row["name"] for row in fresh.rows("/ip/hotspot")]


BY_MAC = {
    "/tool/mac-server": ("allowed-interface-list", "none"),
    "/tool/mac-server/mac-winbox": ("allowed-interface-list", "none"),
    "/tool/mac-server/ping": ("enabled", "false"),
    "/tool/romon": ("enabled", "false"),
    "/tool/bandwidth-server": ("enabled", "false"),
    "/ip/neighbor/discovery-settings": ("discover-interface-list", "none"),
}


def test_nobody_gets_in_by_a_mac_address_or_by_ipv6(means: Means, fresh: Fresh, name: str) -> None:
    fresh.do("/tool/romon/set", enabled="yes")
    fresh.do("/ipv6/firewall/filter/add", chain="forward", action="accept", comment="by hand")

    take_over(means, name)

    for menu, (attribute, closed) in BY_MAC.items():
        assert [row[attribute] for row in fresh.rows(menu)] == [closed], menu
    rules = [(row["chain"], row["action"]) for row in fresh.rows("/ipv6/firewall/filter")]
    assert rules[3:] == [("input", "drop"), ("forward", "drop"), ("forward", "accept")]
    assert fresh.rows("/ipv6/firewall/filter")[-1]["comment"] == "by hand"


def test_rules_in_another_order_are_put_right(means: Means, fresh: Fresh, name: str) -> None:
    for rule in reversed(NO_IPV6.rules):  # as if somebody had moved them
        fresh.do("/ipv6/firewall/filter/add", **{key.replace("-", "_"): text for key, text in rule.items()})

    take_over(means, name)

    assert [row["comment"] for row in fresh.rows("/ipv6/firewall/filter")] == [
        rule["comment"] for rule in NO_IPV6.rules
    ]


def test_a_router_without_such_doors_is_taken_over_all_the_same(
    controller: Controller, means: Means, fresh: Fresh, name: str
) -> None:
    for menu in (*BY_MAC, "/ipv6/firewall/filter"):
        del fresh.router.menus[menu]

    take_over(means, name)

    assert controller.router(name).state == RouterState.ENROLLED


@pytest.mark.parametrize("password", ["", "from the label"])
def test_who_has_no_password_gets_one_that_nobody_knows_and_who_has_one_keeps_it(
    means: Means, fresh: Fresh, name: str, password: str
) -> None:
    fresh.do("/user/set", _id="admin", password=password)
    fresh.do("/user/add", name="off", group="full", password="", disabled="yes")

    take_over(means, name)

    if password:
        assert fresh.router.log_in("admin", password)
    else:
        with pytest.raises(Trap, match="invalid user name or password"):
            fresh.router.log_in("admin", "")
    assert fresh.router.config.find("/user", "off").fields["password"] == ""  # nobody can be it


@pytest.mark.parametrize("model", ["hAP ax^2", "RB951Ui-2HnD"])
def test_a_box_from_the_shop_serves_guests_once_its_radios_ports_are_accepted(
    controller: Controller, settings: Settings, means: Means, model: str
) -> None:
    with Fresh(controller, has_defaults=True, model=model) as box:
        radios = [row["name"] for row in box.rows("/interface") if row["type"] in {"wifi", "wlan"}]
        box.paste(script(bootstrap_for(settings, controller.token())))
        means = replace(means, dial=box.dial)
        take_over(means, "alun-alun-2")
        plan = provision.make_plan(means, "alun-alun-2", made_by="Bob").plan
        in_the_way = [conflict.name for conflict in plan.conflicts]
        assert in_the_way == [f"/interface/bridge/port {radio}" for radio in radios]
        assert not plan.dangers

        done = provision.apply(means, _accepted(means, in_the_way), made_by="Bob")

        assert (done.outcome, done.reason) == (Outcome.CONFIRMED, NOT_PROVEN)
        assert provision.make_plan(means, "alun-alun-2", made_by="Bob").plan.is_empty
        setup = read_setup(box.router, own_address="127.0.0.1")
        assert (setup.runs, setup.ssids, setup.interface) == (True, {"WiFi Publik"}, "hotspot-guests")
        ports = {row["interface"]: row["bridge"] for row in box.rows("/interface/bridge/port")}
        assert [name for name, bridge in ports.items() if bridge == "hotspot-guests"] == radios
        rules = [row.get("comment", row["action"]) for row in box.rows("/ip/firewall/filter")]
        assert rules.index("hotspot:guests-flow-in") < rules.index("fasttrack-connection")


def _accepted(means: Means, names: Sequence[str]) -> UUID:
    planned = provision.make_plan(means, "alun-alun-2", made_by="Bob", accept=names)
    assert planned.id is not None
    return planned.id


def test_taking_over_twice_is_once(means: Means, fresh: Fresh, name: str) -> None:
    take_over(means, name)
    dialled = fresh.dials

    take_over(means, name)

    assert fresh.dials == dialled  # nothing was left to do


def test_a_cut_before_the_own_log_in_is_proven_leaves_the_bootstraps(
    controller: Controller, means: Means, fresh: Fresh, name: str
) -> None:
    def once(address: IPv4Address, port: int) -> socket.socket:
        if fresh.dials:
            raise ConnectionRefusedError
        return fresh.dial(address, port)

    with pytest.raises(RouterUnreachable):
        take_over(replace(means, dial=once), name)
    assert controller.router(name).state == RouterState.WAITING
    assert set(users(fresh)) == {BOOTSTRAP, USER}

    take_over(means, name)

    assert users(fresh) == [USER]
    assert controller.router(name).state == RouterState.ENROLLED


def test_a_take_over_whose_end_nobody_heard_of_is_finished_by_the_own_log_in(
    controller: Controller, means: Means, fresh: Fresh, name: str
) -> None:
    before = controller.router(name).bootstrap_password
    take_over(means, name)
    with controller.database.writing() as db:  # as if the last commit had been lost
        router = get_router_named(db, name)
        router.state, router.bootstrap_password, router.enrolled_at = RouterState.WAITING, before, None

    take_over(means, name)

    assert controller.router(name).state == RouterState.ENROLLED


def test_a_router_that_does_not_wait_is_not_taken(means: Means) -> None:
    with pytest.raises(NothingToTake, match="manual"):
        take_over(means, "alun-alun-1")


def test_a_certificate_that_was_not_ready_at_the_first_call_is_told_at_the_next(controller: Controller) -> None:
    token, box = controller.token(), Box("HG209ABC1234")
    assert controller.hears(box, token, fingerprint="")["next"] == "tunnel"

    assert controller.hears(box, token)["next"] == "tunnel"
    assert controller.router("alun-alun-2").fingerprint == FINGERPRINT

    controller.hears(box, token, fingerprint="cd" * 32)  # once it is known nobody changes it

    assert controller.router("alun-alun-2").fingerprint == FINGERPRINT
