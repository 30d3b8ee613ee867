"""Certificates on edges and at CloudCore's ports, through openssl."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from kedge.asks import CaFingerprint, Certificate, Clock, FileStat, TlsPeer
from kedge.facts.certificates import (
    X509,
    CloudCa,
    EdgeCa,
    EdgeCertificate,
    Handshake,
    StreamCertificate,
    TunnelTls,
)
from kedge.facts.cloudcore import CloudCore, CloudCoreConfig
from kedge.facts.edgecore import EdgeCoreConfig, EdgeStream
from kedge.model import Cost, Host, HostPaths, Observation, Role, Unknown
from kedge.plugins import Maybe, probe
from kedge.probes.answers import NO_TOOL, epoch_time, failure
from kedge.probes.edgecore import read_mtime

# ------------------------------------------------------------------------------------------- files of the edge


@probe(Role.EDGE, every=60.0, reads_errors=True)
def edge_certificate(host: Host, config: Maybe[EdgeCoreConfig]) -> tuple[Certificate, FileStat, Clock]:
    """The certificate that edgecore.yaml names for the tunnel, and when it was written."""
    path = certificate_paths(host.paths, config)[0]
    return Certificate(path), FileStat(path), Clock()


@edge_certificate.parse
def read_edge_certificate(file: Observation, stat: Observation, clock: Observation) -> EdgeCertificate | Unknown:
    path = file.ask.path if isinstance(file.ask, Certificate) else ""
    found = _x509(file, path)
    if isinstance(found, Unknown):
        return found
    now = file.at or (epoch_time(clock.stdout.strip()) if clock.error is None else None)
    return EdgeCertificate(path, found, read_mtime(stat), now)


@probe(Role.EDGE, every=60.0)
def edge_ca(host: Host, config: Maybe[EdgeCoreConfig]) -> Certificate:
    """rootCA.crt on the edge."""
    return Certificate(certificate_paths(host.paths, config)[2])


@edge_ca.parse
def read_edge_ca(file: Observation) -> EdgeCa | Unknown:
    path = file.ask.path if isinstance(file.ask, Certificate) else ""
    found = _x509(file, path)
    return found if isinstance(found, Unknown) else EdgeCa(path, found)


def certificate_paths(paths: HostPaths, config: EdgeCoreConfig | Unknown) -> tuple[str, str, str]:
    """(certificate, key, CA) of the tunnel: as edgecore.yaml names them, in the folders the inventory gives."""
    stream = EdgeStream() if isinstance(config, Unknown) else config.edge_stream
    default = HostPaths()
    return (
        _moved(stream.cert_file, default.certs, paths.certs),
        _moved(stream.key_file, default.certs, paths.certs),
        _moved(stream.ca_file, default.ca, paths.ca),
    )


def _moved(path: str, folder: str, to: str) -> str:
    return to.rstrip("/") + path.removeprefix(folder) if path.startswith(folder + "/") else path


# --------------------------------------------------------------------------------------------- what is served


@probe(Role.CLOUDCORE, cost=Cost.ACTIVE, every=300.0)
def cloud_ca(host: Host, config: Maybe[CloudCoreConfig]) -> CaFingerprint | None:
    """The CA that CloudHub hands out at /ca.crt to edges that join."""
    port = (CloudCoreConfig("") if isinstance(config, Unknown) else config).hub_https_port
    return CaFingerprint(f"https://{_bracketed(host.address)}:{port}/ca.crt") if host.address else None


@cloud_ca.parse
def read_cloud_ca(seen: Observation) -> CloudCa | Unknown:
    url = seen.ask.url if isinstance(seen.ask, CaFingerprint) else ""
    found = _x509(seen, url)
    return found if isinstance(found, Unknown) else CloudCa(url, found)


@probe(Role.CLOUDCORE, Role.APISERVER, cost=Cost.ACTIVE, every=300.0, reads_errors=True)
def stream_certificate(host: Host, cloudcore: CloudCore, config: Maybe[CloudCoreConfig]) -> tuple[TlsPeer, ...] | None:
    """What the stream port of every CloudCore shows."""
    port = (CloudCoreConfig("") if isinstance(config, Unknown) else config).cloud_stream.stream_port
    return tuple(TlsPeer(f"{_bracketed(ip)}:{port}") for ip in sorted(cloudcore.addresses)) or None


@stream_certificate.parse
def read_stream_certificate(*seen: Observation) -> StreamCertificate | Unknown:
    shown, why = [], None
    for one in seen:
        address = one.ask.address if isinstance(one.ask, TlsPeer) else ""
        found = _x509(one, address)
        if isinstance(found, Unknown):
            why = why or found
        else:
            shown.append((address, found))
    if not shown and why is not None:
        return why
    return StreamCertificate(tuple(shown), next((one.at for one in seen if one.at), None))


@probe(Role.EDGE, cost=Cost.ACTIVE, every=60.0)
def tunnel_tls(host: Host, config: EdgeCoreConfig) -> TlsPeer | None:
    """A handshake with the edge's own certificate, as EdgeStream makes it: CloudCore verifies it (facts 0.3)."""
    stream = config.edge_stream
    cert, key, _ca = certificate_paths(host.paths, config)
    return TlsPeer(f"{_bracketed(stream.host)}:{stream.port}", cert, key) if stream.host and stream.port else None


