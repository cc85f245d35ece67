"""The life of a box between the shop and its second secrets, stage by stage: what is done, and what must hold however it is cut."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from benchmarks.campaign import Failed
from benchmarks.cut_yard import DEAD, Scene, Yard
from benchmarks.cutter import Cutter
from hotspot.errors import HotspotError
from hotspot.routers import enrol, identity
from hotspot.routers.bootstrap import one_line
from hotspot.routers.bundle import bootstrap_for
from hotspot.routers.credentials import Kind, credential_of
from hotspot.routers.handover import BOOTSTRAP, USER
from hotspot.routers.models import RouterState
from hotspot.routers.rotating import rotate
from hotspot.routers.service import known
from hotspot.routers.settling import settle
from hotspot.routers.subjects import first_way, targets_of
from hotspot.routers.takeover import take_over

SERVERS: Final = ("10.253.0.1", "10.253.0.9")


@dataclass(frozen=True, slots=True)
class Stage:
    """`work` goes over `line`, which may be cut. Afterwards `raise_unless_safe` holds; after `work` once more, `raise_unless_done`."""

    name: str
    line: Cutter
    scene: Scene
    work: Callable[[], None]
    raise_unless_safe: Callable[[], None]
    raise_unless_done: Callable[[], None]


def stages(yard: Yard) -> Iterator[Stage]:
    """Yield each stage; when the next one is asked for, it is done without a cut."""
    for stage in (_enrolment, _take_over, _move, _api_password, _radius_secret):
        made = stage(yard)
        yield made
        yard.put_back(made.scene)
        made.line.begin(None)
        made.work()
        made.raise_unless_done()


def _enrolment(yard: Yard) -> Stage:
    """The line that fetches the script and runs it, which calls the controller."""
    token = {"of": ""}

    def work() -> None:
        with yard.database.writing() as db:
            if not enrol.may_call(db, token["of"], now=yard.now):
                token["of"] = enrol.issue_token(db, site_id=None, serial=yard.box.router.serial, now=yard.now)
        yard.run_script(one_line(bootstrap_for(yard.settings, token["of"])))

    def safe() -> None:
        """It is the box from the shop, or its bootstrap's log-in works; and it is in the book at most once."""
        users = {row["name"] for row in yard.box.rows("/user")}
        if BOOTSTRAP in users or _name_of_box(yard) not in (None, yard.own_name):
            _raise_unless_reachable(yard, yard.own_name)

    def done() -> None:
        if _name_of_box(yard) != yard.own_name or yard.router(yard.own_name).state != RouterState.WAITING:
            raise Failed("the script ran again, and the router is not admitted")
        _raise_unless_reachable(yard, yard.own_name)

    return Stage("enrolment", yard.web, yard.scene(), work, safe, done)


def _take_over(yard: Yard) -> Stage:
    def work() -> None:
        with suppress(HotspotError):
            take_over(yard.means(cut=True), yard.own_name)

    def done() -> None:
        _raise_unless_reachable(yard, yard.own_name)
        users = {row["name"] for row in yard.box.rows("/user")} - {"admin"}
        is_open = {row["name"] for row in yard.box.rows("/ip/service") if row["disabled"] == "false"}
        state = yard.router(yard.own_name).state
        if (users, is_open, state) != ({USER}, {"api-ssl"}, RouterState.ENROLLED):
            raise Failed(f"taken over again, and there are {users}, {is_open}, {state}")

    return Stage("take-over", yard.api, yard.scene(), work, lambda: _raise_unless_reachable(yard, yard.own_name), done)


def _move(yard: Yard) -> Stage:
    with yard.database.writing() as db:
        identity.replace(db, DEAD, yard.own_name, keys=yard.settings.keys)

    def work() -> None:
        with suppress(HotspotError):
            settle(yard.means(cut=True), DEAD)

    def done() -> None:
        _raise_unless_reachable(yard, DEAD)
        addresses = [row["address"] for row in yard.box.rows("/ip/address") if row["interface"] == "hotspot"]
        router = yard.router(DEAD)
        if addresses != [f"{router.tunnel_address}/32"] or router.previous_tunnel_address is not None:
            raise Failed(f"moved again, and it has {addresses}")

    return Stage("another address", yard.api, yard.scene(), work, lambda: _raise_unless_reachable(yard, DEAD), done)


def _api_password(yard: Yard) -> Stage:
    before = _passwords(yard)

    def work() -> None:
        rotate(yard.means(cut=True), DEAD, [Kind.API])

    def safe() -> None:
        _raise_unless_reachable(yard, DEAD)
        if _password_of_box(yard) not in _passwords(yard):
            raise Failed("the box has a password that the controller doesn't know")

    def done() -> None:
        _raise_unless_reachable(yard, DEAD)
        if _passwords(yard) != (_password_of_box(yard),) or _passwords(yard) == before:
            raise Failed("rotated again, and the password is not new")

    return Stage("API password", yard.api, yard.scene(), work, safe, done)


def _radius_secret(yard: Yard) -> Stage:
    taken = _secrets_taken(yard)
    for address in SERVERS:
        yard.box.do("/radius/add", address=address, service="hotspot", secret=taken[0], comment="hotspot:server")

    def work() -> None:
        rotate(yard.means(cut=True), DEAD, [Kind.RADIUS])

    def safe() -> None:
        _raise_unless_reachable(yard, DEAD)
        if not {row["secret"] for row in yard.box.rows("/radius")} <= set(_secrets_taken(yard)):
            raise Failed("the box has a secret that RADIUS doesn't take")

    def done() -> None:
        secrets = {row["secret"] for row in yard.box.rows("/radius")}
        if secrets != set(_secrets_taken(yard)) or secrets == set(taken):
            raise Failed("rotated again, and the secret is not new")

    return Stage("RADIUS secret", yard.api, yard.scene(), work, safe, done)


def _raise_unless_reachable(yard: Yard, name: str) -> None:
    """The controller comes in by what it has stored, and nothing is held."""
    means = yard.means(cut=False)
    try:
        _, connection = first_way(targets_of(yard.router(name), yard.settings), means.dial)
        connection.close()
    except HotspotError as error:
        raise Failed(f"not reachable afterwards: {error}") from error


def _name_of_box(yard: Yard) -> str | None:
    names = [row["name"] for row in yard.scene().routers if row["serial"] == yard.box.router.serial]
    if len(names) > 1:
        raise Failed(f"the box is in the book as {names}")
    return names[0] if names else None


def _passwords(yard: Yard) -> tuple[str, ...]:
    return credential_of(yard.router(DEAD), Kind.API, yard.settings.keys).to_try


def _password_of_box(yard: Yard) -> str:
    user = yard.box.router.config.find("/user", USER)
    return "" if user is None else user.fields["password"]


def _secrets_taken(yard: Yard) -> list[str]:
    """What RADIUS takes from the router, the latest first."""
    router = known(yard.router(DEAD), yard.settings.keys)
    return [secret.decode() for secret in (router.secret, router.previous_secret) if secret is not None]
