"""New secrets on an enrolled router: told over TLS to the simulated RouterOS, proven on a new connection, and only then alone valid."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import pytest

from benchmarks.live_router import PASSWORD, Live
from hotspot.errors import Unavailable
from hotspot.routers import credentials, provision
from hotspot.routers.changing import SomebodyElse
from hotspot.routers.connection import RouterOS, RouterRefused
from hotspot.routers.credentials import Kind
from hotspot.routers.rotating import HEARD, NoRadius, Standing, Turn, foresee, rotate
from hotspot.routers.rotation import Credential
from hotspot.routers.service import get_router_named, known
from hotspot.routers.subjects import Means
from hotspot.simulator.routeros.safemode import Hold
from hotspot.simulator.routeros.sessions import Call, Result
from hotspot.simulator.routeros.traps import Trap
from tests.routers.managed import NAME
from tests.world import ROUTER_SECRET

API, RADIUS = [Kind.API], [Kind.RADIUS]


@pytest.fixture
def live() -> Iterator[Live]:
    """An enrolled router with two RADIUS servers of ours and one of somebody else."""
    with Live() as box:
        for address, comment in (("10.253.0.1", "hotspot:server"), ("10.253.0.9", "hotspot:server"), ("192.0.2.7", "")):
            box.do("/radius/add", address=address, service="hotspot", secret=ROUTER_SECRET, comment=comment)
        yield box


def credential(means: Means, kind: Kind) -> Credential:
    with means.database.reading() as db:
        return credentials.credential_of(get_router_named(db, NAME), kind, means.settings.keys)


def password(live: Live) -> str:
    user = live.router.config.find("/user", "hotspot")
    assert user is not None
    return user.fields["password"]


def secrets(live: Live) -> list[str]:
    return [row["secret"] for row in live.rows("/radius")]


def turn(means: Means, kinds: list[Kind]) -> Turn:
    (only,) = rotate(means, NAME, kinds)
    return only


def no(_call: Call) -> Result:
    raise Trap("failure: no")


def test_both_secrets_are_new_and_the_old_ones_open_nothing(means: Means, live: Live) -> None:
    said: list[str] = []

    turns = rotate(means, NAME, list(Kind), report=said.append)

    assert turns == [Turn(Kind.API, Standing.ROTATED), Turn(Kind.RADIUS, Standing.ROTATED)]
    assert credential(means, Kind.API) == Credential(password(live))
    assert credential(means, Kind.RADIUS) == Credential(secrets(live)[0])
    assert secrets(live)[1:] == [secrets(live)[0], ROUTER_SECRET]  # the third is not ours
    with pytest.raises(RouterRefused, match="invalid user"):
        RouterOS.connect(live.target(password=PASSWORD), dial=live.dial)
    with means.database.reading() as db:
        assert known(get_router_named(db, NAME), means.settings.keys).previous_secret is None
    assert not any(word in " ".join(said) for word in (PASSWORD, ROUTER_SECRET, password(live), secrets(live)[0]))
    assert provision.make_plan(means, NAME, made_by="Bob").id is not None  # everything else comes in


def test_radius_takes_both_secrets_before_the_router_hears_of_the_next(means: Means, live: Live) -> None:
    taken: list[bool] = []

    def seen(call: Call) -> Result:
        with means.database.reading() as db:
            router = known(get_router_named(db, NAME), means.settings.keys)
        taken.append(
            {call.arguments["secret"], ROUTER_SECRET} == {router.secret.decode(), str(router.previous_secret, "utf-8")}
        )  # type: ignore[arg-type]
        raise Trap("failure: no")

    live.router.actions["/radius", "set"] = seen

    assert turn(means, RADIUS).standing == Standing.AS_BEFORE
    assert taken == [True]
    assert credential(means, Kind.RADIUS) == Credential(ROUTER_SECRET)


def test_a_router_that_refuses_keeps_what_it_has_and_nothing_is_left_open(means: Means, live: Live) -> None:
    live.router.actions["", "password"] = no

    done = turn(means, API)

    assert (done.standing, str(done.problem)) == (Standing.AS_BEFORE, f"{NAME} refused /password: failure: no")
    assert credential(means, Kind.API) == Credential(PASSWORD)


@pytest.mark.parametrize("is_told", [False, True])
def test_a_turn_that_was_cut_leaves_both_valid_and_the_next_one_finishes_it(
    means: Means, live: Live, is_told: bool
) -> None:
    real = live.router.actions.pop(("", "password"), None)

    def cut(call: Call) -> Result:
        if is_told:
            user = call.config.find("/user", "hotspot")
            assert user is not None
            call.config.replace("/user", user, user.with_fields({"password": call.arguments["new-password"]}))
        live.server.cut()
        return Result()

    live.router.actions["", "password"] = cut
    done = turn(means, API)
    begun = credential(means, Kind.API)

    assert (done.standing, isinstance(done.problem, Unavailable)) == (Standing.BOTH_VALID, True)
    assert begun.is_rotating
    assert password(live) == (begun.next if is_told else PASSWORD)
    assert foresee(means, NAME, API)[0].goes_on
    assert provision.make_plan(means, NAME, made_by="Bob").id is not None

    del live.router.actions["", "password"]
    if real is not None:
        live.router.actions["", "password"] = real
    assert turn(means, API).standing == Standing.ROTATED
    assert credential(means, Kind.API) == Credential(begun.next or "") == Credential(password(live))


def test_a_secret_of_an_earlier_turn_is_not_forgotten_when_the_router_refuses(means: Means, live: Live) -> None:
    with means.database.writing() as db:
        begun = credentials.begin(db, NAME, Kind.API, keys=means.settings.keys)
    live.router.actions["", "password"] = no

    assert turn(means, API).standing == Standing.BOTH_VALID
    assert credential(means, Kind.API) == begun  # it may still be on its way to the router


def test_servers_of_which_one_refuses_keep_both_secrets_valid(means: Means, live: Live) -> None:
    real = live.router.actions.get(("/radius", "set"))
    told = count()

    def second_refuses(call: Call) -> Result:
        if next(told):
            raise Trap("failure: no")
        row = call.config.rows("/radius")[0]
        call.config.replace("/radius", row, row.with_fields({"secret": call.arguments["secret"]}))
        return Result()

    live.router.actions["/radius", "set"] = second_refuses

    assert turn(means, RADIUS).standing == Standing.BOTH_VALID
    assert set(secrets(live)) == {credential(means, Kind.RADIUS).next, ROUTER_SECRET}

    del live.router.actions["/radius", "set"]
    assert real is None
    assert turn(means, RADIUS).standing == Standing.ROTATED


def test_a_router_that_does_not_keep_the_secret_is_not_believed(means: Means, live: Live) -> None:
    live.router.actions["/radius", "set"] = lambda _call: Result()

    done = turn(means, RADIUS)

    assert (done.standing, str(done.problem)) == (
        Standing.BOTH_VALID,
        f"{NAME} took the next RADIUS secret and shows another one",
    )


def test_a_router_that_does_not_let_us_in_with_the_password_it_took_is_not_believed(means: Means, live: Live) -> None:
    live.router.actions["", "password"] = lambda _call: Result()

    done = turn(means, API)

    assert (done.standing, isinstance(done.problem, RouterRefused)) == (Standing.BOTH_VALID, True)
    assert credential(means, Kind.API).current == PASSWORD


def test_a_secret_that_somebodys_safe_mode_could_take_back_is_not_confirmed(means: Means, live: Live) -> None:
    def wait(seconds: float) -> None:
        if seconds == HEARD:  # just before it is told
            live.at_once(lambda: live.do("/safe-mode/take"))

    (done,) = rotate(replace(means, wait=wait), NAME, RADIUS)

    assert (done.standing, isinstance(done.problem, SomebodyElse)) == (Standing.BOTH_VALID, True)
    live.at_once(lambda: live.do("/safe-mode/unroll"))
    assert secrets(live)[0] == ROUTER_SECRET == credential(means, Kind.RADIUS).current


def counts(live: Live, **counters: int) -> None:
    number = live.router.config.rows("/radius")[0].id
    live.router.radius_counters[number] = {name.replace("_", "-"): str(value) for name, value in counters.items()}


@pytest.mark.parametrize(
    ("afterwards", "standing", "words"),
    [
        ({"requests": 105, "accepts": 93, "rejects": 7}, Standing.ROTATED, "RADIUS has answered it"),
        ({"requests": 105, "accepts": 90, "rejects": 7, "bad_replies": 5}, Standing.BOTH_VALID, "telling it"),
        ({"requests": 2, "accepts": 2}, Standing.ROTATED, "RADIUS has answered it"),  # set back meanwhile
        ({"requests": 100, "accepts": 90, "rejects": 7}, Standing.ROTATED, "nobody has logged in since"),
    ],
)
def test_what_radius_answers_with_the_next_secret_decides(
    means: Means, live: Live, afterwards: dict[str, int], standing: Standing, words: str
) -> None:
    counts(live, requests=100, accepts=90, rejects=7)
    waits = count()
    said: list[str] = []

    def wait(_seconds: float) -> None:
        if next(waits) == 2:
            live.at_once(lambda: counts(live, **afterwards))

    (done,) = rotate(replace(means, wait=wait), NAME, RADIUS, report=said.append)

    assert done.standing == standing
    assert words in said[-1]
    if done.problem is not None:
        assert "answered none of 5 requests (its answers can't be used: another secret)" in str(done.problem)


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_somebody_in_safe_mode_could_take_it_back_and_is_waited_for(means: Means, live: Live, when: str) -> None:
    person = live.admin
    if when == "before":
        live.at_once(lambda: live.do("/safe-mode/take"))
    else:

        def taken(call: Call) -> Result:
            user = call.config.find("/user", "hotspot")
            assert user is not None
            before = call.router.config
            call.config.replace("/user", user, user.with_fields({"password": call.arguments["new-password"]}))
            live.router.safe_mode.hold = Hold(person, before)
            return Result()

        live.router.actions["", "password"] = taken

    done = turn(means, API)

    assert isinstance(done.problem, SomebodyElse)
    assert done.standing == (Standing.AS_BEFORE if when == "before" else Standing.BOTH_VALID)
    live.at_once(lambda: live.do("/safe-mode/unroll"))
    assert password(live) == PASSWORD  # their safe mode took ours along
    live.router.actions.pop(("", "password"), None)
    assert turn(means, API).standing == Standing.ROTATED


def test_a_router_that_was_never_applied_to_has_no_radius_secret_to_change(means: Means, live: Live) -> None:
    for row in live.rows("/radius")[:2]:
        live.do("/radius/remove", _id=row[".id"])

    assert isinstance(turn(means, RADIUS).problem, NoRadius)
    assert not credential(means, Kind.RADIUS).is_rotating
    with pytest.raises(NoRadius, match=f"hotspot routers plan {NAME}"):
        foresee(means, NAME, RADIUS)


def test_one_piece_of_work_at_a_time_on_a_router(means: Means) -> None:
    with means.database.reading() as db:
        subject = provision.subject_of(db, get_router_named(db, NAME), means.settings, now=means.clock())

    with provision.alone(means, subject), pytest.raises(provision.UnderWay):
        rotate(means, NAME, API)


def test_a_router_that_is_away_is_not_begun_with(means: Means, live: Live) -> None:
    live.server.is_reachable = False

    turns = rotate(means, NAME, list(Kind))

    assert [(each.standing, isinstance(each.problem, Unavailable)) for each in turns] == [
        (Standing.AS_BEFORE, True)
    ] * 2
