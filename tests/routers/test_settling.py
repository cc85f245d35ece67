"""A box with the identity of a dead one moves to its tunnel address: from the script to an empty plan, reachable throughout."""

import socket
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from sqlalchemy import text

from hotspot.jobs import Work, pending
from hotspot.routers import identity, provision
from hotspot.routers.bootstrap import script
from hotspot.routers.bundle import bootstrap_for
from hotspot.routers.changing import SomebodyElse
from hotspot.routers.connection import RouterUnreachable
from hotspot.routers.handover import TAKE_OVER
from hotspot.routers.later import Later
from hotspot.routers.ledger import Outcome
from hotspot.routers.models import RouterState
from hotspot.routers.service import get_router_named
from hotspot.routers.settling import settle
from hotspot.routers.subjects import Means, first_way, targets_of
from hotspot.routers.takeover import TASK, take_over
from hotspot.routers.tunnels import tunnel_of
from hotspot.settings import Settings
from tests.routers.boxes import Box, Controller
from tests.routers.test_whole_way import Fresh, fresh, means

__all__ = ["fresh", "means"]  # the fixtures
DEAD = "alun-alun-2"
ITS_ADDRESS, OWN_ADDRESS = IPv4Address("10.253.0.2"), IPv4Address("10.253.0.3")


@pytest.fixture
def tunnel(controller: Controller, settings: Settings, fresh: Fresh, means: Means) -> Means:
    """Ways in as the tunnel has them: the box has the address, and the controller lets it through. The box has enrolled, for no site."""
    controller.hears(Box("DEAD"), controller.token())
    controller.completes(DEAD)
    fresh.paste(script(bootstrap_for(settings, controller.token(serial=fresh.router.serial))))

    def dial(address: IPv4Address, port: int) -> socket.socket:
        if address not in let_through(means) or not fresh.at_once(lambda: fresh.has(address)):
            raise TimeoutError
        return fresh.dial(address, port)

    return replace(means, dial=dial)


def let_through(means: Means) -> list[IPv4Address]:
    with means.database.writing() as db:
        return [address for peer in tunnel_of(db, means.settings).peers for address in peer.addresses]


def addresses(fresh: Fresh) -> list[str]:
    return [row["address"] for row in fresh.rows("/ip/address") if row["interface"] == "hotspot"]


def own_name(fresh: Fresh) -> str:
    return f"router-{fresh.router.serial}"


def replace_dead(means: Means, fresh: Fresh) -> None:
    with means.database.writing() as db:
        identity.replace(db, DEAD, own_name(fresh), keys=means.settings.keys)


@pytest.mark.parametrize("state", [RouterState.WAITING, RouterState.ENROLLED])
def test_a_box_that_replaces_a_dead_one_ends_at_its_address_and_serves_its_site(
    controller: Controller, tunnel: Means, fresh: Fresh, state: RouterState
) -> None:
    if state is RouterState.ENROLLED:
        take_over(tunnel, own_name(fresh))

    with tunnel.database.writing() as db:
        db.execute(text("DELETE FROM procrastinate_jobs"))  # of the first contacts
    replace_dead(tunnel, fresh)
    with tunnel.database.reading() as db:
        assert (TAKE_OVER, get_router_named(db, DEAD).id) in [(job.task, job.router_id) for job in pending(db)]
    for _ in range(2):
        take_over(tunnel, DEAD)

    router = controller.router(DEAD)
    assert (router.state, router.previous_tunnel_address) == (RouterState.ENROLLED, None)
    assert addresses(fresh) == [f"{ITS_ADDRESS}/32"]
    assert let_through(tunnel) == [ITS_ADDRESS]
    plan = provision.make_plan(tunnel, DEAD, made_by="Bob")
    assert provision.MOVING not in plan.findings
    assert plan.id is not None
    assert provision.apply(tunnel, plan.id, made_by="Bob").outcome == Outcome.CONFIRMED
    assert fresh.rows("/radius")[0]["src-address"] == str(ITS_ADDRESS)
    assert provision.make_plan(tunnel, DEAD, made_by="Bob").plan.is_empty


