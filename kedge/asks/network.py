"""Asks about the network as one host sees it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from kedge.asks.base import HostAsk

_DEV_TCP = re.compile(r"/dev/tcp/(?P<host>[^/\s'\"]+)/(?P<port>\d+)")
_TELNET_URL = re.compile(r"telnet://(?P<host>[^/\s:]+):(?P<port>\d+)")
_SAFE_HOST = re.compile(r"^[A-Za-z0-9_.:%\[\]-]+$")


@dataclass(frozen=True, slots=True)
class Tcp(HostAsk):
    """Can this host open a TCP connection? Asked through bash's /dev/tcp, else nc, telnet or python3."""

    host: str
    port: int

    timeout: ClassVar[float] = 4.0

    def render(self) -> str:
        host, port = shlex.quote(self.host), int(self.port)
        inner = shlex.quote(f"exec 3<>/dev/tcp/{self.host}/{port}") if _SAFE_HOST.match(self.host) else "false"
        dial = shlex.quote("import socket,sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 4)")
        return (
            f"if command -v bash >/dev/null 2>&1; then bash -c {inner}\n"
            f"elif command -v nc >/dev/null 2>&1; then nc -zv -w 4 {host} {port}\n"
            f"elif command -v telnet >/dev/null 2>&1; then echo | telnet {host} {port}\n"
            f"elif command -v python3 >/dev/null 2>&1; then python3 -c {dial} {host} {port}\n"
            "else echo 'none of bash, nc, telnet, python3 found' >&2; exit 127; fi"
        )

    @classmethod
    def recognise(cls, argv: Sequence[str]) -> Tcp | None:
        if found := _DEV_TCP.search(" ".join(argv)):
            return cls(found["host"], int(found["port"]))
        tool = argv[0].rsplit("/", 1)[-1] if argv else ""
        if tool in ("nc", "ncat", "telnet", "netcat"):
            words = [w for w in argv[1:] if not w.startswith("-")]
            for host, port in pairwise(words):
                if port.isdigit() and not host.isdigit():
                    return cls(host, int(port))
        if tool == "curl" and (found := _TELNET_URL.search(" ".join(argv))):
            return cls(found["host"], int(found["port"]))
        return None


@dataclass(frozen=True, slots=True)
class HttpGet(HostAsk):
    """Status code, a line break, then the body of an HTTP(S) GET; the certificate is not verified."""

    url: str

    timeout: ClassVar[float] = 5.0

    def render(self) -> str:
        url = shlex.quote(self.url)
        return (
            f"if command -v curl >/dev/null 2>&1; then curl -ksS -m 5 -w '\\n%{{http_code}}' {url}\n"
            f"else wget -q -T 5 -O - --no-check-certificate {url}; fi"
        )

    @classmethod
    def recognise(cls, argv: Sequence[str]) -> HttpGet | None:
        if list(argv[:1]) not in (["curl"], ["wget"]) or {"-X", "-d", "--data", "-I", "--head"} & set(argv):
            return None
        if any(word.lower().startswith("host:") for word in argv):
            return None  # CloudStream looks sessions up by it (facts 1.5): another question
        urls = [word for word in argv if word.startswith(("http://", "https://"))]
        return cls(urls[0]) if len(urls) == 1 else None
