"""Every row of the log tables (facts 4, 8) is known: as a failure with its check, or as meaning nothing."""

from __future__ import annotations

import pytest

from kedge.logs.classify import classify
from kedge.logs.signatures import CLOUDCORE, EDGECORE, METRICS_SERVER, Signature
from kedge.registry import discover

DIAL = "dial wss://H:10004/v1/kubeedge/connect error "
SESSION = "Failed to get exec, err: add apiServer exec connection into Tunnel session [n] error "
TLS = "http: TLS handshake error from 1.2.3.4:5: "

CLOUD_FAILURES = [
    ("Module cloudStream is disabled, do not register", "KE112"),
    ("Failed to get container logs, err: can not find n session ", "KE307"),
    ("Failed to get attach, err: attach: can not find n session ", "KE307"),
    ("Failed to get metrics, err: can not find 10.0.0.1 session ", "KE307"),
    ("Failed to get exec, err: can not get session key: get pod a/b failed: forbidden", "KE501"),
    (SESSION + "the tunnel connection of Tunnel session [n] has closed", "KE307"),
    ("Failed to get exec, err: request was not an upgrade", "KE303"),
    ("get Tunnel session [n] reader error websocket: close 1006 (abnormal closure): unexpected EOF", "KE306"),
    ("Read message from tunnel 1.2.3.4:5 error EOF", "KE306"),
    ("Websocket message type must be 1 type", "KE306"),
    ("Failed to upgrade the HTTP server connection to the WebSocket protocol: x", "KE303"),
    ('Failed while getting a Node to retry updating node KubeletEndpoint Port, node: n, error: nodes "n" no', "KE301"),
    ("Failed to update node KubeletEndpoint Port, node: n, tunnelPort: 10351, err: x", "KE301"),
    ("Update KubeletEndpoint Port of Node 'n' error: timed out waiting for the condition. ", "KE301"),
    ("Start tunnelServer error listen tcp :10004: bind: address already in use", "KE117"),
    ("Start stream server error listen tcp :10003: bind: address already in use", "KE117"),
    ("Read tls stream ca file error open /etc/kubeedge/ca/streamCA.crt: no such file or directory", "KE114"),
    ("Failed to load TLSTunnelCert and Key", "KE110"),
    ("Both of tunnelCert and key should be specified!", "KE110"),
    ('[ TLSStreamPrivateKeyFile: Invalid value: "x": TLSStreamPrivateKeyFile not exist]', "KE114"),
    (TLS + "tls: failed to verify client certificate: x509: certificate signed by unknown authority", "KE305"),
    (TLS + "tls: failed to verify certificate: x509: certificate signed by unknown authority", "KE305"),
    (TLS + "x509: certificate has expired or is not yet valid: x", "KE305"),
    (TLS + "remote error: tls: bad certificate", "KE114"),
    (TLS + "remote error: tls: unknown certificate authority", "KE114"),
    ('"Failed to ensure chain exists" err="error creating chain \\"TUNNEL-PORT\\": x" table="nat"', "KE302"),
    ('"Failed to ensure chain jumps"', "KE302"),
    ('"Failed to ensure rules"', "KE302"),
    ("failed to get added and deleted CloudCore ip and port in iptables manager: failed to get tunnel-port configmap "
     "for iptables manager", "KE118"),
    ("failed to get tunnel port record", "KE118"),
    ("unable to sync caches for iptables manager", "KE302"),
    ("Failed to build config, err: x", "KE302"),
    ("can't initialize iptables table 'nat': Table does not exist (do you need to insmod?)", "KE302"),
    ("Fail to serve node n, reach node limit", "KE216"),
    ('The connection is rejected by CloudHub: node="n", error=x', "KE216"),
    ("timeout to receive keepalive for node n", "KE216"),
    ("edge node n for project e632aba927ea4ac2b575ec1603d56f10 disConnected", "KE216"),
]  # fmt: skip

