"""The edge and host probes on what a real site answered, state by state."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from kedge.asks import Ask, CaFingerprint
from kedge.facts.certificates import CloudCa, EdgeCa, EdgeCertificate, Handshake, StreamCertificate, TunnelTls
from kedge.facts.cloudcore import CloudCore
from kedge.facts.edgecore import EdgeCoreConfig, EdgeCoreLog, EdgeCoreService, EdgedHealth
from kedge.facts.images import ImageList
from kedge.facts.network import Established, Listening, NatTables, Reach, StreamReach, TunnelReach
from kedge.facts.pods import Pod
from kedge.facts.resources import Headroom
from kedge.facts.services import RuntimeService
from kedge.i18n import _
from kedge.model import Host, Observation, Reason, Role, Unknown
from kedge.plugins import Probe
from kedge.probes import certificates, edgecore, images, journal, nat, network, resources, services
from kedge.recording import Recording, open_recording

RECORDINGS = Path(__file__).parents[1] / "recordings"
STATES = sorted(path.parent.name for path in RECORDINGS.glob("*/meta.json"))
EDGES = ("edge1", "edge2")
CA_URL = "https://10.99.0.10:10002/ca.crt"
NO_CONFIG = Unknown(Reason.NOT_ASKED, _("not asked"))


@cache
def recording(state: str) -> Recording:
    return open_recording(RECORDINGS / state)


def asked(probe: Probe, state: str, host: str, *facts: Any) -> Any:
    """What a probe reads of one host in one recorded state."""
    wanted: Ask | Sequence[Ask] = probe.ask(Host(host, frozenset(Role)), *facts)
    asks = [wanted] if isinstance(wanted, Ask) else list(wanted)
    seen: list[Observation] = asyncio.run(recording(state).hosts[host].observe(asks, deadline=1))
    errors = [one.error for one in seen if one.error]
    if errors and not probe.reads_errors:
        return errors[0]
    assert probe.read is not None
    return probe.read(*seen)


def config_of(state: str, host: str) -> EdgeCoreConfig:
    config = asked(edgecore.edgecore_config, state, host)
    assert isinstance(config, EdgeCoreConfig)
    return config


def at(hour: int, minute: int, second: int) -> datetime:
    return datetime(2026, 11, 22, hour, minute, second, tzinfo=UTC)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("edge", EDGES)
def test_the_configuration_is_read_in_every_state(state: str, edge: str) -> None:
    config = config_of(state, edge)
    assert config.api_version == "edgecore.config.kubeedge.io/v1alpha2"
    assert config.edge_stream.enable is not (state == "edgestream-disabled" and edge == "edge1")
    assert config.edge_stream.server == "10.99.0.10:10004"
    assert config.text.splitlines()[config.edge_stream.enable_line - 1].strip().startswith("enable:")
    assert config.text.splitlines()[config.edge_stream.server_line - 1].strip() == "server: 10.99.0.10:10004"
    assert config.hub_server == "10.99.0.10:10000"
    assert config.hub_http_server == "https://10.99.0.10:10002"
    assert config.hostname_override == edge
    assert not config.has_token
    assert config.mtime is not None


def test_the_configuration_has_the_time_it_was_written() -> None:
    assert config_of("healthy", "edge1").mtime == at(9, 32, 2)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("edge", EDGES)
def test_the_service_runs_unless_it_was_stopped(state: str, edge: str) -> None:
    service = asked(services.edgecore_service, state, edge)
    assert isinstance(service, EdgeCoreService)
    assert service.is_running is not (state == "edgecore-stopped" and edge == "edge1")
    assert (service.load, service.unit_file) == ("loaded", "enabled")
    assert service.since is not None
    assert service.at is not None


def test_a_stopped_service_keeps_its_last_exit() -> None:
    service = asked(services.edgecore_service, "edgecore-stopped", "edge1")
    assert (service.active, service.sub, service.main_pid) == ("inactive", "dead", 0)
    assert (service.exit_code, service.exit_status) == (1, 0)
    assert service.since == at(9, 52, 3)


def test_is_active_alone_tells_whether_the_runtime_runs() -> None:
    service = asked(services.runtime_service, "healthy", "edge1", NO_CONFIG)
    assert isinstance(service, RuntimeService)
    assert (service.unit, service.active, service.is_running) == ("containerd", "active", True)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("edge", EDGES)
def test_the_way_to_the_tunnel_server(state: str, edge: str) -> None:
    reach = asked(network.tunnel_reach, state, edge, config_of(state, edge))
    assert isinstance(reach, TunnelReach)
    expected = {"tunnel-port-blocked": Reach.FILTERED, "cloudstream-disabled": Reach.REFUSED}
    assert reach.outcome is expected.get(state, Reach.OPEN)
    assert (reach.host, reach.port) == ("10.99.0.10", 10004)


@pytest.mark.parametrize("state", STATES)
def test_the_way_to_the_stream_server(state: str) -> None:
    cloudcore = CloudCore(pods=(Pod("kubeedge", "c", phase="Running", ready=True, pod_ip="10.99.0.10"),))
    reach = asked(network.stream_reach, state, "cloud1", cloudcore, NO_CONFIG, NO_CONFIG)
    assert isinstance(reach, StreamReach)
    assert [a.outcome for a in reach.attempts] == [Reach.REFUSED if state == "cloudstream-disabled" else Reach.OPEN]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("edge", EDGES)
def test_tunnel_connections_and_their_send_queues(state: str, edge: str) -> None:
    sockets = asked(network.established_sockets, state, edge)
    assert isinstance(sockets, Established)
    tunnels = [s for s in sockets.sockets if s.peer_port == 10004]
    gone = state == "cloudstream-disabled" or (state, edge) in {
        ("edgestream-disabled", "edge1"),
        ("edgecore-stopped", "edge1"),
    }
    assert len(tunnels) == (0 if gone else 1)
    for tunnel in tunnels:
        assert (tunnel.process, tunnel.peer_ip) == ("edgecore", "10.99.0.10")
        assert tunnel.pid > 0
        assert (tunnel.send_queue > 3000) is (state == "tunnel-port-blocked")


@pytest.mark.parametrize("state", STATES)
def test_what_cloudcore_listens_on(state: str) -> None:
    listening = asked(network.listening_sockets, state, "cloud1")
    assert isinstance(listening, Listening)
    ports = {s.local_port for s in listening.sockets if s.process == "cloudcore"}
    assert {10000, 10002} <= ports
    assert ({10003, 10004} <= ports) is (state != "cloudstream-disabled")
    assert {s.local_port for s in listening.sockets if s.process == "kube-apiserver"} == {6443}


@pytest.mark.parametrize("state", STATES)
def test_nat_rules_of_both_backends(state: str) -> None:
    tables = asked(nat.nat_tables, state, "cloud1")
    assert isinstance(tables, NatTables)
    assert (tables.default_backend, set(tables.backends)) == ("nft", {"nft", "legacy"})
    assert not tables.managed
    own = [rule for rule in tables.chain("OUTPUT", "nft") if rule.to and rule.to[1] == 10003]
    if state.startswith("dnat-missing"):
        assert not own
    else:
        port = 10350 if state == "dnat-guide-port" else 10351
        assert [(r.dports, r.to, r.position) for r in own] == [(((port, port),), ("10.99.0.10", 10003), 2)]
    assert not tables.chain("OUTPUT", "legacy")


@pytest.mark.parametrize("state", STATES)
def test_images_of_the_cloud_host(state: str) -> None:
    listed = asked(images.image_list, state, "cloud1")
    assert isinstance(listed, ImageList)
    assert listed.tool == "ctr"
    wanted = "registry.k8s.io/metrics-server/metrics-server:v0.4.1"
    assert listed.has(wanted) is (state != "metrics-image-missing")
    assert listed.has("nginx")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("edge", EDGES)
def test_edged_answers_unless_edgecore_is_stopped(state: str, edge: str) -> None:
    health = asked(edgecore.edged_health, state, edge)
    assert isinstance(health, EdgedHealth)
    if (state, edge) == ("edgecore-stopped", "edge1"):
        assert health.status == 0
        assert "Failed to connect" in health.problem
    else:
        assert (health.status, health.body) == (200, "ok")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("edge", EDGES)
def test_certificates_of_an_edge_and_its_cloud(state: str, edge: str) -> None:
    own = asked(certificates.edge_certificate, state, edge, NO_CONFIG)
    assert isinstance(own, EdgeCertificate)
    assert own.x509.common_name == f"system:node:{edge}"
    assert own.x509.not_before is not None
    assert own.at is not None
    ca = asked(certificates.edge_ca, state, edge, NO_CONFIG)
    assert isinstance(ca, EdgeCa)
    handed = certificates.read_cloud_ca(
        asyncio.run(recording(state).hosts["cloud1"].observe([CaFingerprint(CA_URL)], deadline=1))[0]
    )
    assert isinstance(handed, CloudCa)
    assert ca.x509.fingerprint == handed.x509.fingerprint != ""


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("edge", EDGES)
def test_the_handshake_with_the_tunnel_port(state: str, edge: str) -> None:
    tls = asked(certificates.tunnel_tls, state, edge, config_of(state, edge))
    assert isinstance(tls, TunnelTls)
    unreached = state in ("tunnel-port-blocked", "cloudstream-disabled")
    # Where the recorded report ends before the server spoke, nothing is claimed.
    assert tls.outcome in ({Handshake.UNREACHED} if unreached else {Handshake.ACCEPTED, Handshake.UNDECIDED})


@pytest.mark.parametrize("state", STATES)
def test_the_certificate_of_the_stream_port(state: str) -> None:
    cloudcore = CloudCore(pods=(Pod("kubeedge", "c", phase="Running", ready=True, pod_ip="10.99.0.10"),))
    found = asked(certificates.stream_certificate, state, "cloud1", cloudcore, NO_CONFIG)
    if state == "cloudstream-disabled":
        assert isinstance(found, Unknown)
        return
    assert isinstance(found, StreamCertificate)
    assert found.shown[0][1].names == ("cloudcore.kubeedge", "cloudcore.kubeedge.svc")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("edge", EDGES)
def test_the_journal_holds_only_what_still_stands(state: str, edge: str) -> None:
    log = asked(journal.edgecore_log, state, edge)
    assert isinstance(log, EdgeCoreLog)
    expected = {
        ("edgestream-disabled", "edge1"): {"edgestream-disabled"},
        ("cloudstream-disabled", "edge1"): {"tunnel-refused"},
        ("cloudstream-disabled", "edge2"): {"tunnel-refused"},
    }
    assert {hit.id for hit in log.hits} == expected.get((state, edge), set())


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("edge", EDGES)
def test_the_head_room_of_an_edge(state: str, edge: str) -> None:
    room = asked(resources.headroom, state, edge)
    assert isinstance(room, Headroom)
    assert [(d.mount, d.total >> 30, d.free >> 30) for d in room.disks] == [("/", 252, 57)]
    assert room.inodes[0].free_share > 0.9
    assert room.memory is not None
    assert room.memory.free > 1 << 30
    assert room.tasks > 0
