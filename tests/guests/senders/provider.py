"""Gateways for messages on this machine, with their faults: one asked by HTTP, one that takes e-mails."""

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Provider:
    """What the gateway was asked, and how it answers: a status, a body, or a fault of its own."""

    address: str = ""
    status: int = 200
    body: bytes = b'{"status": true}'
    headers: dict[str, str] = field(default_factory=dict)
    fault: Callable[[BaseHTTPRequestHandler], None] | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def provider() -> Iterator[Provider]:
    told = Provider()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            told.asked.append(
                {
                    "method": self.command,
                    "path": url.path,
                    "query": dict(parse_qsl(url.query)),
                    "headers": {name.lower(): value for name, value in self.headers.items()},
                    "body": _read(body, self.headers.get("content-type", "")),
                }
            )
            if told.fault is not None:
                self.close_connection = True
                told.fault(self)
                return
            self.send_response(told.status)
            for name, value in {"content-length": str(len(told.body)), **told.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told.body)

        do_GET = do_POST = do_PUT = _answer  # noqa: N815  (the library's names)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield told
        finally:
            told.is_over.set()
            server.shutdown()
            thread.join()


def _read(body: bytes, kind: str) -> Any:
    return json.loads(body) if kind == "application/json" else dict(parse_qsl(body.decode()))


def silent(told: Provider) -> Callable[[BaseHTTPRequestHandler], None]:
    """Take the message and never say a word."""
    return lambda _: told.is_over.wait(5) and None


def cut_off(handler: BaseHTTPRequestHandler) -> None:
    """Take the message and hang up."""
    handler.connection.close()


def dripping(told: Provider) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answer without an end, a piece every so often."""

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not told.is_over.wait(0.05):
            try:
                handler.wfile.write(b" ")
            except OSError:
                return

    return drip


@dataclass
class MailServer:
    """What was handed in, and the answers that are not what is usual: command → line, or None to hang up."""

    port: int = 0
    answers: dict[str, str | None] = field(default_factory=dict)
    mails: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)


class _Quiet(socketserver.ThreadingTCPServer):
    def handle_error(self, *_: object) -> None:
        """Who hangs up in the middle of a test means it."""


@contextmanager
def mail_server() -> Iterator[MailServer]:
    told = MailServer()
    usual = {"EHLO": "250-test\r\n250 AUTH PLAIN", "DATA": "354 go on", "QUIT": "221 bye", "AUTH": "235 welcome"}

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 test\r\n")
            for line in self.rfile:
                command = line.decode().strip()
                told.commands.append(command)
                verb = command.split(" ")[0].upper()
                answer = told.answers.get(verb, usual.get(verb, "250 ok"))
                if answer is None:
                    return
                self.wfile.write(f"{answer}\r\n".encode())
                if verb == "DATA" and answer.startswith("354"):
                    told.mails.append("".join(iter(lambda: self.rfile.readline().decode(), ".\r\n")))
                    end = told.answers.get(".", "250 taken")
                    if end is None:
                        return
                    self.wfile.write(f"{end}\r\n".encode())
                if verb == "QUIT":
                    return

    with _Quiet(("127.0.0.1", 0), Handler) as server:
        told.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield told
        finally:
            server.shutdown()
            thread.join()
