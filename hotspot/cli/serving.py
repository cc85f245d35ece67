"""Commands that run the product, bring its database up to date, and look after its health."""

import urllib.request
from datetime import UTC, datetime
from typing import Annotated

import typer

from hotspot import doctor as doctors
from hotspot.cli.demo import demo
from hotspot.cli.output import (
    AsJson,
    DataDir,
    installation,
    people,
    print_json,
    print_rows,
    telling_errors,
)
from hotspot.safety import refuse_unsafe
from hotspot.settings import Settings, load
from hotspot.telemetry import configure_logging

HttpPort = Annotated[int | None, typer.Option("--http-port", help="TCP port of portal and console.")]
AuthPort = Annotated[int | None, typer.Option("--radius-auth-port", help="UDP port for authentication.")]
AcctPort = Annotated[int | None, typer.Option("--radius-acct-port", help="UDP port for accounting.")]
Processes = Annotated[int | None, typer.Option("--processes", help="How many processes answer RADIUS.")]
LONGEST_SILENCE = 60.0  # seconds without a beat after which a process counts as dead


def add_to(app: typer.Typer) -> None:
    for command in (serve, web, radius, worker, migrate, health, doctor, demo):
        app.command()(command)


def serve(
    data_dir: DataDir = None,
    http_port: HttpPort = None,
    radius_auth_port: AuthPort = None,
    radius_acct_port: AcctPort = None,
    processes: Processes = None,
    as_json: AsJson = False,
) -> None:
    """Serve everything: portal, console, RADIUS, clock, jobs on routers."""
    settings = _safe_settings(
        data_dir=data_dir,
        http_port=http_port,
        radius_auth_port=radius_auth_port,
        radius_acct_port=radius_acct_port,
        radius_processes=processes,
    )
    _run(settings, {"web", "radius", "clock", "jobs"}, as_json=as_json)


def web(data_dir: DataDir = None, http_port: HttpPort = None, as_json: AsJson = False) -> None:
    """Serve the portal and the console only."""
    _run(_safe_settings(data_dir=data_dir, http_port=http_port), {"web"}, as_json=as_json)


def radius(
    data_dir: DataDir = None,
    radius_auth_port: AuthPort = None,
    radius_acct_port: AcctPort = None,
    processes: Processes = None,
    as_json: AsJson = False,
) -> None:
    """Serve RADIUS only."""
    settings = _safe_settings(
        data_dir=data_dir,
        radius_auth_port=radius_auth_port,
        radius_acct_port=radius_acct_port,
        radius_processes=processes,
    )
    _run(settings, {"radius"}, as_json=as_json)


def worker(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Run the clock and the jobs on routers. Several may run: one leads the clock, all share the jobs; Ctrl-C lets running jobs end."""
    _run(_safe_settings(data_dir=data_dir), {"clock", "jobs"}, as_json=as_json)


def migrate(data_dir: DataDir = None) -> None:
    """Bring the database up to date and end; the serving commands do so by themselves."""
    with installation(data_dir):
        people.print("The database is up to date.")


def health(
    part: Annotated[str, typer.Argument(help="web, radius or worker")],
    data_dir: DataDir = None,
    http_port: HttpPort = None,
) -> None:
    """Ask a running process whether it is well: exit code 0, or 1 and a line that says why."""
    with telling_errors():
        settings = load(data_dir=data_dir, http_port=http_port)
    problem = _web_problem(settings) if part == "web" else _beat_problem(settings, part)
    if problem:
        people.print(f"{part}: {problem}")
        raise typer.Exit(1)
    people.print(f"{part}: well")


def doctor(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Check database, ports, clock, time zone and data directory; say what to do about each problem."""
    with telling_errors():
        settings = load(data_dir=data_dir)
    configure_logging(settings.model_copy(update={"log_level": "error"}))
    findings = doctors.examine(settings, now=datetime.now(UTC))
    rows = [{"check": f.check, "state": "ok" if f.is_well else "PROBLEM", "what": f.text} for f in findings]
    print_rows(rows, as_json=as_json, title="Doctor", empty="")
    if not all(finding.is_well for finding in findings):
        raise typer.Exit(1)


def _safe_settings(**said: object) -> Settings:
    with telling_errors():
        settings = load(**said)
        refuse_unsafe(settings)
    configure_logging(settings)
    return settings


def _run(settings: Settings, names: set[str], *, as_json: bool) -> None:
    from hotspot.process import (  # noqa: PLC0415  (keeps small commands quick)
        Part,
        end_on_signals,
        running,
        wait_for_signal,
    )
    from hotspot.radius.server import settle_memory  # noqa: PLC0415

    end_on_signals()
    with telling_errors(), running(settings, {Part(name) for name in names}) as process:
        facts = {
            "http": f"http://{settings.http_host}:{process.http_port}" if process.http_port else None,
            "radius_auth_port": process.radius_auth_port,
            "radius_acct_port": process.radius_acct_port,
            "radsec_port": process.radsec_port,
            "data_dir": str(settings.data_dir.resolve()),
        }
        said = {name: value for name, value in facts.items() if value is not None}
        settle_memory()
        if as_json:
            print_json(said)
        else:
            people.print("Serving. " + ", ".join(f"{name}: {value}" for name, value in said.items()), soft_wrap=True)
        wait_for_signal()


def _web_problem(settings: Settings) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{settings.http_port}/health", timeout=5):
            return ""
    except OSError as error:
        return f"does not answer ({error})"


def _beat_problem(settings: Settings, part: str) -> str:
    names = {"radius": ("radius",), "worker": ("clock", "jobs")}.get(part)
    if names is None:
        return "there is no such part; use web, radius or worker"
    if settings.metrics_port is None:
        return "HOTSPOT_METRICS_PORT is not set, so there is nothing to ask"
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{settings.metrics_port}/metrics", timeout=5) as answer:
            metrics = answer.read().decode()
    except OSError as error:
        return f"does not answer ({error})"
    return next(filter(None, (_silence(metrics, name) for name in names)), "")


def _silence(metrics: str, name: str) -> str:
    """Say what is wrong with the beat of one part, if anything is."""
    for line in metrics.splitlines():
        if line.startswith(f'hotspot_beat_timestamp_seconds{{part="{name}"}}'):
            silence = datetime.now(UTC).timestamp() - float(line.split()[-1])
            return "" if silence < LONGEST_SILENCE else f"no beat of {name} for {silence:.0f} s"
    return "runs, but not this part"
