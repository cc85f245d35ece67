"""Commands about the ways by which messages get to phones."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import uuid4

import typer

from hotspot.cli.output import AsJson, DataDir, add_group, people, print_json, print_rows, telling_errors
from hotspot.errors import Unavailable
from hotspot.guests.phone_messages import messaging_of, post_of, text_of
from hotspot.guests.phone_numbers import PhoneNumber
from hotspot.guests.senders.messages import Failed, Message
from hotspot.guests.senders.post import NobodyTook, Post
from hotspot.settings import load_for_command
from hotspot.telemetry import configure_logging

TEST_CODE = "000000"  # nobody signs in with it


class NotSent(Unavailable):
    """The message was not sent: {problem}"""


class NoSenders(Unavailable):
    """There are no senders; name their file in HOTSPOT_SENDERS_FILE, see docs/operator.md"""


def add_to(app: typer.Typer) -> None:
    add_group(app, "senders", "How codes get to phones.", {"list": list_senders, "test": send_test})


def list_senders(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the senders in the order they are asked in."""
    with telling_errors():
        settings = load_for_command(data_dir)
        kinds = {part.name: part.kind for part in messaging_of(settings.senders_file).sender}
        senders = post_of(settings.senders_file, is_demo=settings.demo).senders
    rows = [{"order": n, "name": one.name, "kind": kinds.get(one.name, one.name)} for n, one in enumerate(senders, 1)]
    print_rows(rows, as_json=as_json, title="Senders", empty=str(NoSenders()))


def send_test(
    number: Annotated[str, typer.Argument(help="A mobile number of your own.")],
    sender: Annotated[str | None, typer.Option("--sender", help="Ask only the sender of this name.")] = None,
    language: Annotated[str, typer.Option("--language", help="Language of the message.")] = "id",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Send a message such as guests get, with a code that is none. Costs what a message costs."""
    with telling_errors():
        settings = load_for_command(data_dir)
        configure_logging(settings.model_copy(update={"log_level": "warning"}))
        messaging = messaging_of(settings.senders_file)
        to = PhoneNumber.parse(number, messaging.countries)
        senders = post_of(settings.senders_file, is_demo=settings.demo).senders
        chosen = [one for one in senders if sender in (None, one.name)]
        if not chosen:
            raise NoSenders
        words = text_of(messaging, language, city=settings.city or "Test", code=TEST_CODE)
        became = Post(chosen).deliver(Message(uuid4(), to, words, TEST_CODE, language), now=datetime.now(UTC))
        if isinstance(became, NobodyTook):
            raise NotSent(problem="; ".join(became.problems))
        if isinstance(became.outcome, Failed):
            raise NotSent(problem=f"{became.sender} did not say whether it took it ({became.outcome.problem})")
    if as_json:
        print_json({"sender": became.sender, "sent": True})
    else:
        people.print(f"{became.sender} took the message. Look whether it arrives.", markup=False)
