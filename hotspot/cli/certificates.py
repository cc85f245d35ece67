"""The ``hotspot certificates`` commands: what gives routers' log-in pages https and phones the captive portal API."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from hotspot.cli.output import (
    AsJson,
    DataDir,
    UnreadableFile,
    add_group,
    changing,
    looking,
    people,
    print_json,
    print_rows,
)
from hotspot.routers import login_pages
from hotspot.routers.certificates import MOST_OCTETS, read_chain
from hotspot.routers.models import LoginCertificate

Name = Annotated[str, typer.Argument(help="What it is called here, such as wifi-kota; the same name again renews it.")]
STDIN: Final = Path("-")


def add_to(app: typer.Typer) -> None:
    add_group(
        app,
        "certificates",
        "Certificates of the routers' log-in pages.",
        {"add": add, "list": list_certificates, "remove": remove},
    )


def add(
    name: Name,
    cert: Annotated[Path, typer.Option("--cert", help="PEM: the certificate, then its issuers (fullchain.pem).")],
    key: Annotated[
        Path, typer.Option("--key", help="PEM of its private key, without a passphrase; -: standard input.")
    ],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Keep a certificate, or renew the one of this name; routers get it when they are planned and applied the next time."""
    with changing(data_dir) as (settings, db, now):
        chain = read_chain(_read(cert), _read(key), now=now)
        kept = login_pages.add(db, name, chain, keys=settings.keys, now=now)
        carrying = login_pages.carriers(db, zone=settings.zone, now=now).get(login_pages.row_of(kept), [])
        row = _row(kept, carrying, now)
    if as_json:
        print_json(row)
        return
    people.print(f"{name} is good for {', '.join(chain.names)} until {row['until']}.", markup=False, soft_wrap=True)
    people.print(_next_step(carrying), markup=False, soft_wrap=True)


def _next_step(carrying: list[str]) -> str:
    if carrying:
        return f"To put it on: hotspot routers plan {carrying[0]}" + (
            f"; and so for {len(carrying) - 1} more (hotspot certificates list)" if carrying[1:] else ""
        )
    return "No router gets it yet: hotspot settings set login_host NAME --area CODE"


def _read(path: Path) -> bytes:
    """At most one octet more than is taken, so that no endless file fills the memory."""
    try:
        if path == STDIN:
            return sys.stdin.buffer.read(MOST_OCTETS + 1)
        with path.open("rb") as file:
            return file.read(MOST_OCTETS + 1)
    except OSError as error:
        raise UnreadableFile(path=path, problem=error.strerror) from error


def list_certificates(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the certificates, how long each is good, and the routers that get it."""
    now = datetime.now(UTC)
    with looking(data_dir) as (settings, db):
        carrying = login_pages.carriers(db, zone=settings.zone, now=now)
        rows = [_row(kept, carrying.get(login_pages.row_of(kept), []), now) for kept in login_pages.current(db)]
    if not as_json:
        rows = [{**row, "names": _joined(row["names"]), "routers": _joined(row["routers"])} for row in rows]
    empty = "No certificate yet: hotspot certificates add NAME --cert fullchain.pem --key privkey.pem"
    print_rows(rows, as_json=as_json, title="Certificates", empty=empty)


def _joined(names: object) -> str:
    return ", ".join(names) if isinstance(names, list) else ""


def _row(kept: LoginCertificate, routers: list[str], now: datetime) -> dict[str, object]:
    return {
        "name": kept.name,
        "names": list(kept.names),
        "until": f"{kept.valid_until:%Y-%m-%d}",
        "days_left": max((kept.valid_until - now).days, 0),
        "routers": routers,
    }


def remove(name: Name, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Forget a certificate and its key; routers that have it lose it when they are planned and applied the next time."""
    with changing(data_dir) as (_settings, db, _now):
        login_pages.remove(db, name)
    if as_json:
        print_json({"name": name})
    else:
        people.print(
            f"{name} is forgotten here. Routers that have it: hotspot routers drift", markup=False, soft_wrap=True
        )
