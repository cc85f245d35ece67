"""The operator's file: what can't be used is refused by its place, and no secret is ever repeated."""

from pathlib import Path

import pytest

from hotspot.guests.senders.configuration import BadSenders, Messaging, read_messaging, senders_of

HTTP = """
[[sender]]
name = "gateway"
kind = "http"
url = "https://gateway.example.org/send"
form = {{ to = "{{digits}}", text = "{{text}}" }}
{more}
"""
SMTP = """
[[sender]]
name = "mails"
kind = "smtp"
host = "{host}"
from = "wifi@example.org"
to = "{to}"
{more}
"""


def http(more: str = "", **changed: str) -> str:
    text = HTTP.format(more=more)
    for name, value in changed.items():
        text = "\n".join(f"{name} = {value}" if line.startswith(f"{name} =") else line for line in text.splitlines())
    return text


def smtp(more: str = "", host: str = "mail.example.org", to: str = "{digits}@sms.example.org") -> str:
    return SMTP.format(more=more, host=host, to=to)


def read(tmp_path: Path, text: str) -> Messaging:
    path = tmp_path / "senders.toml"
    path.write_text(text)
    return read_messaging(path)


def test_without_a_file_there_are_no_senders() -> None:
    messaging = read_messaging(None)

    assert (messaging.countries, senders_of(messaging)) == (("ID",), [])


def test_senders_stand_in_the_order_of_the_file(tmp_path: Path) -> None:
    messaging = read(tmp_path, 'countries = ["ID", "SG"]\nmessages_a_day = 500\n' + http() + smtp())

    assert [sender.name for sender in senders_of(messaging)] == ["gateway", "mails"]
    assert (messaging.countries, messaging.messages_a_day) == (("ID", "SG"), 500)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("countries = []", "countries"),
        ('countries = ["Indonesia"]', "ISO 3166"),
        ("messages_a_day = 0", "messages_a_day"),
        ("speed = 3", "speed"),
        ('[texts]\nid = "Kode Anda"', "hole {code}"),
        ('[texts]\nid = "Kode {code} {number}"', "no other"),
        ('[texts]\nid = "Kode {code!r}"', "no other"),
        ('[texts]\nid = "Kode {code} }"', "texts"),
        ("not toml", "not TOML"),
        ('[[sender]]\nname = "a"\nkind = "pigeon"', "pigeon"),
        (http() + http(), "same name"),
        (http(url='"http://gateway.example.org/send"'), "needs https"),
        (http(url='"https://user:pw@gateway.example.org/"'), "no place for values"),
        (http(url='"https://gateway.example.org/?token=1"'), "no place for values"),
        (http(url='"https://gateway.example.org/{token}"'), "no place for values"),
        (http(url='"https://[gateway"'), "not an address"),
        (http(form='{ to = "{digits}", text = "{texts}" }'), "hole texts"),
        (http(form='{ to = "{digits}" }'), "needs a hole for the number and one"),
        (http(form='{ text = "{text}" }'), "needs a hole for the number and one"),
        (http('headers = { X-Text = "{text}" }'), "headers have holes"),
        (http('json = { text = "{text}" }'), "either form or json"),
        (http("[sender.secrets]\ntext = 'abc'"), "name of another hole"),
        (smtp(to="sms@example.org"), "needs one of"),
        (smtp(to="{digits.__class__}@example.org"), "needs one of"),
        (smtp('security = "none"'), "loopback or private"),
    ],
)
def test_what_can_not_be_used_is_refused_by_its_place(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(BadSenders, match=problem):
        read(tmp_path, text)


def test_a_gateway_within_the_citys_own_network_may_do_without_encryption(tmp_path: Path) -> None:
    text = http(url='"http://192.168.7.2/cgi-bin/sms"') + smtp('security = "none"', host="localhost")

    assert len(senders_of(read(tmp_path, text))) == 2


def test_no_secret_is_repeated_by_what_refuses_it_nor_by_what_holds_it(tmp_path: Path) -> None:
    text = http('[sender.secrets]\ntoken = "s3cret"')

    assert "s3cret" not in repr(read(tmp_path, text))
    with pytest.raises(BadSenders) as refused:
        read(tmp_path, text.replace('token = "s3cret"', 'token = ["s3cret"]'))
    assert "s3cret" not in str(refused.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadSenders, match="No such file"):
        read_messaging(tmp_path / "none.toml")
    messaging = read(tmp_path, http('[sender.secrets]\ntoken = { file = "/nowhere/token" }'))
    with pytest.raises(BadSenders, match="/nowhere/token"):
        senders_of(messaging)