def test_the_address_it_has_stays_until_the_other_one_was_reached(
    controller: Controller, tunnel: Means, fresh: Fresh
) -> None:
    """The controller's own WireGuard was not changed yet, say."""

    def not_there(address: IPv4Address, port: int) -> socket.socket:
        if address == ITS_ADDRESS:
            raise TimeoutError
        return tunnel.dial(address, port)

    take_over(tunnel, own_name(fresh))
    replace_dead(tunnel, fresh)

    with pytest.raises(RouterUnreachable):
        take_over(replace(tunnel, dial=not_there), DEAD)

    assert addresses(fresh) == [f"{OWN_ADDRESS}/32", f"{ITS_ADDRESS}/32"]
    assert controller.router(DEAD).previous_tunnel_address == str(OWN_ADDRESS)
    assert provision.MOVING in provision.make_plan(tunnel, DEAD, made_by="Bob").findings
    settle(tunnel, DEAD)
    assert addresses(fresh) == [f"{ITS_ADDRESS}/32"]


def test_an_address_that_somebody_gave_the_interface_stays(tunnel: Means, fresh: Fresh) -> None:
    take_over(tunnel, own_name(fresh))
    fresh.at_once(lambda: fresh.do("/ip/address/add", address="192.0.2.1/32", interface="hotspot"))
    replace_dead(tunnel, fresh)

    settle(tunnel, DEAD)

    assert addresses(fresh) == ["192.0.2.1/32", f"{ITS_ADDRESS}/32"]


def test_somebody_in_safe_mode_is_waited_for(controller: Controller, tunnel: Means, fresh: Fresh) -> None:
    take_over(tunnel, own_name(fresh))
    replace_dead(tunnel, fresh)
    fresh.at_once(lambda: fresh.do("/safe-mode/take"))

    with pytest.raises(SomebodyElse):
        settle(tunnel, DEAD)

    assert addresses(fresh) == [f"{OWN_ADDRESS}/32"]
    assert controller.router(DEAD).previous_tunnel_address is not None


def test_safe_mode_that_somebody_takes_meanwhile_could_take_the_address_back_so_the_other_one_stays(
    tunnel: Means, fresh: Fresh
) -> None:
    def dial(address: IPv4Address, port: int) -> socket.socket:
        sock = tunnel.dial(address, port)
        if address == ITS_ADDRESS:
            fresh.at_once(lambda: fresh.do("/safe-mode/take"))
        return sock

    take_over(tunnel, own_name(fresh))
    replace_dead(tunnel, fresh)

    with pytest.raises(SomebodyElse):
        settle(replace(tunnel, dial=dial), DEAD)

    assert addresses(fresh) == [f"{OWN_ADDRESS}/32", f"{ITS_ADDRESS}/32"]


def test_the_job_waits_while_somebody_works_on_the_router_and_leaves_records_alone(
    controller: Controller, tunnel: Means, fresh: Fresh
) -> None:
    take_over(tunnel, own_name(fresh))
    replace_dead(tunnel, fresh)
    router, record = controller.router(DEAD), controller.router(own_name(fresh))

    def work(number: int | None) -> Work:
        assert number is not None
        return Work(tunnel.database, tunnel.settings, number, {}, 0)

    TASK.run(work(record.id))  # what was queued for the box under its other name
    with provision.alone(tunnel, router), pytest.raises(Later, match="Something else is being done"):
        TASK.run(work(router.id))


def test_a_silent_address_is_tried_with_one_password_only(tunnel: Means, fresh: Fresh) -> None:
    replace_dead(tunnel, fresh)
    with tunnel.database.reading() as db:
        targets = targets_of(get_router_named(db, DEAD), tunnel.settings)
    tried: list[IPv4Address] = []

    def dial(address: IPv4Address, port: int) -> socket.socket:
        tried.append(address)
        return tunnel.dial(address, port)

    target, connection = first_way(targets, dial)
    connection.close()

    assert len(targets) == 4
    assert tried == [ITS_ADDRESS, OWN_ADDRESS]
    assert target.address == OWN_ADDRESS
