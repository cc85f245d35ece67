"""The certificates of routers' log-in pages, kept sealed, and which of them a router gets.

A certificate has a name of ours; adding one of the same name renews it. The ones before are kept until they end, so that a run that put
the new one on a router can be taken back.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, delete, func, select

from hotspot.errors import Conflict, Invalid, NotFound
from hotspot.routers.certificates import Chain, FindImportable, Importable, covers, row_name
from hotspot.routers.models import LoginCertificate, Router, RouterState
from hotspot.routers.values import LoginPage
from hotspot.security import Keys
from hotspot.sites.settings import BadStoredValue, SiteSettings, effective_at_sites

NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
ROUTER: Final = "{router}"  # the hole of the setting login_host
LEAST: Final = timedelta(
    days=7
)  # a phone that believes in an API that ends soon is worse off than one that asks the old way


class BadName(Invalid):
    """A certificate's name is 1 to 40 of a-z, 0-9 and dashes, such as wifi-kota; {name} isn't"""


class NoSuchCertificate(NotFound):
    """There is no certificate {name}; see: hotspot certificates list"""


class SameCertificate(Conflict):
    """This very certificate is there already, as {name}"""


# --- keeping -----------------------------------------------------------------------------------------------------------------


def add(db: Session, name: str, chain: Chain, *, keys: Keys, now: datetime) -> LoginCertificate:
    """Keep a certificate, its key sealed; it takes the place of one of the same name.

    Raises:
        BadName: no name for a certificate.
        SameCertificate: it was added before.
    """
    if not NAME.fullmatch(name):
        raise BadName(name=repr(name))
    same = db.exec(select(LoginCertificate).where(LoginCertificate.fingerprint == chain.fingerprint)).first()
    if same is not None:
        raise SameCertificate(name=same.name)
    db.exec(delete(LoginCertificate).where(col(LoginCertificate.valid_until) <= now))
    kept = LoginCertificate(
        name=name,
        fingerprint=chain.fingerprint,
        chain="".join(chain.certificates),
        key=keys.seal(chain.key, context=_context(chain.fingerprint)),
        names=list(chain.names),
        valid_until=chain.valid_until,
        added_at=now,
    )
    db.add(kept)
    db.flush()
    return kept


def remove(db: Session, name: str) -> None:
    """Forget a certificate, its key and what it renewed; routers keep it until they are provisioned the next time.

    Raises:
        NoSuchCertificate: nothing has this name.
    """
    if not db.exec(delete(LoginCertificate).where(col(LoginCertificate.name) == name)).rowcount:
        raise NoSuchCertificate(name=name)


def current(db: Session) -> list[LoginCertificate]:
    """Return the latest of each name, by name."""
    latest = select(func.max(LoginCertificate.id)).group_by(LoginCertificate.name)
    chosen = select(LoginCertificate).where(col(LoginCertificate.id).in_(latest))
    return list(db.exec(chosen.order_by(LoginCertificate.name)))


def importables(db: Session, keys: Keys) -> FindImportable:
    """Return what finds all that can be put on routers: certificates with their keys, and issuers.

    A key is opened when its certificate is asked for: most who look at a router put none on it.
    """
    kept = [(one.fingerprint, _split(one.chain), one.key) for one in db.exec(select(LoginCertificate))]

    def find(name: str) -> Importable | None:
        for fingerprint, (own, *issuers), key in kept:
            if row_name(own) == name:
                return Importable(own, keys.unseal(key, context=_context(fingerprint)))
            for issuer in issuers:
                if row_name(issuer) == name:
                    return Importable(issuer)
        return None

    return find


def _split(chain: str) -> list[str]:
    """PEM has no blank lines within: each certificate ends with its last line."""
    end = "-----END CERTIFICATE-----\n"
    return [f"{part}{end}" for part in chain.split(end) if part]


def _context(fingerprint: str) -> str:
    return f"login-certificate:{fingerprint}"


# --- choosing ----------------------------------------------------------------------------------------------------------------


def host_of(template: str, router: str) -> str:
    """Return the name of a router's log-in page: the setting login_host with the router's name in its hole, as a DNS label."""
    label = re.sub(r"[^a-z0-9]+", "-", router.lower()).strip("-")[:63].strip("-")
    return template.replace(ROUTER, label or "router")


def login_page(
    router: str,
    settings: SiteSettings,
    places: Mapping[str, str],
    certificates: Iterable[LoginCertificate],
    *,
    zone: ZoneInfo,
    now: datetime,
) -> LoginPage:
    """Choose the certificate that a site's settings name, else the one for the log-in page's name that is good for longest."""
    if not settings.login_host:
        return LoginPage()
    host = host_of(settings.login_host, router)
    named = settings.login_certificate
    candidates = [one for one in certificates if named in ("", one.name)]
    fitting = [one for one in candidates if covers(one.names, host)]
    if not fitting:
        return LoginPage(lack=_nothing_fits(host, named, candidates))
    chosen = max(fitting, key=lambda one: (one.valid_until, one.name))
    until = f"{chosen.valid_until.astimezone(zone):%Y-%m-%d}"
    if chosen.valid_until < now + LEAST:
        ends = "ended" if chosen.valid_until <= now else "ends"
        return LoginPage(
            lack=f"the certificate {chosen.name} for {host} {ends} on {until}; renew it: hotspot certificates add"
        )
    return LoginPage(
        host=host,
        certificates=tuple(row_name(pem) for pem in _split(chosen.chain)),
        said=f"certificate {chosen.name}, valid until {until}",
        host_said=places.get("login_host", ""),
    )


def _nothing_fits(host: str, named: str, candidates: Sequence[LoginCertificate]) -> str:
    if not named:
        return f"no certificate is good for {host}: hotspot certificates add"
    if not candidates:
        return f"there is no certificate {named}, which the setting login_certificate names"
    return f"the certificate {named} is not good for {host}, but for {', '.join(candidates[0].names)}"


def carriers(db: Session, *, zone: ZoneInfo, now: datetime) -> dict[str, list[str]]:
    """Return the names of the routers that get each certificate, by what the certificate is called on them."""
    enrolled = select(Router).where(Router.state == RouterState.ENROLLED, col(Router.site_id).is_not(None))
    routers = db.exec(enrolled.order_by(Router.name)).all()
    settings = effective_at_sites(db, {router.site_id for router in routers if router.site_id is not None})
    certificates = current(db)
    found: dict[str, list[str]] = {}
    for router in routers:
        held = settings[router.site_id or 0]
        if not isinstance(held, BadStoredValue):
            page = login_page(router.name, held, {}, certificates, zone=zone, now=now)
            found.setdefault(page.certificate, []).append(router.name)
    return found


def row_of(certificate: LoginCertificate) -> str:
    """Return what the certificate is called on routers."""
    return row_name(_split(certificate.chain)[0])