_REFUSED = re.compile(r"connect:errno=|Connection refused|No route to host|gethostbyname failure|Name or service not")
_ALERT = re.compile(r"alert (?P<alert>[a-z0-9 ]+)|SSL alert number (?P<number>\d+)", re.IGNORECASE)
_OWN_FILES = re.compile(r"(Could not (open|read|find)|unable to load|Can't open).*(certificate|private key|key)", re.I)
_NOT_TLS = re.compile(r"wrong version number|packet length too long|http request", re.IGNORECASE)
_LET_IN = re.compile(
    r"^HTTP/1\.[01] \d{3}|TLS session ticket:|New Session Ticket arrived"  # an answer, or TLS 1.3's tickets
    r"|^ +[0-9a-f]{4} - (?:[0-9a-f]{2}[ -]){8}"  # a ticket's bytes, its head cut off by tail
    r"|Protocol *: TLSv1\.2\s+Cipher *: (?!0000|\(NONE)",
    re.MULTILINE,
)


@tunnel_tls.parse
def read_tunnel_tls(seen: Observation) -> TunnelTls | Unknown:
    """Reads the report of s_client.

    With TLS 1.3 the server's verdict on the client comes after the handshake: an alert, or tickets and answers.
    """
    if seen.exit_code in NO_TOOL:
        return failure(seen, "openssl")
    address = seen.ask.address if isinstance(seen.ask, TlsPeer) else ""
    said = f"{seen.stdout}\n{seen.stderr}"
    if not said.strip():
        return TunnelTls(address, Handshake.UNREACHED, "no answer", seen.at)
    for outcome, pattern in (
        (Handshake.NO_CERTIFICATE, _OWN_FILES),
        (Handshake.UNREACHED, _REFUSED),
        (Handshake.NOT_TLS, _NOT_TLS),
        (Handshake.REJECTED, _ALERT),
    ):
        if found := pattern.search(said):
            return TunnelTls(address, outcome, _line(said, found), seen.at)
    outcome = Handshake.ACCEPTED if _LET_IN.search(said) else Handshake.UNDECIDED
    return TunnelTls(address, outcome, "", seen.at)


def _line(text: str, found: re.Match[str]) -> str:
    start = text.rfind("\n", 0, found.start()) + 1
    end = text.find("\n", found.end())
    return text[start : end if end >= 0 else len(text)].strip()


# ---------------------------------------------------------------------------------------------------- reading


def _x509(seen: Observation, what: str) -> X509 | Unknown:
    if seen.error is not None or seen.exit_code != 0:
        return failure(seen, what)
    found = read_x509(seen.stdout)
    if found == X509():
        return failure(seen, what)
    return found


_FINGERPRINT = re.compile(r"fingerprint\s*=\s*([0-9A-F:]{47,})", re.IGNORECASE)


def read_x509(text: str) -> X509:
    """``openssl x509 -noout …``: whichever of subject, issuer, dates, fingerprint and names it printed."""
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith(" "))
    fingerprint = _FINGERPRINT.search(text)
    return X509(
        subject=values.get("subject", "").strip(),
        issuer=values.get("issuer", "").strip(),
        not_before=openssl_time(values.get("notBefore", "")),
        not_after=openssl_time(values.get("notAfter", "")),
        fingerprint=fingerprint[1].upper() if fingerprint else "",
        names=_names(text),
    )


def _names(text: str) -> tuple[str, ...]:
    lines = text.splitlines()
    at = next((i for i, line in enumerate(lines) if "Subject Alternative Name" in line), None)
    if at is None or at + 1 >= len(lines):
        return ()
    words = (word.strip().partition(":")[2] for word in lines[at + 1].split(","))
    return tuple(word for word in words if word)


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TIME = re.compile(r"(?P<month>[A-Z][a-z]{2})\s+(?P<day>\d{1,2}) (?P<clock>\d\d:\d\d:\d\d) (?P<year>\d{4}) GMT")


def openssl_time(text: str) -> datetime | None:
    """``Nov 22 09:32:02 2026 GMT``, whatever the language of this machine."""
    found = _TIME.search(text)
    if found is None or found["month"] not in _MONTHS:
        return None
    hour, minute, second = (int(part) for part in found["clock"].split(":"))
    month = _MONTHS.index(found["month"]) + 1
    try:
        return datetime(int(found["year"]), month, int(found["day"]), hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
