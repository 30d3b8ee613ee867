"""Certificates, loading, edged, hub, runtime, head-room, journal and session, judged from plain facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from checks.certificates import (
    edge_can_prove_who_it_is,
    edge_certificate_is_valid,
    edge_trusts_the_clouds_ca,
    stream_certificate_is_in_date,
    tunnel_port_accepts_the_edge,
)
from checks.edgecore import configuration_is_loaded, edged_answers, journal_holds_no_failure
from checks.edgehub import hub_is_connected
from checks.resources import edge_has_headroom
from checks.runtime import runtime_runs_and_answers
from checks.tunnel import cloudstream_has_a_session, tunnel_stands
from kedge.facts.certificates import X509, CloudCa, EdgeCa, EdgeCertificate, Handshake, StreamCertificate, TunnelTls
from kedge.facts.edgecore import EdgeCoreConfig, EdgeCoreLog, EdgeCoreService, EdgedHealth, EdgeStream
from kedge.facts.hosts import HostAccess
from kedge.facts.images import ImageList
from kedge.facts.kubectl import NodeProxy, Outcome
from kedge.facts.logs import LogHit
from kedge.facts.network import Established, Socket
from kedge.facts.resources import Headroom, Volume
from kedge.facts.services import RuntimeService
from kedge.i18n import _
from kedge.model import Reason, Status, Unknown, Verdict
from kedge.plugins import All, Check
from tests.unit import asked

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
UNKNOWN = Unknown(Reason.NOT_RECORDED, _("not recorded"))
MISSING = Unknown(Reason.MISSING, _("no such file"))
CONFIG = EdgeCoreConfig("/e", edge_stream=EdgeStream(True, "10.0.0.1:10004"), hostname_override="edge1",
                        hub_server="10.0.0.1:10000", mtime=NOW - 2 * HOUR)  # fmt: skip
SERVICE = EdgeCoreService("edgecore", "loaded", "active", "running", since=NOW - HOUR, at=NOW)
OWN = X509("O = system:nodes, CN = system:node:edge1", "CN = KubeEdge", NOW - 100 * DAY, NOW + 265 * DAY, "AA:BB")


def judged(check: Check, *facts: Any) -> Verdict:
    verdict = asked.verdict(check, *facts)
    assert isinstance(verdict, Verdict)
    assert str(verdict.text)
    assert "{" not in str(verdict.text)
    return verdict


# ---------------------------------------------------------------------------------------- KE210, KE211, KE215


def certificate(mtime: datetime | None = None, at: datetime | None = NOW, **changes: Any) -> EdgeCertificate:
    return EdgeCertificate("/c", replace(OWN, **changes), mtime, at)


CLOUD_CA = All[CloudCa]({"cloud1": CloudCa("https://x", X509("CN=KubeEdge", fingerprint="AA:BB"))})
NOBODY = All[CloudCa]({})


@pytest.mark.parametrize(
    ("own", "cloud", "status", "words"),
    [
        (certificate(), CLOUD_CA, Status.PASS, "valid"),
        (certificate(), NOBODY, Status.PASS, "valid"),
        (certificate(at=None), CLOUD_CA, Status.PASS, "valid"),
        (certificate(not_after=NOW - DAY), CLOUD_CA, Status.FAIL, "expired"),
        (certificate(not_before=NOW + DAY), CLOUD_CA, Status.FAIL, "clock is slow"),
        (certificate(not_before=NOW - 350 * DAY, not_after=NOW + 15 * DAY), CLOUD_CA, Status.WARN, "nine tenths"),
        (certificate(subject="CN = system:node:other"), CLOUD_CA, Status.WARN, "system:node:other"),
        (certificate(subject="CN=system:node:EDGE1"), CLOUD_CA, Status.PASS, "valid"),
        (certificate(subject="O = KubeEdge, CN = kubeedge.io"), CLOUD_CA, Status.PASS, "valid"),
        (certificate(issuer="CN = Mallory"), CLOUD_CA, Status.FAIL, "Mallory"),
        (certificate(issuer="CN = Mallory"), NOBODY, Status.PASS, "valid"),
        (certificate(mtime=NOW), CLOUD_CA, Status.WARN, "old one"),
        (certificate(mtime=NOW - HOUR), CLOUD_CA, Status.PASS, "valid"),
        (MISSING, CLOUD_CA, Status.SKIP, "no certificate"),
        (UNKNOWN, CLOUD_CA, Status.UNKNOWN, "not recorded"),
    ],
)
def test_the_certificate_of_an_edge(own: Any, cloud: All[CloudCa], status: Status, words: str) -> None:
    found = judged(edge_certificate_is_valid, "edge1", own, CONFIG, SERVICE, cloud)
    assert found.status is status, found.text
    assert words in str(found.text)


@pytest.mark.parametrize(
    ("own", "token", "status"),
    [
        (certificate(), False, Status.PASS),
        (MISSING, True, Status.WARN),
        (MISSING, False, Status.FAIL),
        (UNKNOWN, False, Status.UNKNOWN),
    ],
)
def test_an_edge_needs_a_certificate_or_a_token(own: Any, token: bool, status: Status) -> None:
    assert judged(edge_can_prove_who_it_is, "edge1", own, replace(CONFIG, has_token=token)).status is status


def test_the_ca_of_edge_and_cloud_are_compared() -> None:
    assert judged(edge_trusts_the_clouds_ca, "edge1", EdgeCa("/ca", OWN), CLOUD_CA).status is Status.PASS
    other = EdgeCa("/ca", replace(OWN, fingerprint="CC:DD"))
    found = judged(edge_trusts_the_clouds_ca, "edge1", other, CLOUD_CA)
    assert (found.status, found.expected, found.seen) == (Status.FAIL, "AA:BB", "CC:DD")
    assert judged(edge_trusts_the_clouds_ca, "edge1", EdgeCa("/ca", OWN), NOBODY).status is Status.UNKNOWN
    assert judged(edge_trusts_the_clouds_ca, "edge1", MISSING, CLOUD_CA).status is Status.SKIP


# --------------------------------------------------------------------------------------------- KE114, KE305


@pytest.mark.parametrize(
    ("left", "status"), [(265 * DAY, Status.PASS), (10 * DAY, Status.WARN), (-1 * DAY, Status.WARN)]
)
def test_the_stream_certificate(left: timedelta, status: Status) -> None:
    shown = StreamCertificate((("10.0.0.1:10003", replace(OWN, not_after=NOW + left)),), NOW)
    assert judged(stream_certificate_is_in_date, All({"cloud1": shown, "cloud2": UNKNOWN})).status is status
    assert judged(stream_certificate_is_in_date, All({"cloud1": UNKNOWN})).status is Status.UNKNOWN


def test_of_two_stream_certificates_the_expired_one_is_told() -> None:
    ends = {"10.0.0.1:10003": 20 * DAY, "10.0.0.2:10003": -1 * DAY}
    shown = tuple((address, replace(OWN, not_after=NOW + left)) for address, left in ends.items())
    verdict = judged(stream_certificate_is_in_date, All({"cloud1": StreamCertificate(shown, NOW)}))
    assert str(verdict.text).startswith("CloudStream's certificate at 10.0.0.2:10003 expired on")


def sockets(*ports: int, **more: Any) -> Established:
    return Established(tuple(Socket("10.0.0.9", 1, "10.0.0.1", port, "edgecore", 7, **more) for port in ports))


@pytest.mark.parametrize(
    ("outcome", "open_tunnel", "status"),
    [
        (Handshake.ACCEPTED, False, Status.PASS),
        (Handshake.REJECTED, True, Status.FAIL),
        (Handshake.NOT_TLS, False, Status.FAIL),
        (Handshake.UNREACHED, False, Status.UNKNOWN),
        (Handshake.NO_CERTIFICATE, False, Status.UNKNOWN),
        (Handshake.UNDECIDED, True, Status.PASS),
        (Handshake.UNDECIDED, False, Status.UNKNOWN),
    ],
)
def test_the_handshake(outcome: Handshake, open_tunnel: bool, status: Status) -> None:
    tls = TunnelTls("10.0.0.1:10004", outcome, "alert unknown ca")
    seen = sockets(10004) if open_tunnel else sockets(10000)
    assert judged(tunnel_port_accepts_the_edge, "edge1", tls, CONFIG, seen).status is status


# ------------------------------------------------------------------------------------------ KE208, KE209, KE214


@pytest.mark.parametrize(
    ("changed", "enable", "loaded", "ports", "status"),
    [
        (NOW - 2 * HOUR, True, None, (10004,), Status.PASS),
        (SERVICE.since, True, None, (10004,), Status.PASS),
        (NOW - HOUR + timedelta(seconds=1), True, None, (10004,), Status.PASS),
        (NOW, True, None, (10004,), Status.WARN),
        (NOW, True, None, (10000,), Status.FAIL),
        (NOW, False, None, (10000,), Status.WARN),
        (NOW - 2 * HOUR, True, False, (10000,), Status.FAIL),
        (NOW - HOUR + timedelta(seconds=1), True, False, (10000,), Status.FAIL),
        (NOW - HOUR + timedelta(seconds=1), False, True, (10004,), Status.WARN),
        (NOW, True, True, (10000,), Status.WARN),
        (None, True, None, (10004,), Status.UNKNOWN),
    ],
)
def test_whether_the_file_is_in_force(
    changed: datetime | None, enable: bool, loaded: bool | None, ports: tuple[int, ...], status: Status
) -> None:
    config = replace(CONFIG, mtime=changed, edge_stream=replace(CONFIG.edge_stream, enable=enable))
    found = judged(configuration_is_loaded, "edge1", config, SERVICE, sockets(*ports), EdgeCoreLog((), 9, loaded))
    assert found.status is status, found.text


def test_without_sockets_and_journal_a_later_change_is_only_a_warning() -> None:
    found = judged(configuration_is_loaded, "edge1", replace(CONFIG, mtime=NOW), SERVICE, UNKNOWN, UNKNOWN)
    assert found.status is Status.WARN


@pytest.mark.parametrize(
    ("health", "status", "words"),
    [
        (EdgedHealth("u", 200, "ok"), Status.PASS, "answers"),
        (EdgedHealth("u", 500, "[-]syncloop"), Status.FAIL, "500"),
        (EdgedHealth("u", 0, "", "curl: (7) Failed to connect"), Status.FAIL, "hang"),
    ],
)
def test_edged(health: EdgedHealth, status: Status, words: str) -> None:
    found = judged(edged_answers, "edge1", health)
    assert found.status is status
    assert words in str(found.text)


def hit(name: str, topic: str = "tunnel") -> LogHit:
    return LogHit(name, _("the meaning of it"), "E1122 …", 7, topic=topic)


def test_a_standing_tunnel_contradicts_what_the_journal_says_of_it() -> None:
    log = EdgeCoreLog((hit("tunnel-refused"),), 9)
    assert judged(journal_holds_no_failure, "edge1", log, CONFIG, sockets(10004)).status is Status.PASS
    found = judged(journal_holds_no_failure, "edge1", log, CONFIG, sockets(10000))
    assert (found.status, found.line) == (Status.WARN, 7)
    stuck = judged(journal_holds_no_failure, "edge1", log, CONFIG, sockets(10004, send_queue=3743))
    assert stuck.status is Status.WARN
    other = EdgeCoreLog((hit("edged-down", "edged"),), 9)
    assert judged(journal_holds_no_failure, "edge1", other, CONFIG, sockets(10004)).status is Status.WARN


# ------------------------------------------------------------------------------------- KE212, KE213, KE216, KE307


@pytest.mark.parametrize(
    ("load", "active", "images", "status"),
    [
        ("loaded", "active", UNKNOWN, Status.PASS),
        ("loaded", "inactive", UNKNOWN, Status.FAIL),
        ("loaded", "failed", ImageList(frozenset({"a"}), "ctr"), Status.FAIL),
        ("not-found", "inactive", ImageList(frozenset({"a"}), "crictl"), Status.PASS),
        ("not-found", "inactive", UNKNOWN, Status.WARN),
    ],
)
def test_the_container_runtime(load: str, active: str, images: Any, status: Status) -> None:
    service = RuntimeService("containerd", load, active)
    assert judged(runtime_runs_and_answers, "edge1", service, images).status is status


GIB = 1 << 30


@pytest.mark.parametrize(
    ("room", "status", "words"),
    [
        (Headroom((Volume("/", 9 * GIB, 5 * GIB),), (Volume("/", 9, 8),), Volume("m", 4 * GIB, GIB), 200, 32768),
         Status.PASS, "head-room"),
        (Headroom((Volume("/", 100 * GIB, 5 * GIB),)), Status.WARN, "5.0 %"),
        (Headroom((Volume("/", 1000 * GIB, 5 * GIB),)), Status.FAIL, "evicts"),
        (Headroom(inodes=(Volume("/", 1000, 30),)), Status.FAIL, "inodes"),
        (Headroom(memory=Volume("m", GIB, 100 << 20)), Status.WARN, "100 MiB"),
        (Headroom(memory=Volume("m", GIB, 40 << 20)), Status.FAIL, "40 MiB"),
        (Headroom(tasks=32000, most_tasks=32768), Status.WARN, "32000"),
        (Headroom(disks=(Volume("/", 0, 0),)), Status.PASS, "head-room"),
    ],
)  # fmt: skip
def test_headroom(room: Headroom, status: Status, words: str) -> None:
    found = judged(edge_has_headroom, "edge1", room)
    assert found.status is status
    assert words in str(found.text)


@pytest.mark.parametrize(
    ("config", "seen", "status"),
    [
        (CONFIG, sockets(10000), Status.PASS),
        (CONFIG, sockets(10004), Status.FAIL),
        (CONFIG, sockets(10000, send_queue=5000, retransmits=9), Status.FAIL),
        (replace(CONFIG, hub_server="cloud.example:10000"), sockets(10000), Status.PASS),
        (replace(CONFIG, hub_quic_enable=True, hub_websocket_enable=False), sockets(), Status.UNKNOWN),
    ],
)
def test_the_hub(config: EdgeCoreConfig, seen: Established, status: Status) -> None:
    assert judged(hub_is_connected, "edge1", config, seen).status is status


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome.ANSWERED, Status.PASS),
        (Outcome.NO_SESSION, Status.FAIL),
        (Outcome.EMPTY, Status.FAIL),
        (Outcome.EOF, Status.FAIL),
        (Outcome.HANG, Status.FAIL),
        (Outcome.REFUSED, Status.UNKNOWN),
        (Outcome.CERTIFICATE, Status.UNKNOWN),
    ],
)
def test_the_session(outcome: Outcome, status: Status) -> None:
    said = judged(cloudstream_has_a_session, "edge1", NodeProxy(outcome), UNKNOWN)
    assert said.status is status
    assert ("edge1 itself would tell why" in str(said.text)) is (status is Status.FAIL)
    assert "would tell" not in str(judged(cloudstream_has_a_session, "edge1", NodeProxy(outcome), HostAccess()).text)


def test_a_request_that_hangs_tells_a_short_queue_is_stuck() -> None:
    seen = sockets(10004, send_queue=90)
    assert judged(tunnel_stands, "edge1", CONFIG, seen, UNKNOWN, NodeProxy(Outcome.HANG)).status is Status.FAIL
    assert judged(tunnel_stands, "edge1", CONFIG, seen, UNKNOWN, NodeProxy(Outcome.ANSWERED)).status is Status.PASS
    idle = sockets(10004)
    assert judged(tunnel_stands, "edge1", CONFIG, idle, UNKNOWN, NodeProxy(Outcome.HANG)).status is Status.PASS
