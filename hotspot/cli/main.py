"""The `hotspot` command."""

import typer

from hotspot.cli import (
    certificates,
    consents,
    discover,
    guests,
    jobs,
    portal_themes,
    records,
    residents,
    rollouts,
    senders,
    serving,
    support,
    vouchers,
    wireguard,
)

app = typer.Typer(
    help="Controller and captive portal for a city's public Wi-Fi.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
serving.add_to(app)
records.add_to(app)
guests.add_to(app)
consents.add_to(app)
vouchers.add_to(app)
residents.add_to(app)
wireguard.add_to(app)
discover.add_to(app)
jobs.add_to(app)
certificates.add_to(app)
rollouts.add_to(app)
portal_themes.add_to(app)
senders.add_to(app)
support.add_to(app)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
