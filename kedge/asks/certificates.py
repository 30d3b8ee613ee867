"""Asks about certificates: in files, and as servers show them. Private keys are never read by us."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from kedge.asks.base import HostAsk

_FIELDS = "-noout -subject -issuer -dates -fingerprint -sha256"


@dataclass(frozen=True, slots=True)
class Certificate(HostAsk):
    """Subject, issuer, dates and SHA-256 fingerprint of a certificate file, as ``openssl x509`` prints them."""

    path: str

    root: ClassVar[bool] = True

    def render(self) -> str:
        return f"openssl x509 -in {shlex.quote(self.path)} {_FIELDS}"

    @classmethod
    def recognise(cls, argv: Sequence[str]) -> Certificate | None:
        if list(argv[:2]) != ["openssl", "x509"] or "-in" not in argv[:-1]:
            return None
        return cls(argv[list(argv).index("-in") + 1])


@dataclass(frozen=True, slots=True)
class CaFingerprint(HostAsk):
    """Subject and fingerprint of the CA certificate (DER) that CloudHub hands out at ``…:10002/ca.crt``."""

    url: str

    timeout: ClassVar[float] = 6.0
    pipes: ClassVar[frozenset[str]] = frozenset({"openssl"})

    def render(self) -> str:
        return f"curl -ksS -m 5 {shlex.quote(self.url)} | openssl x509 -inform der {_FIELDS}"

    @classmethod
    def recognise(cls, argv: Sequence[str]) -> CaFingerprint | None:
        urls = [word for word in argv[1:] if word.startswith(("http://", "https://"))]
        return cls(urls[0]) if list(argv[:1]) in (["curl"], ["wget"]) and len(urls) == 1 else None


@dataclass(frozen=True, slots=True)
class TlsPeer(HostAsk):
    """The certificate that a TLS server shows, as ``openssl x509`` prints it.

    Attributes:
        address: host:port.
        cert, key: files of a client certificate to offer, "" for none; then the handshake's report is the answer.
    """

    address: str
    cert: str = ""
    key: str = ""

    root: ClassVar[bool] = True
    timeout: ClassVar[float] = 6.0
    pipes: ClassVar[frozenset[str]] = frozenset({"", "openssl"})
    trimmable: ClassVar[bool] = True

    def render(self) -> str:
        connect = f"openssl s_client -connect {shlex.quote(self.address)}"
        if self.cert:
            # With TLS 1.3 the server judges the client after the handshake: only an answer to a request proves that
            # it was let in. The path is none of CloudStream's, so nothing else comes of it.
            offer = f"-ign_eof -cert {shlex.quote(self.cert)} -key {shlex.quote(self.key)}"
            return f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | {connect} {offer} 2>&1 | tail -n 80"
        return f"{connect} </dev/null 2>/dev/null | openssl x509 {_FIELDS} -ext subjectAltName"

    @classmethod
    def recognise(cls, argv: Sequence[str]) -> TlsPeer | None:
        if list(argv[:2]) != ["openssl", "s_client"] or "-connect" not in argv:
            return None
        options = dict(pairwise(argv))
        if not options.get("-connect"):
            return None
        return cls(options["-connect"], options.get("-cert", ""), options.get("-key", ""))
