"""Log lines and kubectl's texts: what they mean, and which of them still hold."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.facts.kubectl import Outcome
from kedge.logs.classify import classify
from kedge.logs.klog import lines_of
from kedge.logs.kubectl import last_line, outcome_of_body, outcome_of_error
from kedge.logs.signatures import CLOUDCORE, EDGECORE, METRICS_SERVER, Signature

TABLES = {"cloudcore": CLOUDCORE, "edgecore": EDGECORE, "metrics-server": METRICS_SERVER}


def klog(message: str, clock: str = "09:00:00.000000", severity: str = "E") -> str:
    return f"{severity}1122 {clock}       1 file.go:12] {message}"


# ------------------------------------------------------------------------------------------------ log lines

KNOWN = [
    ("cloudcore", "Failed to get container logs, err: can not find edge-7 session ", "no-session", "edge-7"),
    ("cloudcore", "Failed to get exec, err: exec: can not find edge-7 session ", "no-session", "edge-7"),
    ("cloudcore", "get Tunnel session [e1] reader error websocket: close 1006", "tunnel-lost", "e1"),
    (
        "cloudcore",
        "Failed to get metrics, err: add apiServer connection into Tunnel session [e1] error the tunnel connection of "
        "Tunnel session [e1] has closed",
        "session-closed",
        "e1",
    ),
    (
        "cloudcore",
        "Failed to get exec, err: can not get session key: get pod a/b failed: pods is forbidden",
        "cannot-read-pod",
        "",
    ),
    (
        "cloudcore",
        'Failed while getting a Node to retry updating node KubeletEndpoint Port, node: x, error: nodes "x" not found',
        "node-unknown",
        "x",
    ),
    (
        "cloudcore",
        "Update KubeletEndpoint Port of Node 'n' error: timed out waiting for the condition. ",
        "port-not-written",
        "n",
    ),
    ("cloudcore", "Start tunnelServer error listen tcp :10004: bind: address already in use", "port-in-use", ""),
    (
        "cloudcore",
        "Read tls stream ca file error open /etc/kubeedge/ca/streamCA.crt: no such file or directory",
        "stream-certificate-missing",
        "",
    ),
    (
        "cloudcore",
        "http: TLS handshake error from 10.0.0.9:4: tls: failed to verify client certificate: x509: certificate signed "
        "by unknown authority",
        "client-certificate-refused",
        "",
    ),
    (
        "edgecore",
        "dial wss://1.2.3.4:10004/v1/kubeedge/connect error dial tcp 1.2.3.4:10004: connect: connection refused",
        "tunnel-refused",
        "",
    ),
    (
        "edgecore",
        "dial wss://1.2.3.4:10004/v1/kubeedge/connect error dial tcp 1.2.3.4:10004: i/o timeout",
        "tunnel-timeout",
        "",
    ),
    (
        "edgecore",
        "dial wss://h:10004/v1/kubeedge/connect error remote error: tls: certificate required",
        "certificate-refused",
        "",
    ),
    ("edgecore", "dial wss://h:10003/v1/kubeedge/connect error websocket: bad handshake", "bad-handshake", ""),
    ("edgecore", "panic: send on closed channel", "exec-panic", ""),
    (
        "edgecore",
        "panic: failed to apply the edge certs, err: token  credentials are in the wrong format",
        "no-credentials",
        "",
    ),
    (
        "edgecore",
        'request logs error Get "http://127.0.0.1:10350/x": dial tcp 127.0.0.1:10350: connect: connection refused',
        "edged-down",
        "",
    ),
    (
        "metrics-server",
        '"Failed to scrape node, timeout to access kubelet" err="Get x" node="e2" timeout="10s"',
        "scrape-timeout",
        "e2",
    ),
    (
        "metrics-server",
        '"Failed to scrape node" err="request failed, status: \\"500 Internal Server Error\\"" node="e2"',
        "scrape-no-session",
        "e2",
    ),
    (
        "metrics-server",
        'unable to fully scrape metrics from node e2: unable to fetch metrics from node e2: Get "https://IP:10352/x"',
        "scrape-failed-old",
        "e2",
    ),
]


@pytest.mark.parametrize(("table", "message", "id", "node"), KNOWN)
def test_a_known_line_is_known(table: str, message: str, id: str, node: str) -> None:
    (hit,) = classify(klog(message), TABLES[table])
    assert (hit.id, hit.node, hit.count, hit.number) == (id, node, 1, 1)
    assert "{" not in str(hit.meaning)


BENIGN = [
    "Failed to get metrics, err: apiconnection Serve APIServer_MetricsConnection MessageID 2 in Tunnel session [e] "
    "error APIServer_MetricsConnection MessageID 2 find edge peer done, so stop this connection",
    "http: TLS handshake error from 10.99.0.10:41684: EOF",
    "http: TLS handshake error from 10.99.0.10:33884: tls: client didn't provide a certificate",
    'Failed to get container logs, err: can not get session key: get pod default/none failed: pods "none" not found',
    "Proxy tunnel message [MESSAGE: connectID 1 messageType 2] to kube-apiserver error can not find apiServer "
    "connection id 1 in Tunnel session [e]",
    "failed to delete all rules in tunnel port iptables chain: x",
]


@pytest.mark.parametrize("message", BENIGN)
def test_a_line_that_means_nothing_is_no_failure(message: str) -> None:
    assert classify(klog(message), CLOUDCORE) == ()


LOST = klog("get Tunnel session [e1] reader error x", "09:00:00")
BACK = klog("get a new tunnel agent hostname e1, internalIP 1.1.1.1", "09:01:00", "I")
STARTED = klog("Prepare to start stream server ...", "09:01:00", "I")


def test_a_failure_ends_with_the_next_sign_of_health_of_that_node() -> None:
    assert classify(f"{LOST}\n{BACK}", CLOUDCORE) == ()
    assert [hit.node for hit in classify(f"{BACK}\n{LOST}", CLOUDCORE)] == ["e1"]
    other = BACK.replace("e1,", "e2,")
    assert [hit.node for hit in classify(f"{LOST}\n{other}", CLOUDCORE)] == ["e1"]


def test_a_failure_of_no_node_ends_with_any_sign_of_health() -> None:
    broken = klog("Start stream server error listen tcp :10003: bind: address already in use", "09:00:00")
    assert classify(f"{broken}\n{STARTED}", CLOUDCORE) == ()
    assert len(classify(f"{STARTED}\n{broken}", CLOUDCORE)) == 1


def test_a_failure_far_before_the_end_of_the_log_is_the_past() -> None:
    assert len(classify(f"{LOST}\n{klog('x', '09:09:00', 'I')}", CLOUDCORE)) == 1
    assert classify(f"{LOST}\n{klog('x', '09:11:00', 'I')}", CLOUDCORE) == ()


def test_repetitions_are_counted_and_the_newest_is_shown() -> None:
    again = LOST.replace("09:00:00", "09:00:30")
    (hit,) = classify(f"{LOST}\nnoise\n{again}", CLOUDCORE, now=datetime(2026, 11, 22, 9, 2, tzinfo=UTC))
    assert (hit.count, hit.number, hit.line) == (2, 3, again)
    assert hit.at == datetime(2026, 11, 22, 9, 0, 30, tzinfo=UTC)


def test_a_prefix_before_the_header_is_no_hindrance() -> None:
    (line,) = lines_of("??? " + klog("hello", "10:11:12.5"))
    assert (line.severity, line.message) == ("E", "hello")
    assert line.at == datetime(2024, 11, 22, 10, 11, 12, 500000, tzinfo=UTC)
    journal = "2026-11-22T09:45:41+0000 edge1 edgecore[6607]: W1122 09:45:41.831149    6607 module.go:93] Module x"
    assert next(lines_of(journal)).message == "Module x"


def test_the_year_is_the_one_nearest_to_now() -> None:
    (line,) = lines_of("E1231 23:59:59.000000       1 f.go:1] x")
    assert line.dated(datetime(2027, 1, 1, tzinfo=UTC)) == datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
    (leap,) = lines_of("E0229 00:00:00.000000       1 f.go:1] x")
    assert leap.dated(datetime(2026, 6, 1, tzinfo=UTC)) is None


def test_ids_are_unique_and_every_failure_says_what_it_means() -> None:
    for table in TABLES.values():
        assert len({signature.id for signature in table}) == len(table)
        assert all(str(signature.meaning) for signature in table if signature.kind != "health")


@given(text=st.text() | st.from_regex(r"[IWEF]\d{4} \d\d:\d\d:\d\d\.\d{1,9} +\d+ \S+:\d+\] .*"))
def test_no_log_breaks_the_classifier(text: str) -> None:
    for table in TABLES.values():
        assert all(isinstance(hit.number, int) and hit.count >= 1 for hit in classify(text, table))


def test_every_pattern_is_linear_enough() -> None:
    """A long line without a match must not blow up: log lines are hostile input."""
    line = klog('dial wss://h error Tunnel session ["Failed to scrape node" err=' + "x y: " * 4000)
    tables: list[Signature] = [signature for table in TABLES.values() for signature in table]
    assert classify(line, tables) == ()


# -------------------------------------------------------------------------------------------- kubectl's texts

ERRORS = [
    (
        Outcome.REFUSED,
        'Error from server: Get "https://IP:1/containerLogs/a/b/c": dial tcp IP:1: connect: connection refused',
    ),
    (Outcome.REFUSED, "Error from server: error dialing backend: dial tcp 1.2.3.4:10351: connect: connection refused"),
    (Outcome.REFUSED, "error trying to reach service: dial tcp 10.99.0.21:10351: connect: connection refused"),
    (Outcome.DIAL_TIMEOUT, 'Error from server: Get "https://1.2.3.4:10351/x": dial tcp 1.2.3.4:10351: i/o timeout'),
    (Outcome.NO_ROUTE, 'Get "https://1.2.3.4:10350/x": dial tcp 1.2.3.4:10350: connect: no route to host'),
    (Outcome.UNRESOLVED, "error dialing backend: dial tcp: lookup edge1 on 10.0.0.2:53: no such host"),
    (Outcome.CERTIFICATE, "x509: cannot validate certificate for 1.2.3.4 because it doesn't contain any IP SANs"),
    (Outcome.CERTIFICATE, "tls: failed to verify certificate: x509: certificate is valid for 127.0.0.1, A, not B"),
    (Outcome.NO_SESSION, "Error from server (InternalError): Internal error occurred: "),
    (Outcome.NO_SESSION, "Error from server: "),
    (Outcome.NO_SESSION, 'Error from server (InternalError): an error on the server ("") has prevented the request'),
    (Outcome.NO_SESSION, "https://h:6443 failed with 500 while reading nodes/proxy: Internal Server Error"),
    (Outcome.WS_SCHEME, "error: Internal error occurred: unable to upgrade connection: unknown scheme: ws"),
    (Outcome.NOT_TLS, "error dialing backend: tls: first record does not look like a TLS handshake"),
    (Outcome.TLS_TIMEOUT, "net/http: TLS handshake timeout"),
    (Outcome.NOT_FOUND, "unable to upgrade connection: 404 page not found"),
    (Outcome.EGRESS_PROXY, "proxy error from 127.0.0.1:6443 while dialing 1.2.3.4:10351, code 502: 502 Bad Gateway"),
    (Outcome.EOF, 'error sending request: Post "https://10.99.0.21:10351/exec/a/b/c?x=1": unexpected EOF'),
    (
        Outcome.RUNTIME_DOWN,
        "unable to upgrade connection: rpc error: code = Unavailable desc = connection error: dial unix "
        "/run/containerd/containerd.sock: connect: no such file or directory",
    ),
    (Outcome.HANG, "Unable to connect to the server: context deadline exceeded"),
    (Outcome.HANG, "net/http: request canceled (Client.Timeout exceeded while awaiting headers)"),
    (Outcome.HANG, "error: Timeout occurred"),
    (Outcome.NO_SESSION, "error: unable to upgrade connection: "),
    (Outcome.NOT_TLS, 'Get "https://1.2.3.4:10350/x": http: server gave HTTP response to HTTPS client'),
    (Outcome.KUBELET_ERROR, "error: unable to upgrade connection: Debug endpoints are disabled."),
    (Outcome.KUBELET_ERROR, "error: unable to upgrade connection: pod does not exist"),
    (Outcome.OTHER, "Error from server (BadRequest): something new"),
]


@pytest.mark.parametrize(("outcome", "said"), ERRORS)
def test_what_an_error_means(outcome: Outcome, said: str) -> None:
    assert outcome_of_error(said) is outcome
    assert outcome_of_error(f'Defaulted container "a" out of: a, b\n{said}\n') is outcome


@pytest.mark.parametrize(
    "said",
    [
        "The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?",
        "Unable to connect to the server: dial tcp 10.0.0.1:6443: i/o timeout",
        "Unable to connect to the server: x509: certificate signed by unknown authority",
    ],
)
def test_an_error_on_the_way_to_the_api_server_says_nothing_of_the_edge(said: str) -> None:
    assert outcome_of_error(said) is None


BODIES = [
    (Outcome.EMPTY, "", ""),
    (Outcome.EMPTY, "\n \n", ""),
    (Outcome.ANSWERED, "GET /index.html 200\n", "GET /index.html 200"),
    (Outcome.RUNTIME_DOWN, "unable to retrieve container logs for containerd://06e7", "unable to retrieve container"),
    (Outcome.KUBELET_ERROR, 'pod "p" does not exist', 'pod "p" does not exist'),
    (Outcome.KUBELET_ERROR, 'container "c" in pod "p" is waiting to start: ContainerCreating', 'container "c"'),
    (Outcome.KUBELET_ERROR, 'previous terminated container "c" in pod "p" not found', "previous"),
    (Outcome.KUBELET_ERROR, "Debug endpoints are disabled.", "Debug"),
    (Outcome.ANSWERED, 'INFO pod "p" does not exist', 'INFO pod "p"'),
    (Outcome.ANSWERED, 'pod "p" does not exist\nreal line\n', "real line"),
]


@pytest.mark.parametrize(("outcome", "body", "line"), BODIES)
def test_a_log_body_is_a_log_only_if_it_is_one(outcome: Outcome, body: str, line: str) -> None:
    found, shown = outcome_of_body(body)
    assert found is outcome
    assert shown.startswith(line)


@given(text=st.text())
def test_every_text_has_an_outcome(text: str) -> None:
    assert isinstance(outcome_of_body(text)[0], Outcome)
    found = outcome_of_error(text)
    assert found is None or isinstance(found, Outcome)
    assert "\n" not in last_line(text)
