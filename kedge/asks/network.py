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
_HOST = re.compile(r"[A-Za-z0-9_.:%\[\]][A-Za-z0-9_.:%\[\]-]*")


@dataclass(frozen=True, slots=True)
class Tcp(HostAsk):
    """Can this host open a TCP connection? Asked through the first of bash, nc, python, telnet and openssl it has.

    Not every nc can look without talking: some of busybox and older ncat lack ``-z``, so each is asked for its options
    first. openssl comes last: it talks TLS, and takes a port that is open but says nothing for a silent one.
    """

    host: str
    port: int

    timeout: ClassVar[float] = 4.0

    def render(self) -> str:
        host, port = shlex.quote(self.host), int(self.port)
        if not _HOST.fullmatch(self.host):  # a tool would take it for an option, bash for more than an address
            return f"printf 'bad address %s\\n' {host} >&2; exit 1"
        openssl = shlex.quote(f"[{self.host}]:{port}" if ":" in self.host else f"{self.host}:{port}")
        inner = shlex.quote(f"exec 3<>/dev/tcp/{self.host}/{port}")
        dial = shlex.quote("import socket,sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)")
        return (
            f"if command -v bash >/dev/null 2>&1; then bash -c {inner}\n"
            f"elif nc -h 2>&1 | grep -q '[[:space:]]-z'; then nc -zv -w 3 {host} {port}\n"
            f"elif nc -h 2>&1 | grep -qe '-e PROG'; then nc -w 3 {host} {port} -e true\n"
            f"elif command -v python3 >/dev/null 2>&1; then python3 -c {dial} {host} {port}\n"
            f"elif command -v python >/dev/null 2>&1; then python -c {dial} {host} {port}\n"
            f"elif command -v telnet >/dev/null 2>&1; then echo | telnet {host} {port}\n"
            f"elif command -v openssl >/dev/null 2>&1; then openssl s_client -connect {openssl} </dev/null\n"
            "else echo 'none of bash, nc, python, telnet, openssl found' >&2; exit 127; fi"
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
