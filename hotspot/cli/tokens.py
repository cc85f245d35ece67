"""Commands about the tokens that programs show to the API."""

from datetime import timedelta
from typing import Annotated

import typer

from hotspot.cli.output import AsJson, DataDir, changing, looking, print_made, print_rows
from hotspot.routers.views import moment
from hotspot.staff.tokens import LONGEST_LIFE, Scope, issue_token, revoke_token, tokens


def add_to(staff: typer.Typer) -> None:
    group = typer.Typer(help="Tokens of programs that use the API.", no_args_is_help=True)
    group.command("create")(create)
    group.command("list")(list_tokens)
    group.command("revoke")(revoke)
    staff.add_typer(group, name="token")


def create(
    name: Annotated[str, typer.Option("--name", help="Whose name the program acts in.")],
    label: Annotated[str, typer.Option("--label", help="What it is for.")],
    scope: Annotated[
        Scope, typer.Option("--scope", help="read looks; operate may change routers and sites.")
    ] = Scope.READ,
    days: Annotated[int, typer.Option("--days", help="How long it is good for.", min=1, max=LONGEST_LIFE.days)] = 90,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make a token; it is shown once, now."""
    with changing(data_dir) as (settings, db, now):
        kept, token = issue_token(db, name, label=label, scope=scope, life=timedelta(days=days), now=now)
        row = {"number": kept.id, "token": token, "expires_at": moment(kept.expires_at, settings.zone)}
    print_made(row, f"Token {row['number']}, shown only now, good until {row['expires_at']}:\n{token}", as_json=as_json)


def list_tokens(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List all tokens, the latest first; what they are is never shown again."""
    with looking(data_dir) as (settings, db):
        rows = [
            {
                "number": token.id,
                "name": name,
                "label": token.label,
                "scope": token.scope,
                "created_at": moment(token.created_at, settings.zone),
                "expires_at": moment(token.expires_at, settings.zone),
                "revoked_at": moment(token.revoked_at, settings.zone),
            }
            for token, name in tokens(db)
        ]
    print_rows(rows, as_json=as_json, title="Tokens", empty="No token yet: hotspot staff token create")


def revoke(
    number: Annotated[int, typer.Argument(help="As in `hotspot staff token list`.", min=1)],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """End a token at once."""
    with changing(data_dir) as (_settings, db, now):
        revoke_token(db, number, now=now)
    print_made({"number": number, "revoked": True}, f"Token {number} is no good any more.", as_json=as_json)
