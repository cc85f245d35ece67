"""The file in which the operator says how messages get to phones: to which countries, how many a day, by whom, in what words.

It is TOML, named by the setting `senders_file`; docs/operator.md describes it. Secrets are named in it and best lie in files of their
own. What can't be used is refused with the name of its place, never with its value.
"""

import tomllib
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from hotspot.errors import Invalid
from hotspot.guests.phone_numbers import COUNTRIES
from hotspot.guests.senders.http import HOLES, HttpSender, Request, Success, holes_in
from hotspot.guests.senders.local import ConsoleSender, FileSender
from hotspot.guests.senders.messages import Sender
from hotspot.guests.senders.smtp import Mailbox, Security, SmtpSender

NAME: Final = "^[a-z0-9][a-z0-9-]{0,39}$"
SECRET: Final = "^[a-z][a-z0-9_]{0,39}$"  # noqa: S105  (what a hole for one looks like)
GRAPH: Final = "https://graph.facebook.com"
RECIPIENT: Final = frozenset({"number", "digits", "national"})
Patience = Annotated[float, Field(ge=1, le=30)]


class BadSenders(Invalid):
    """HOTSPOT_SENDERS_FILE: {problem}"""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class SecretFile(_Part):
    """A secret that lies in a file of its own."""

    file: Path


Secret = SecretStr | SecretFile


class ConsolePart(_Part):
    """``kind = "console"``: to the standard error of the program."""

    kind: Literal["console"]
    name: str = Field(pattern=NAME)

    def sender(self) -> Sender:
        return ConsoleSender(self.name)


class FilePart(_Part):
    """``kind = "file"``: a line of JSON each."""

    kind: Literal["file"]
    name: str = Field(pattern=NAME)
    path: Path

    def sender(self) -> Sender:
        return FileSender(self.name, self.path)


class SmtpPart(_Part):
    """``kind = "smtp"``: e-mails to a gateway."""

    kind: Literal["smtp"]
    name: str = Field(pattern=NAME)
    host: str = Field(min_length=1, max_length=253)
    port: int = Field(587, ge=1, le=65535)
    security: Security = Security.STARTTLS
    user: str = ""
    password: Secret | None = None
    sender_address: str = Field(alias="from", pattern=r"^[^@\s]+@[^@\s]+$")
    to: str = Field(pattern=r"^[^@\s]+@[^@\s]+$")
    subject: str = Field("", max_length=100)
    patience_seconds: Patience = 10

    @field_validator("to")
    @classmethod
    def _recipient(cls, to: str) -> str:
        if not _names_in(to) & RECIPIENT or _names_in(to) - RECIPIENT:
            raise ValueError("needs one of {number}, {digits} and {national}, and no other hole")
        return to

    @model_validator(mode="after")
    def _protected(self) -> "SmtpPart":
        if self.security is Security.NONE and not _is_near(self.host):
            raise ValueError("security none is for a mail server at a loopback or private address")
        return self

    def sender(self) -> Sender:
        password = None if self.password is None else _opened(self.password)
        patience = timedelta(seconds=self.patience_seconds)
        mailbox = Mailbox(self.host, self.port, self.security, patience, self.user, password)
        return SmtpSender(self.name, mailbox, self.sender_address, self.to, self.subject)


class HttpPart(_Part):
    """``kind = "http"``: any gateway that is asked by HTTP."""

    kind: Literal["http"]
    name: str = Field(pattern=NAME)
    url: str
    method: Literal["GET", "POST", "PUT"] = "POST"
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    form: dict[str, str] | None = None
    json_body: dict[str, Any] | list[Any] | None = Field(None, alias="json")
    secrets: dict[Annotated[str, Field(pattern=SECRET)], Secret] = {}
    success_status: tuple[int, ...] = (200, 201, 202)
    success_path: str = ""
    success_values: tuple[str | int | bool, ...] = ()
    patience_seconds: Patience = 10

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            _ = parts.port
        except ValueError:
            raise ValueError("is not an address") from None
        if parts.query or parts.fragment or parts.username or "{" in url:
            raise ValueError("has no place for values: they go into query, headers, form or json")
        if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and _is_near(parts.hostname))):
            raise ValueError("needs https, unless it is at a loopback or private address")
        return url

    @model_validator(mode="after")
    def _holes(self) -> "HttpPart":
        if self.form is not None and self.json_body is not None:
            raise ValueError("has either form or json")
        if HOLES & set(self.secrets):
            raise ValueError("a secret has the name of another hole")
        asked = holes_in([self.query, self.form, self.json_body])
        if unknown := (asked | holes_in(self.headers)) - HOLES - set(self.secrets):
            raise ValueError(f"nothing is known for the hole {sorted(unknown)[0]}")
        if holes_in(self.headers) & (HOLES - {"key"}):
            raise ValueError("headers have holes for secrets and the key alone")
        if not asked & RECIPIENT or not asked & {"text", "code"}:
            raise ValueError("needs a hole for the number and one for the text or the code")
        return self

    def sender(self) -> Sender:
        return HttpSender(
            self.name,
            Request(self.method, self.url, self.headers, self.query, self.form, self.json_body),
            Success(self.success_status, self.success_path, self.success_values),
            timedelta(seconds=self.patience_seconds),
            {name: _opened(secret) for name, secret in self.secrets.items()},
        )


