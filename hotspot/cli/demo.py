"""The ``hotspot demo`` command: the only one that loads the simulator."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from hotspot.cli.output import AsJson, people, print_json, telling_errors
from hotspot.demo_folder import mark
from hotspot.settings import demo_settings
from hotspot.telemetry import configure_logging


def demo(
    data_dir: Annotated[Path | None, typer.Option("--data-dir", help="Where the demo keeps its database.")] = None,
    port: Annotated[int, typer.Option("--port", help="TCP port of portal and console; 0: any free one.")] = 8080,
    sites: Annotated[int, typer.Option("--sites", min=1, max=500, help="How many places with Wi-Fi.")] = 44,
    as_json: AsJson = False,
) -> None:
    """Run a simulated city: places, routers, 30 days of history, phones coming and going. Ctrl-C ends it all."""
    from hotspot.http_server import free_port  # noqa: PLC0415  (keeps other commands quick)
    from hotspot.process import end_on_signals, wait_for_signal  # noqa: PLC0415  (the same)
    from hotspot.simulator.demo import STAFF, demo_city  # noqa: PLC0415  (nothing else may load the simulator)

    end_on_signals()
    with telling_errors(), ExitStack() as stack:
        directory = data_dir or Path("hotspot-demo")
        mark(directory)
        settings = demo_settings(directory, http_port=port or free_port())
        configure_logging(settings)
        with _steps() as progress:

            @contextmanager
            def step(words: str, total: int) -> Iterator[Callable[[], None]]:
                task = progress.add_task(words, total=total)
                yield lambda: progress.advance(task)
                progress.update(task, completed=total)

            links = stack.enter_context(demo_city(settings, sites=sites, step=step))
        if as_json:
            print_json(links)
        else:
            _tell(links, STAFF)
        wait_for_signal()


def _steps() -> Progress:
    columns = (SpinnerColumn(finished_text="✓"), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))


def _tell(links: dict[str, object], staff: str) -> None:
    program = Path(sys.argv[0]).resolve()
    again = f"{program} staff login-link --name '{staff}' --data-dir {links['data_dir']}"
    lines = (
        "",
        "A simulated city is running. Nothing in it is real but the software.",
        "",
        f"  Console (signs in once)    {links['console']}",
        f"  Be a phone at Alun-Alun    {links['phone']}",
        f"  Preview of its portal      {links['portal_preview']}",
        "",
        *_fresh(program, links),
        f"  Another console link:      {again}",
        "  Ctrl-C ends everything.",
    )
    for line in lines:
        people.print(line, markup=False, soft_wrap=True)


def _fresh(program: Path, links: dict[str, object]) -> tuple[str, ...]:
    """What to type about the router that is left to do."""
    name, folder = links["fresh_router"], links["data_dir"]
    if name is None:
        return ()
    return (
        f"  {name} has enrolled and is not configured: nobody finds Wi-Fi there. In another terminal:",
        f"    {program} routers plan {name} --data-dir {folder}",
        f"    {program} routers apply PLAN --data-dir {folder}",
        f"  Then phones come, and you can be one: {links['fresh_phone']}",
        "",
    )
