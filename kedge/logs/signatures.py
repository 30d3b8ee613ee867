"""Known lines of the logs and what they mean, as data (facts 4.1-4.3, 8, 11).

Line numbers of Go files are never matched: they move. A failure counts only while nothing newer in the same log
says that the thing works again; logs are full of faults long repaired, and of error lines that mean nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from kedge.i18n import Text, _


@dataclass(frozen=True, slots=True)
class Signature:
    """One kind of line.

    Attributes:
        id: stable name, e.g. ``no-session``.
        pattern: of the message, header taken off; group ``node`` names the node it speaks of, where it does.
        kind: ``failure``, ``health`` (it works for that node, or at all) or ``benign`` (looks bad, means nothing).
        meaning: what a tired human should know of it.
    """

    id: str
    pattern: re.Pattern[str]
    kind: Literal["failure", "health", "benign"]
    meaning: Text


def _health(id: str, pattern: str) -> Signature:
    return Signature(id, re.compile(pattern), "health", Text(""))


def _benign(id: str, pattern: str, meaning: Text) -> Signature:
    return Signature(id, re.compile(pattern), "benign", meaning)


def _failure(id: str, pattern: str, meaning: Text) -> Signature:
    return Signature(id, re.compile(pattern), "failure", meaning)


CLOUDCORE: tuple[Signature, ...] = (
    _health("tunnel-accepted", r"get a new tunnel agent hostname (?P<node>[^\s,]+), internalIP"),
    _health("request-ended", r"Tunnel session \[(?P<node>[^\]]+)\].* find edge peer done, so stop this connection"),
    _health("stream-server-up", r"Prepare to start (tunnel|stream) server"),
    _benign(
        "probe-handshake",
        r"http: TLS handshake error from \S+: (EOF|.*connection reset by peer|tls: client didn't provide a certif)",
        _("somebody opened the port without a client certificate: a health check or a probe"),
    ),
    _benign(
        "pod-not-found",
        r"can not get session key: get pod \S+ failed: pods \"[^\"]*\" not found",
        _("a log was asked for of a pod that does not exist"),
    ),
    _benign(
        "late-message",
        r"Proxy tunnel message .* error can not find apiServer connection id",
        _("data came after the client had left"),
    ),
    _failure(
        "no-session",
        r"can not find (?P<node>\S+) session",
        _("CloudStream has had no tunnel of {node} since it started"),
    ),
    _failure(
        "session-closed",
        r"the tunnel connection of Tunnel session \[(?P<node>[^\]]+)\] has closed",
        _("the tunnel of {node} was up and dropped"),
    ),
    _failure(
        "tunnel-lost",
        r"get Tunnel session \[(?P<node>[^\]]+)\] reader error",
        _("the tunnel of {node} was lost"),
    ),
    _failure(
        "cannot-read-pod",
        r"can not get session key: get pod \S+ failed: ",
        _("CloudCore may not or cannot read pods, so it cannot find the node of a request"),
    ),
    _failure(
        "node-unknown",
        r"Failed while getting a Node to retry updating node KubeletEndpoint Port, node: (?P<node>[^\s,]+)",
        _("a tunnel came from {node}, which is no node: hostnameOverride differs from the node's name"),
    ),
    _failure(
        "port-not-written",
        r"Failed to update node KubeletEndpoint Port, node: (?P<node>[^\s,]+)"
        r"|Update KubeletEndpoint Port of Node '(?P<node2>[^']+)' error",
        _("CloudCore could not write the kubelet port of {node}: rights on nodes/status, or a slow API server"),
    ),
    _failure(
        "not-an-upgrade",
        r"request was not an upgrade|Failed to upgrade the HTTP server connection to the WebSocket protocol",
        _("a proxy in between takes the WebSocket upgrade away; the ports need plain TCP passthrough"),
    ),
    _failure(
        "port-in-use",
        r"Start (tunnelServer|stream server) error listen tcp",
        _("another process holds CloudStream's port"),
    ),
    _failure(
        "stream-certificate-missing",
        r"Read tls stream ca file error|TLSStream(PrivateKeyFile|CertFile|CAFile) not exist",
        _("CloudStream's certificate files are missing: mount the secret cloudcore"),
    ),
    _failure(
        "tunnel-certificate-broken",
        r"Failed to load TLSTunnelCert and Key|Both of tunnelCert and key should be specified",
        _("CloudStream's tunnel certificate cannot be loaded"),
    ),
    _failure(
        "client-certificate-refused",
        r"http: TLS handshake error from (?P<peer>\S+): .*(failed to verify (client('s)? )?certificate: x509|"
        r"certificate has expired)",
        _("an edge showed a certificate that CloudCore does not accept: another CA, or expired"),
    ),
    _failure("record-lost", r"failed to get tunnel port record", _("ConfigMap tunnelport has lost its annotation")),
    _failure(
        "iptables-broken",
        r"\"Failed to ensure (chain|rules)|error creating chain \\?\"TUNNEL-PORT",
        _("CloudCore's iptables manager cannot write NAT rules here"),
    ),
)

EDGECORE: tuple[Signature, ...] = (
    _health("request-served", r"receive (stop signal, so stop (logs|metrics) scan|remove client id)"),
    _failure(
        "edgestream-disabled",
        r"Module edgestream is disabled, do not register",
        _("EdgeCore started with EdgeStream disabled"),
    ),
    _failure(
        "exec-panic",
        r"panic: send on closed channel",
        _("an exec through the tunnel crashed EdgeCore: a late message met an exec that had just ended (v1.23.1)"),
    ),
    _failure(
        "no-credentials",
        r"failed to apply the edge certs, err: token\s+credentials are in the wrong format",
        _("EdgeCore has neither a certificate nor a join token"),
    ),
    _failure(
        "tunnel-refused",
        r"dial wss?://\S+ error .*connection refused",
        _("the tunnel port refuses: CloudStream is off, CloudCore is down, or it is exposed on another port"),
    ),
    _failure(
        "tunnel-timeout",
        r"dial wss?://\S+ error .*(i/o timeout|no route to host)",
        _("the tunnel port does not answer: a firewall, or no route"),
    ),
    _failure(
        "tunnel-unresolved",
        r"dial wss?://\S+ error .*no such host",
        _("the name of the tunnel server is not known"),
    ),
    _failure(
        "certificate-refused",
        r"dial wss?://\S+ error .*remote error: tls: ",
        _("CloudCore refuses this edge's certificate: another CA, expired, or none offered"),
    ),
    _failure(
        "bad-handshake",
        r"dial wss?://\S+ error .*websocket: bad handshake",
        _("what answers on the tunnel port is not the tunnel: an HTTP proxy, or the stream port 10003"),
    ),
    _failure(
        "port-not-written",
        r"failed to Update KubeletEndpoint Port",
        _("CloudCore could not write this node's kubelet port and closed the tunnel"),
    ),
    _failure(
        "half-open",
        r"write ping message error|send REMOVE_CONNECT message error write tcp",
        _("the tunnel is half-open: restarting EdgeCore cures it"),
    ),
    _failure(
        "tunnel-certificate-missing",
        r"Failed to load x509 key pair|Failed to find cert key pair",
        _("EdgeStream's certificate files are missing"),
    ),
    _failure(
        "edged-down",
        r"request (logs|metrics) error Get \"http://127\.0\.0\.1:10350|failed to dial, err: ",
        _("edged does not answer on 127.0.0.1:10350, so kubectl hangs"),
    ),
    _failure(
        "kubelet-present",
        r"kubelet should not be running on edge node when starting edgecore",
        _("a kubelet runs on this host; EdgeCore refuses to start beside it"),
    ),
)

METRICS_SERVER: tuple[Signature, ...] = (
    _failure(
        "scrape-timeout",
        r"\"Failed to scrape node, timeout to access kubelet\".* node=\"(?P<node>[^\"]+)\"",
        _("scraping {node} timed out: its tunnel is half-open, or edged is dead"),
    ),
    _failure(
        "scrape-refused",
        r"\"Failed to scrape node\" err=.*connection refused.* node=\"(?P<node>[^\"]+)\"",
        _("scraping {node} was refused: no NAT rule leads from this node to CloudCore, or CloudCore does not listen"),
    ),
    _failure(
        "scrape-no-session",
        r"\"Failed to scrape node\" err=.*500 Internal Server Error.* node=\"(?P<node>[^\"]+)\"",
        _("CloudStream has no session under the address of {node}"),
    ),
    _failure(
        "scrape-certificate",
        r"\"Failed to scrape node\" err=.*x509: .* node=\"(?P<node>[^\"]+)\"",
        _("the certificate that answers for {node} is not accepted: --kubelet-insecure-tls is missing"),
    ),
    _failure(
        "scrape-failed",
        r"\"Failed to scrape node\" err=.* node=\"(?P<node>[^\"]+)\"",
        _("scraping {node} failed"),
    ),
    _failure(
        "scrape-failed-old",
        r"unable to fully scrape metrics from node (?P<node>[^\s:]+): ",
        _("scraping {node} failed"),
    ),
    _failure(
        "no-cluster-config",
        r"unable to load in-cluster configuration",
        _("Metrics Server cannot reach the API server from where it runs: it may sit on an edge node"),
    ),
)
