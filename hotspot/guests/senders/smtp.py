"""Messages through a gateway that makes SMS of e-mails (RFC 5321)."""

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from enum import StrEnum

from pydantic import SecretStr

from hotspot.guests.senders.messages import Failed, Kind, Message, Outcome, Sent


class Security(StrEnum):
    """How the way to the mail server is protected."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Where e-mails are handed in. Without a user nobody logs in there."""

    host: str
    port: int
    security: Security
    patience: timedelta
    user: str = ""
    password: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class SmtpSender:
    """One gateway. `to` is the recipient's address, with a hole ``{number}``, ``{digits}`` or ``{national}``."""

    name: str
    mailbox: Mailbox
    sender: str
    to: str
    subject: str

    def send(self, message: Message) -> Outcome:
        """Hand the e-mail in once. A server that falls silent after the log-in may have taken it."""
        mail = self._mail(message)
        try:
            server = self._opened()
        except (OSError, smtplib.SMTPException) as error:
            return Failed(Kind.UNREACHABLE, type(error).__name__)
        try:
            server.send_message(mail, self.sender, [mail["To"]])
        except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as error:
            return Failed(Kind.REFUSED, type(error).__name__)
        except (OSError, smtplib.SMTPException) as error:
            return Failed(Kind.UNSURE, type(error).__name__)
        finally:
            _leave(server)
        return Sent()

    def _mail(self, message: Message) -> EmailMessage:
        number = message.to
        mail = EmailMessage()
        mail["From"] = self.sender
        mail["To"] = self.to.format(number=number.text, digits=number.digits, national=number.national)
        mail["Subject"] = self.subject
        mail["Message-ID"] = f"<{message.key}@{self.sender.partition('@')[2]}>"
        mail.set_content(message.text)
        return mail

    def _opened(self) -> smtplib.SMTP:
        box, patience = self.mailbox, self.mailbox.patience.total_seconds()
        server: smtplib.SMTP
        if box.security is Security.TLS:
            server = smtplib.SMTP_SSL(box.host, box.port, timeout=patience, context=ssl.create_default_context())
        else:
            server = smtplib.SMTP(box.host, box.port, timeout=patience)
        try:
            if box.security is Security.STARTTLS:
                server.starttls(context=ssl.create_default_context())
            if box.user and box.password is not None:
                server.login(box.user, box.password.get_secret_value())
        except BaseException:
            server.close()
            raise
        return server


def _leave(server: smtplib.SMTP) -> None:
    """Say goodbye; what goes wrong now changes nothing."""
    with suppress(OSError, smtplib.SMTPException):
        server.quit()
    server.close()