class WhatsAppPart(_Part):
    """``kind = "whatsapp"``: a template of the category *authentication* through WhatsApp's Cloud API."""

    kind: Literal["whatsapp"]
    name: str = Field(pattern=NAME)
    phone_number_id: str = Field(pattern="^[0-9]{1,20}$")
    template: str = Field(pattern="^[a-z0-9_]{1,512}$")
    version: str = Field(pattern=r"^v[0-9]{1,3}\.[0-9]$")
    token: Secret
    url: str = GRAPH
    patience_seconds: Patience = 10

    def sender(self) -> Sender:
        """The code stands in the body and in the button that copies it; the words are the template's own."""
        code = [{"type": "text", "text": "{code}"}]
        components = [
            {"type": "body", "parameters": code},
            {"type": "button", "sub_type": "url", "index": "0", "parameters": code},
        ]
        template = {"name": self.template, "language": {"code": "{language}"}, "components": components}
        return HttpPart(
            kind="http",
            name=self.name,
            url=f"{self.url}/{self.version}/{self.phone_number_id}/messages",
            headers={"Authorization": "Bearer {token}"},
            json={"messaging_product": "whatsapp", "to": "{digits}", "type": "template", "template": template},
            secrets={"token": self.token},
            success_path="messages.0.id",
            patience_seconds=self.patience_seconds,
        ).sender()


Part = Annotated[ConsolePart | FilePart | SmtpPart | HttpPart | WhatsAppPart, Field(discriminator="kind")]


class Messaging(_Part):
    """All of the file. Without one there are no senders, and only `countries` and `messages_a_day` mean something."""

    countries: tuple[str, ...] = Field(("ID",), min_length=1)
    messages_a_day: int = Field(2_000, ge=1, le=1_000_000)
    texts: dict[str, Annotated[str, Field(min_length=6, max_length=300)]] = {}
    sender: tuple[Part, ...] = ()

    @field_validator("countries")
    @classmethod
    def _known(cls, countries: tuple[str, ...]) -> tuple[str, ...]:
        if set(countries) - COUNTRIES:
            raise ValueError('are named as in ISO 3166, such as "ID"')
        return countries

    @field_validator("texts")
    @classmethod
    def _with_code(cls, texts: dict[str, str]) -> dict[str, str]:
        if not all("code" in _names_in(words) <= {"code", "city"} for words in texts.values()):
            raise ValueError("each needs the hole {code}, may have {city}, and no other")
        return texts

    @model_validator(mode="after")
    def _told_apart(self) -> "Messaging":
        names = [part.name for part in self.sender]
        if len(set(names)) < len(names):
            raise ValueError("two senders have the same name")
        return self


def read_messaging(path: Path | None) -> Messaging:
    """Read the file, or say what holds without one.

    Raises:
        BadSenders: it can't be read or used.
    """
    if path is None:
        return Messaging()
    try:
        return Messaging.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise BadSenders(problem=f"can't read {path}: {error.strerror}") from error
    except ValidationError as error:
        raise BadSenders(problem=_problem(error)) from None  # the cause would repeat what was given
    except ValueError as error:  # of TOML, or no UTF-8: their texts name the place alone
        raise BadSenders(problem=f"{path} is not TOML: {error}") from error


def senders_of(messaging: Messaging) -> list[Sender]:
    """Return the senders in their order, with their secrets read.

    Raises:
        BadSenders: the file of a secret can't be read.
    """
    return [part.sender() for part in messaging.sender]


def _problem(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    place = ".".join(str(step) for step in first["loc"])
    return f"{place}: {first['msg'].removeprefix('Value error, ')}".removeprefix(": ")


def _opened(secret: Secret) -> SecretStr:
    if isinstance(secret, SecretStr):
        return secret
    try:
        return SecretStr(secret.file.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError) as error:
        raise BadSenders(problem=f"can't read the secret in {secret.file}") from error


def _names_in(words: str) -> set[str]:
    """Return the names of the holes of a format string; anything else between braces is a name that nobody knows."""
    return {
        f"{name}{spec}{conversion or ''}" for _, name, spec, conversion in Formatter().parse(words) if name is not None
    }


def _is_near(host: str) -> bool:
    try:
        return ip_address(host).is_private
    except ValueError:
        return host == "localhost"