CLOUD_QUIET = [
    "Module cloudStream registered successfully",
    "Succeed in loading TunnelCA from CloudHub",
    "Succeed in loading TunnelCert and Key from local directory",
    "Prepare to start tunnel server ...",
    "Prepare to start stream server ...",
    "get a new tunnel agent hostname n, internalIP 1.2.3.4",
    "Update node KubeletEndpoint Port successfully, node: n, tunnelPort: 10351",
    "Add a new apiserver connection APIServer_LogsConnection MessageID 1 in to Tunnel session [n]",
    "APIServer_LogsConnection MessageID 1 end successful",
    "APIServer_LogsConnection MessageID 1 send close message to edge successfully",
    "Delete a apiserver connection APIServer_LogsConnection MessageID 1 from Tunnel session [n]",
    "apiconnection Serve APIServer_LogsConnection MessageID 1 in Tunnel session [n] error APIServer_LogsConnection "
    "MessageID 1 find edge peer done, so stop this connection",
    "Proxy tunnel message [MESSAGE: connectID 1 messageType 2] to kube-apiserver error can not find apiServer conn"
    "ection id 1 in Tunnel session [n]",
    TLS + "tls: client didn't provide a certificate",
    TLS + "EOF",
    "failed to delete all rules in tunnel port iptables chain: x",
    "will delete CloudCore pod record, ip = 1.2.3.4",
    "edge node n for project e632aba927ea4ac2b575ec1603d56f10 connected",
    "node n is deleted, message for node will be cleaned up",
]

EDGE_FAILURES = [
    ("Module edgestream is disabled, do not register", "KE206"),
    (DIAL + "dial tcp H:10004: connect: connection refused", "KE303"),
    (DIAL + "dial tcp H:10004: i/o timeout", "KE303"),
    (DIAL + "dial tcp H:10004: connect: no route to host", "KE303"),
    (DIAL + "dial tcp: lookup H: no such host", "KE303"),
    (DIAL + "remote error: tls: bad certificate", "KE305"),
    (DIAL + "remote error: tls: unknown certificate authority", "KE305"),
    (DIAL + "remote error: tls: expired certificate", "KE305"),
    (DIAL + "remote error: tls: certificate required", "KE305"),
    (DIAL + "remote error: tls: handshake failure", "KE305"),
    (DIAL + "websocket: bad handshake", "KE207"),
    ("TLSClientConnect error close tunnel stream connection, error:failed to Update KubeletEndpoint Port", "KE301"),
    ("Read Message error websocket: close 1006 (abnormal closure): unexpected EOF", "KE306"),
    ("write ping message error write tcp x", "KE306"),
    ("Failed to load x509 key pair: open x", "KE215"),
    ("Failed to find cert key pair", "KE215"),
    ("TLSClientConnect error failed to get Local IP address: can not get any usable node IP", "KE306"),
    (
        'request logs error Get "http://127.0.0.1:10350/x": dial tcp 127.0.0.1:10350: connect: connection refused',
        "KE209",
    ),
    ("Serve Logs connection error MESSAGE: connectID 1 messageType LOGS_CONNECT", "KE209"),
    ("failed to dial, err: x", "KE209"),
    ("Serve Container Exec connection error x", "KE209"),
    ('request metrics error Get "http://127.0.0.1:10350/x": y', "KE209"),
    (
        "EDGE_METRICS_CONNECTOR Message MessageID 1 send REMOVE_CONNECT message error write tcp a->b: i/o timeout",
        "KE306",
    ),
    ('failed to get kubelet healthz syncloop, err: Get "http://localhost:10350/healthz/syncloop": x', "KE209"),
    ("dial websocket error(dial tcp x), response message: ", "KE216"),
    ("Init websocket connection failed dial tcp x", "KE216"),
    ("connection failed: max retry count reached, will reconnect after 30s", "KE216"),
    ("connection is broken, will reconnect after 30s", "KE216"),
    ("unable to get the current edge certs, reason: x", "KE210"),
    ("failed to get edge certificate from CloudCore:x", "KE210"),
    ("certificate CN system:node:a does not match node name b", "KE210"),
    ("panic: failed to apply the edge certs, err: token  credentials are in the wrong format", "KE215"),
    ("panic: send on closed channel", "KE502"),
    (
        "failed to check the running environment: kubelet should not be running on edge node when starting edgecore",
        "KE204",
    ),
    ("kube-proxy should not be running on edge node when starting edgecore", "KE217"),
]

