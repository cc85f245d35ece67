"""Each kind of sender against a gateway on this machine: what it is told, and what is made of its answers."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from hotspot.guests.phone_numbers import PhoneNumber
from hotspot.guests.senders.configuration import Messaging, senders_of
from hotspot.guests.senders.messages import Failed, Kind, Message, Outcome, Sender, Sent
from tests.guests.senders.provider import MailServer, Provider, cut_off, dripping, mail_server, provider, silent

KEY = UUID("6f1a3c6e-4a7e-4c59-8a2b-6f0a3f3f8d11")
MESSAGE = Message(KEY, PhoneNumber.parse("081278123456", ["ID"]), "Kode Anda 042137 {token}", "042137", "id")
FORM = {"target": "{digits}", "message": "{text}"}


@pytest.fixture
def gateway() -> Iterator[Provider]:
    with provider() as told:
        yield told


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as told:
        yield told


def sender(**part: Any) -> Sender:
    (made,) = senders_of(Messaging.model_validate({"sender": [{"name": "one", **part}]}))
    return made


def http(gateway: Provider, **more: Any) -> Sender:
    return sender(**{"kind": "http", "url": f"{gateway.address}/send", "form": FORM, "patience_seconds": 1, **more})


def kind_of(outcome: Outcome) -> Kind | None:
    return outcome.kind if isinstance(outcome, Failed) else None


# --- HTTP ----------------------------------------------------------------------------------------------------------------


def test_a_form_is_filled_in_and_a_text_is_never_read_for_holes_itself(gateway: Provider) -> None:
    made = http(
        gateway,
        headers={"Authorization": "{token}", "Idempotency-Key": "{key}"},
        secrets={"token": "s3cret-of-the-city"},
    )

    assert made.send(MESSAGE) == Sent()

    (asked,) = gateway.asked
    assert (asked["method"], asked["path"]) == ("POST", "/send")
    assert asked["body"] == {"target": "6281278123456", "message": "Kode Anda 042137 {token}"}
    assert (asked["headers"]["authorization"], asked["headers"]["idempotency-key"]) == ("s3cret-of-the-city", str(KEY))
    assert "s3cret" not in repr(made)


def test_values_may_go_into_the_query_and_into_json(gateway: Provider) -> None:
    json_body = {"to": ["{national}"], "lang": "{language}", "code": "{code}", "flash": False, "ttl": 60}

    assert http(gateway, form=None, json=json_body).send(MESSAGE) == Sent()
    assert http(gateway, form=None, method="GET", query={"to": "{number}", "text": "{text}"}).send(MESSAGE) == Sent()

    as_json, in_query = gateway.asked
    assert as_json["body"] == {"to": ["081278123456"], "lang": "id", "code": "042137", "flash": False, "ttl": 60}
    assert in_query["query"] == {"to": "+6281278123456", "text": MESSAGE.text}


@pytest.mark.parametrize(
    ("body", "path", "values", "is_sent"),
    [
        (b'{"status": true}', "status", [True], True),
        (b'{"status": 1}', "status", [True], False),
        (b'{"status": false, "reason": "token invalid"}', "status", [True], False),
        (b'{"messages": [{"id": "x"}]}', "messages.0.id", [], True),
        (b'{"messages": []}', "messages.0.id", [], False),
        (b'{"messages": "none"}', "messages.0.id", [], False),
        (b"<html>sent</html>", "status", [True], False),
        (b"", "", [], True),
    ],
)
def test_the_operator_says_by_what_success_is_seen(
    gateway: Provider, body: bytes, path: str, values: list[Any], is_sent: bool
) -> None:
    gateway.body = body

    outcome = http(gateway, success_path=path, success_values=values).send(MESSAGE)

    assert kind_of(outcome) == (None if is_sent else Kind.REFUSED)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (201, None),
        (400, Kind.REFUSED),
        (401, Kind.REFUSED),
        (429, Kind.REFUSED),
        (503, Kind.REFUSED),
        (500, Kind.UNSURE),
        (504, Kind.UNSURE),
    ],
)
def test_a_server_that_fails_in_the_middle_may_have_sent_it(gateway: Provider, status: int, kind: Kind | None) -> None:
    gateway.status = status

    assert kind_of(http(gateway).send(MESSAGE)) == kind


def test_a_redirect_is_not_followed(gateway: Provider) -> None:
    gateway.status, gateway.headers = 307, {"location": f"{gateway.address}/elsewhere"}

    assert kind_of(http(gateway).send(MESSAGE)) == Kind.REFUSED
    assert len(gateway.asked) == 1


def test_nobody_knows_what_became_of_it_when_the_gateway_falls_silent_or_hangs_up(gateway: Provider) -> None:
    for fault in (silent(gateway), cut_off, dripping(gateway)):
        gateway.fault = fault

        assert kind_of(http(gateway).send(MESSAGE)) == Kind.UNSURE

    assert len(gateway.asked) == 3, "and none was asked twice"


def test_an_endless_answer_is_not_read_to_its_end(gateway: Provider) -> None:
    gateway.body = b'{"status": true}' + b" " * 1_000_000

    assert http(gateway).send(MESSAGE) == Sent()


def test_a_gateway_that_is_not_there_has_sent_nothing() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and nobody listens
        gateway = Provider(f"http://127.0.0.1:{bound.getsockname()[1]}")

        assert kind_of(http(gateway).send(MESSAGE)) == Kind.UNREACHABLE


def test_the_environment_has_no_say_in_where_a_message_goes(gateway: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")

    assert http(gateway).send(MESSAGE) == Sent()


def test_whatsapp_gets_its_template_with_the_code(gateway: Provider, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("EAAJ-of-the-city\n")
    gateway.body = b'{"messages": [{"id": "wamid.x"}]}'
    made = sender(
        kind="whatsapp",
        url=gateway.address,
        version="v23.0",
        phone_number_id="1055",
        template="kode_masuk",
        token={"file": str(tmp_path / "token")},
    )

    assert made.send(MESSAGE) == Sent()

    (asked,) = gateway.asked
    code = [{"type": "text", "text": "042137"}]
    assert asked["path"] == "/v23.0/1055/messages"
    assert asked["headers"]["authorization"] == "Bearer EAAJ-of-the-city"
    assert asked["body"] == {
        "messaging_product": "whatsapp",
        "to": "6281278123456",
        "type": "template",
        "template": {
            "name": "kode_masuk",
            "language": {"code": "id"},
            "components": [
                {"type": "body", "parameters": code},
                {"type": "button", "sub_type": "url", "index": "0", "parameters": code},
            ],
        },
    }


# --- e-mail --------------------------------------------------------------------------------------------------------------


def smtp(mails: MailServer, **more: Any) -> Sender:
    usual = {
        "host": "127.0.0.1",
        "port": mails.port,
        "security": "none",
        "from": "wifi@example.org",
        "patience_seconds": 1,
    }
    return sender(**{"kind": "smtp", "to": "{national}@sms.example.org", **usual, **more})


def test_an_email_is_handed_in_for_the_gateway(mails: MailServer) -> None:
    assert smtp(mails, subject="kode", user="wifi", password="of-the-mailbox").send(MESSAGE) == Sent()

    (mail,) = mails.mails
    assert "To: 081278123456@sms.example.org\r\n" in mail
    assert f"Message-ID: <{KEY}@example.org>" in mail
    assert "Kode Anda 042137 {token}" in mail
    assert any(command.startswith("AUTH PLAIN") for command in mails.commands)


@pytest.mark.parametrize(
    ("command", "answer", "kind"),
    [
        ("RCPT", "550 nobody", Kind.REFUSED),
        ("MAIL", "550 not you", Kind.REFUSED),
        (".", "554 spam", Kind.REFUSED),
        (".", None, Kind.UNSURE),
        ("EHLO", None, Kind.UNREACHABLE),
        ("AUTH", "535 wrong", Kind.UNREACHABLE),
        ("QUIT", None, None),
    ],
)
def test_what_the_mail_server_says_is_what_became_of_it(
    mails: MailServer, command: str, answer: str | None, kind: Kind | None
) -> None:
    mails.answers = {command: answer}

    assert kind_of(smtp(mails, user="wifi", password="of-the-mailbox").send(MESSAGE)) == kind


def test_a_mail_server_without_encryption_is_not_told_a_message_that_should_have_been_encrypted(
    mails: MailServer,
) -> None:
    for security in ("starttls", "tls"):
        assert kind_of(smtp(mails, security=security).send(MESSAGE)) == Kind.UNREACHABLE

    assert mails.mails == []


# --- on this machine -----------------------------------------------------------------------------------------------------


def test_a_file_gets_a_line_each_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    made = sender(kind="file", path=str(tmp_path / "messages"))

    assert (made.send(MESSAGE), made.send(MESSAGE)) == (Sent(), Sent())

    lines = [json.loads(line) for line in (tmp_path / "messages").read_text().splitlines()]
    assert [line["to"] for line in lines] == ["+6281278123456"] * 2
    assert (tmp_path / "messages").stat().st_mode & 0o777 == 0o600
    assert kind_of(sender(kind="file", path=str(tmp_path)).send(MESSAGE)) == Kind.UNREACHABLE


def test_the_console_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert sender(kind="console").send(MESSAGE) == Sent()
    assert "042137" in capsys.readouterr().err
