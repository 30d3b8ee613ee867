"""Certificates: of the edge, of the cloud, and what a TLS handshake with them came to. Never a private key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class X509:
    """What is read of a certificate; "" and None for what was not told.

    Attributes:
        subject, issuer: as openssl prints them. fingerprint: SHA-256 in capital hex with colons.
        names: DNS names and addresses it is valid for.
    """

    subject: str = ""
    issuer: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None
    fingerprint: str = ""
    names: tuple[str, ...] = ()

    @property
    def common_name(self) -> str:
        """CN of the subject."""
        found = re.search(r"CN\s*=\s*([^,/\n]+)", self.subject)
        return found[1].strip() if found else ""


@dataclass(frozen=True, slots=True)
class EdgeCertificate:
    """The client certificate that EdgeCore shows to CloudCore (target: the edge).

    Attributes:
        mtime: when the file was written, None when that is not known. at: when it was read, by the edge's clock.
    """

    path: str
    x509: X509
    mtime: datetime | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class EdgeCa:
    """The CA certificate that the edge holds of its cloud (target: the edge)."""

    path: str
    x509: X509


@dataclass(frozen=True, slots=True)
class CloudCa:
    """The CA certificate that CloudHub hands out now (target: the host that asked for it)."""

    url: str
    x509: X509


@dataclass(frozen=True, slots=True)
class StreamCertificate:
    """What CloudCore's stream port shows to the API server and Metrics Server (target: the host that looked)."""

    shown: tuple[tuple[str, X509], ...] = ()
    """(address, certificate) of every CloudCore that showed one."""
    at: datetime | None = None


class Handshake(StrEnum):
    """What a TLS handshake with the edge's certificate came to."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNREACHED = "unreached"
    """No TCP connection, so no handshake."""
    NO_CERTIFICATE = "no certificate"
    """openssl could not load the edge's own files."""
    NOT_TLS = "not TLS"
    UNDECIDED = "undecided"
    """The report ends before the server's verdict on the client could be seen."""


@dataclass(frozen=True, slots=True)
class TunnelTls:
    """The edge's handshake with its edgeStream server (target: the edge). ``detail``: the alert or error line."""

    address: str
    outcome: Handshake
    detail: str = ""
    at: datetime | None = None
