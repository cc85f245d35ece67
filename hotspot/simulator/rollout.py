"""How the demo's boxes come into service: by the product's own way, as staff go it at a new site.

Each is invited, runs its script, calls the controller over HTTP and is taken over by the queue; then it is planned, applied, confirmed. A
demo that is started again in its folder meets boxes that were reset: they enrol anew and keep their names and addresses.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Final

from sqlmodel import col, select

from hotspot.db import Database
from hotspot.errors import Unavailable
from hotspot.routers import bootstrap, provision
from hotspot.routers.bundle import bootstrap_for
from hotspot.routers.enrol import issue_token
from hotspot.routers.ledger import Outcome
from hotspot.routers.models import Router, RouterState
from hotspot.routers.subjects import Means
from hotspot.settings import Settings
from hotspot.simulator.city import City, SimulatedSite
from hotspot.sites.service import get_site

PATIENCE: Final = 60.0  # seconds until all that called are taken over
LOOK_EVERY: Final = 0.05
AT_ONCE: Final = 4  # routers that are configured at the same time

Advance = Callable[[], None]


class NotInService(Unavailable):
    """{routers} did not come into service: {problem}"""


def enrol(database: Database, settings: Settings, city: City, sites: Sequence[SimulatedSite]) -> dict[str, str]:
    """Let every site's box enrol; return the routers' names by the slug of their site.

    Raises:
        CityDark: a box can't run its script.
        NotInService: some were not taken over.
    """
    for site in sites:
        city.paste(site.slug, _script(database, settings, site))
    serials = {site.serial: site.slug for site in sites}
    until = time.monotonic() + PATIENCE
    while len(enrolled := _enrolled(database, serials)) < len(sites):
        if time.monotonic() > until:
            missing = sorted(set(serials) - set(enrolled))
            raise NotInService(routers=", ".join(missing), problem="see hotspot jobs list")
        time.sleep(LOOK_EVERY)
    return {serials[serial]: name for serial, name in enrolled.items()}


def _script(database: Database, settings: Settings, site: SimulatedSite) -> str:
    with database.writing() as db:
        at = get_site(db, site.slug).id
        token = issue_token(db, site_id=at, serial=site.serial, now=datetime.now(UTC))  # it may have enrolled before
    return bootstrap.script(bootstrap_for(settings, token))


def _enrolled(database: Database, serials: Collection[str]) -> Mapping[str, str]:
    """The names of those that are enrolled, by serial number."""
    ours = select(Router).where(col(Router.serial).in_(serials), Router.state == RouterState.ENROLLED)
    with database.reading() as db:
        return {router.serial or "": router.name for router in db.exec(ours)}


def configure(database: Database, settings: Settings, names: Sequence[str], *, made_by: str, advance: Advance) -> None:
    """Plan and apply each of them, several at once; `advance` is told of every one.

    Raises:
        NotInService: one of them went back.
    """
    means = Means.of(database, settings)

    def one(name: str) -> None:
        planned = provision.make_plan(means, name, made_by=made_by)
        if planned.id is not None:
            done = provision.apply(means, planned.id, made_by=made_by)
            if done.outcome is not Outcome.CONFIRMED:
                raise NotInService(routers=name, problem=done.reason)
        advance()

    with ThreadPoolExecutor(AT_ONCE, "rollout") as pool:
        for each in [pool.submit(one, name) for name in names]:
            each.result()