EDGE_QUIET = [
    "Module edgestream registered successfully",
    "Start a new tunnel stream connection ...",
    "get node local IP address successfully: 1.2.3.4",
    "Close tunnel session successfully",
    "receive remove client id 7",
    "receive stop signal, so stop logs scan ...",
    '"Starting to listen read-only" address="127.0.0.1" port=10350',
    "Websocket connect to cloud access successful",
    "succeeded to rotate certificate",
    "SLOW SQL",
    '"Failed to get system container stats" err="x"',
    'query meta "default"/"factory"/[]string(nil)/3607/v1.BoundObjectReference serviceaccount',
    "failed to unmarshal message content to unstructured obj: Object 'Kind' is missing",
]

SCRAPE = '"Failed to scrape node" err="Get \\"https://1.2.3.4:10351/metrics/resource\\": '
METRICS_FAILURES = [
    ('"Failed to scrape node, timeout to access kubelet" err="x" node="n" timeout="10s"', "KE503"),
    (SCRAPE + 'dial tcp 1.2.3.4:10351: connect: connection refused" node="n"', "KE302"),
    ('"Failed to scrape node" err="request failed, status: \\"500 Internal Server Error\\"" node="n"', "KE503"),
    (SCRAPE + 'x509: cannot validate certificate" node="n"', "KE403"),
    (SCRAPE + 'context deadline exceeded" node="n"', "KE503"),
    ("unable to fully scrape metrics from node n: unable to fetch metrics from node n: x", "KE503"),
    ("unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST must be defined", "KE403"),
]
METRICS_QUIET = ['"Failed probe" probe="metric-storage-ready" err="no metrics to serve"']

ROWS = [
    *((CLOUDCORE, *row) for row in CLOUD_FAILURES),
    *((EDGECORE, *row) for row in EDGE_FAILURES),
    *((METRICS_SERVER, *row) for row in METRICS_FAILURES),
]
QUIET = [
    *((CLOUDCORE, row) for row in CLOUD_QUIET),
    *((EDGECORE, row) for row in EDGE_QUIET),
    *((METRICS_SERVER, row) for row in METRICS_QUIET),
]

Table = tuple[Signature, ...]


def klog(message: str) -> str:
    return f"E1122 09:00:00.000000       1 file.go:12] {message}"


@pytest.mark.parametrize(("table", "message", "code"), ROWS)
def test_a_failure_supports_its_check(table: Table, message: str, code: str) -> None:
    (hit,) = classify(klog(message), table)
    signature = next(one for one in table if one.id == hit.id)
    assert (signature.code, hit.topic) == (code, signature.topic)


@pytest.mark.parametrize(("table", "message"), QUIET)
def test_news_and_noise_are_known_and_raise_nothing(table: Table, message: str) -> None:
    assert classify(klog(message), table) == ()
    assert any(one.pattern.search(message) for one in table)


def test_every_failure_names_a_check_that_exists() -> None:
    codes = {check.code for check in discover().checks}
    for table in (CLOUDCORE, EDGECORE, METRICS_SERVER):
        assert {one.code for one in table if one.kind == "failure"} <= codes


def test_the_hub_says_nothing_of_the_tunnel() -> None:
    """Ready travels over another port than logs: one of them working proves nothing of the other."""
    lost = klog("get Tunnel session [n] reader error x")
    hub = klog("edge node n for project e632aba927ea4ac2b575ec1603d56f10 connected")
    assert [hit.id for hit in classify(f"{lost}\n{hub}", CLOUDCORE)] == ["tunnel-lost"]
    left = hub.replace(" connected", " disConnected")
    assert classify(f"{left}\n{hub}", CLOUDCORE) == ()
