"""EdgeCore, EdgeStream, the way to the tunnel port and the tunnel itself, judged from plain facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from checks.edgecore import configuration_is_readable, service_is_running
from checks.edgestream import edgestream_is_enabled, server_is_a_cloudcore
from checks.path import apiserver_host_reaches_cloudstream, cloudcore_listens, edge_reaches_the_tunnel_server
from checks.tunnel import tunnel_stands
from kedge.facts.cloudcore import CloudCore, CloudCoreConfig, CloudExposure, CloudStream
from kedge.facts.edgecore import EdgeCoreConfig, EdgeCoreService, EdgeStream
from kedge.facts.network import Established, Listening, Reach, Socket, StreamReach, TcpReach, TunnelReach
from kedge.facts.pods import Pod
from kedge.i18n import _
from kedge.model import Reason, Status, Unknown, Verdict
from kedge.plugins import All, Check
from tests.unit import asked

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
UNKNOWN = Unknown(Reason.NOT_RECORDED, _("not recorded"))
SERVER = "10.99.0.10:10004"
V2 = "edgecore.config.kubeedge.io/v1alpha2"
RUNNING = EdgeCoreService("edgecore", "loaded", "active", "running", "enabled", "success",
                          since=NOW - timedelta(hours=1), at=NOW)  # fmt: skip
CORE = CloudCore(pods=(Pod("kubeedge", "c", phase="Running", ready=True, pod_ip="10.99.0.10"),))


def judged(check: Check, *facts: Any) -> Verdict:
    # Trailing facts that a test does not name: nobody knows any.
    verdict = asked.verdict(check, "edge1", *facts)
    assert isinstance(verdict, Verdict)
    assert str(verdict.text)
    assert "{" not in str(verdict.text)
    return verdict


# --------------------------------------------------------------------------------------------------- KE204


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({}, Status.PASS, "runs"),
        ({"restarts": 20}, Status.PASS, "runs"),
        ({"sub": ""}, Status.PASS, "runs"),
        ({"unit_file": "disabled"}, Status.WARN, "not enabled"),
        ({"restarts": 3, "since": NOW - timedelta(seconds=5)}, Status.WARN, "loop"),
        ({"since": NOW - timedelta(seconds=5)}, Status.PASS, "runs"),
        ({"active": "activating", "sub": "start"}, Status.WARN, "activating"),
        ({"active": "activating", "sub": "auto-restart", "exit_code": 1, "exit_status": 2, "restarts": 7}, Status.FAIL,
         "last exit status 2"),
        ({"active": "failed", "sub": "failed", "exit_code": 2, "exit_status": 9}, Status.FAIL, "killed by signal 9"),
        ({"active": "failed", "sub": "failed", "result": "timeout"}, Status.FAIL, "result: timeout"),
        ({"active": "inactive", "sub": "dead", "exit_code": 1}, Status.FAIL, "without an error"),
        ({"active": "inactive", "sub": "dead", "exit_code": 1, "exit_status": 2}, Status.FAIL, "last exit status 2"),
        ({"load": "not-found", "active": "inactive", "sub": "dead"}, Status.FAIL, "no systemd unit"),
        ({"load": "masked", "active": "inactive", "sub": "dead"}, Status.FAIL, "masked"),
    ],
)  # fmt: skip
def test_the_service(changes: dict[str, Any], status: Status, words: str) -> None:
    found = judged(service_is_running, replace(RUNNING, **changes))
    assert found.status is status
    assert words in str(found.text)


def test_a_unit_that_cannot_be_started_offers_no_restart() -> None:
    assert judged(service_is_running, replace(RUNNING, load="not-found", active="inactive")).fixes == ()


# --------------------------------------------------------------------------------------------------- KE205


@pytest.mark.parametrize(
    ("config", "status"),
    [
        (EdgeCoreConfig("/e", V2), Status.PASS),
        (EdgeCoreConfig("/e", V2.replace("alpha2", "alpha1")), Status.PASS),
        (EdgeCoreConfig("/e", "edgecore.config.kubeedge.io/v1beta9"), Status.WARN),
        (EdgeCoreConfig("/e"), Status.WARN),
        (Unknown(Reason.MISSING, _("no file")), Status.FAIL),
        (Unknown(Reason.DENIED, _("denied")), Status.UNKNOWN),
        (Unknown(Reason.NO_SSH, _("no ssh")), Status.UNKNOWN),
    ],
)
def test_the_configuration_file(config: EdgeCoreConfig | Unknown, status: Status) -> None:
    assert judged(configuration_is_readable, config).status is status


def test_a_broken_file_fails_at_its_line() -> None:
    found = judged(configuration_is_readable, Unknown(Reason.UNPARSABLE, _("broken"), 48, 3))
    assert (found.status, found.line) == (Status.FAIL, 48)


# ------------------------------------------------------------------------------------------- KE206 and KE207


def config(server: str = SERVER, enable: bool = True, hub: str = "10.99.0.10:10000", line: int = 22) -> EdgeCoreConfig:
    stream = EdgeStream(enable, server, enable_line=line, server_line=25)
    return EdgeCoreConfig("/etc/kubeedge/config/edgecore.yaml", V2, stream, hub_server=hub)


def test_edgestream_is_on_or_off_at_its_line() -> None:
    assert judged(edgestream_is_enabled, config()).status is Status.PASS
    off = judged(edgestream_is_enabled, config(enable=False))
    assert (off.status, off.line) == (Status.FAIL, 22)
    assert off.seen == "modules.edgeStream.enable: false"
    absent = judged(edgestream_is_enabled, config(enable=False, line=0))
    assert "not set" in str(absent.seen)


def socket(port: int = 10004, ip: str = "10.99.0.10", process: str = "edgecore", **more: Any) -> Socket:
    return Socket("10.99.0.21", 40000, ip, port, process, 1, **more)


def reach(outcome: Reach, host: str = "10.99.0.10", port: int = 10004) -> TunnelReach:
    return TunnelReach(host, port, outcome)


NODE_PORTS = CloudExposure("NodePort", node_ports=((10000, 30000), (10004, 30004)), addresses=frozenset({"10.99.0.10"}))


@pytest.mark.parametrize(
    ("own", "core", "exposure", "sockets", "way", "status"),
    [
        (config(), CORE, UNKNOWN, UNKNOWN, UNKNOWN, Status.PASS),
        (config("10.99.0.11:10004"), CORE, UNKNOWN, UNKNOWN, UNKNOWN, Status.FAIL),
        (config("127.0.0.1:10004"), CORE, UNKNOWN, UNKNOWN, reach(Reach.REFUSED), Status.FAIL),
        (config("10.99.0.10:10003"), CORE, UNKNOWN, UNKNOWN, reach(Reach.OPEN), Status.FAIL),
        (config("10.99.0.10:10000"), CORE, UNKNOWN, UNKNOWN, reach(Reach.OPEN), Status.FAIL),
        (config("10.99.0.10"), CORE, UNKNOWN, UNKNOWN, UNKNOWN, Status.FAIL),
        (config(""), CORE, UNKNOWN, UNKNOWN, UNKNOWN, Status.FAIL),
        # A tunnel that stands proves any address; a hub connection proves its host.
        (config("203.0.113.7:20004"), CORE, UNKNOWN, Established((socket(20004, "203.0.113.7"),)), UNKNOWN,
         Status.PASS),
        (config("203.0.113.7:10004", hub="203.0.113.7:10000"), CORE, UNKNOWN,
         Established((socket(10000, "203.0.113.7"),)), reach(Reach.REFUSED), Status.PASS),
        (config("cloud.example:10004", hub="cloud.example:10000"), UNKNOWN, UNKNOWN,
         Established((socket(10000),)), UNKNOWN, Status.PASS),
        # Something answers where CloudCore is not known to be: NAT or a load balancer nobody told us of.
        (config("203.0.113.7:10004"), CORE, UNKNOWN, UNKNOWN, reach(Reach.OPEN), Status.WARN),
        (config("203.0.113.7:10004"), CORE, UNKNOWN, UNKNOWN, reach(Reach.FILTERED), Status.FAIL),
        # NodePorts: keadm writes 10004 even then.
        (config("10.99.0.10:30004", hub="10.99.0.10:30000"), CORE, NODE_PORTS, UNKNOWN, UNKNOWN, Status.PASS),
        (config(SERVER, hub="10.99.0.10:30000"), CORE, NODE_PORTS, UNKNOWN, reach(Reach.REFUSED), Status.FAIL),
        (config(SERVER, hub="10.99.0.10:30000"), CORE, NODE_PORTS, UNKNOWN, reach(Reach.OPEN), Status.PASS),
        (config("10.99.0.10:30004"), CORE, NODE_PORTS, UNKNOWN, reach(Reach.OPEN), Status.PASS),
        (config(), UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, Status.UNKNOWN),
        (config(), CloudCore(), UNKNOWN, Established(), UNKNOWN, Status.UNKNOWN),
    ],
)  # fmt: skip
def test_the_server(own: Any, core: Any, exposure: Any, sockets: Any, way: Any, status: Status) -> None:
    found = judged(server_is_a_cloudcore, own, CloudCoreConfig(""), core, exposure, sockets, way)
    assert found.status is status, found.text


def test_a_wrong_server_is_told_with_the_right_one() -> None:
    own, refused = config("127.0.0.1:10004"), reach(Reach.REFUSED)
    found = judged(server_is_a_cloudcore, own, CloudCoreConfig(""), CORE, UNKNOWN, UNKNOWN, refused)
    assert found.expected == "modules.edgeStream.server: 10.99.0.10:10004"
    assert found.line == 25


def test_another_tunnel_port_is_followed() -> None:
    cloud = CloudCoreConfig("", cloud_stream=CloudStream(True, tunnel_port=20004))
    found = judged(server_is_a_cloudcore, config(), cloud, CORE, UNKNOWN, UNKNOWN, UNKNOWN)
    assert found.status is Status.FAIL
    assert "20004" in str(found.expected)


# ----------------------------------------------------------------------------------- KE303, KE304 and KE117


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Reach.REFUSED, "refuses"),
        (Reach.FILTERED, "firewall"),
        (Reach.NO_ROUTE, "no route"),
        (Reach.UNRESOLVED, "resolve"),
    ],
)
def test_ways_of_not_reaching_a_port_are_told_apart(outcome: Reach, words: str) -> None:
    found = judged(edge_reaches_the_tunnel_server, reach(outcome, "cloud.example"))
    assert found.status is Status.FAIL
    assert words in str(found.text)
    attempt = StreamReach((TcpReach("10.0.0.1", 10003, outcome),))
    far = judged(apiserver_host_reaches_cloudstream, attempt, CloudCoreConfig(""))
    assert words in str(far.text)
    guessed = judged(apiserver_host_reaches_cloudstream, attempt, UNKNOWN)
    assert guessed.status is Status.UNKNOWN


def test_an_open_port_passes() -> None:
    assert judged(edge_reaches_the_tunnel_server, reach(Reach.OPEN)).status is Status.PASS


def test_every_cloudcore_must_be_reached() -> None:
    attempts = (TcpReach("10.0.0.1", 10003, Reach.OPEN), TcpReach("10.0.0.2", 10003, Reach.REFUSED))
    found = judged(apiserver_host_reaches_cloudstream, StreamReach(attempts), CloudCoreConfig(""))
    assert found.status is Status.FAIL
    assert "10.0.0.2:10003" in str(found.text)


def listening(*ports: int) -> Listening:
    return Listening(tuple(Socket("*", port, "*", 0, "cloudcore") for port in ports))


def test_cloudcore_listens_on_the_ports_of_its_configuration() -> None:
    assert judged(cloudcore_listens, listening(10000, 10003, 10004), UNKNOWN).status is Status.PASS
    other = CloudCoreConfig("", cloud_stream=CloudStream(True, 20003, 20004))
    found = judged(cloudcore_listens, listening(10000, 10003, 10004), other)
    assert found.status is Status.FAIL
    assert "20003, 20004" in str(found.text)
    assert "10000" in str(found.seen)
    guessed = judged(cloudcore_listens, listening(10000), UNKNOWN)
    assert guessed.status is Status.UNKNOWN
    assert "not recorded" in str(guessed.text)


def test_a_port_on_which_cloudcore_listens_is_not_closed_by_the_cloud() -> None:
    cloud = All({"cloud1": listening(10003, 10004)})
    assert judged(edge_reaches_the_tunnel_server, reach(Reach.FILTERED), cloud).explained_by == ("KE207",)
    assert judged(edge_reaches_the_tunnel_server, reach(Reach.FILTERED)).explained_by is None


# --------------------------------------------------------------------------------------------------- KE306


@pytest.mark.parametrize(
    ("sockets", "way", "status"),
    [
        ([socket()], UNKNOWN, Status.PASS),
        ([socket(process="")], UNKNOWN, Status.PASS),
        ([], UNKNOWN, Status.FAIL),
        ([socket(port=10000)], UNKNOWN, Status.FAIL),
        ([socket(process="curl")], UNKNOWN, Status.FAIL),
        ([socket(ip="10.99.0.11")], UNKNOWN, Status.WARN),
        ([socket(send_queue=3743)], UNKNOWN, Status.FAIL),
        ([socket(send_queue=3743)], reach(Reach.OPEN), Status.FAIL),
        ([socket(send_queue=90)], UNKNOWN, Status.PASS),
        ([socket(send_queue=90)], reach(Reach.FILTERED), Status.FAIL),
        # With the timer told, a full queue on a slow line is not taken for a dead peer.
        ([socket(send_queue=90_000, retransmits=0)], reach(Reach.OPEN), Status.PASS),
        ([socket(send_queue=90, retransmits=7)], reach(Reach.OPEN), Status.FAIL),
        ([socket(send_queue=9000), socket()], UNKNOWN, Status.PASS),
    ],
)
def test_the_tunnel(sockets: list[Socket], way: Any, status: Status) -> None:
    found = judged(tunnel_stands, config(), Established(tuple(sockets)), way, UNKNOWN)
    assert found.status is status, found.text


def test_a_half_open_tunnel_shows_its_queue() -> None:
    found = judged(tunnel_stands, config(), Established((socket(send_queue=3743),)), UNKNOWN, UNKNOWN)
    assert found.seen == "10.99.0.10:10004, Send-Q 3743"
    assert "half-open" in str(found.text)


def test_a_server_given_by_name_is_matched_by_its_port() -> None:
    found = judged(tunnel_stands, config("cloud.example:10004"), Established((socket(),)), UNKNOWN, UNKNOWN)
    assert found.status is Status.PASS
