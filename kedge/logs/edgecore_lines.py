"""Known lines of EdgeCore's journal (facts 4.3, 11)."""

from __future__ import annotations

from kedge.i18n import _
from kedge.logs.signature import Signature, benign, failure, health

EDGECORE: tuple[Signature, ...] = (
    health("request-served", r"receive (stop signal, so stop (logs|metrics) scan|remove client id)", "tunnel", "edged"),
    health("edged-listens", r"\"Starting to listen read-only\"", "edged"),
    health("hub-connected", r"Websocket connect to cloud access successful", "hub"),
    health("certificate-rotated", r"succeeded to rotate certificate", "certificate"),
    benign(
        "tunnel-attempt",
        r"Start a new tunnel stream connection|get node local IP address successfully",
        _("EdgeStream dials; that it succeeded is never written"),
    ),
    benign("module-registered", r"Module edgestream registered successfully", _("EdgeStream is enabled")),
    benign("tunnel-closed", r"Close tunnel session successfully", _("the end of a tunnel, told above")),
    benign(
        "cgroup-noise",
        r"\"Failed to get system container stats\"",
        _("statistics of the service's own cgroup; nothing of pods is missing"),
    ),
    benign("database-noise", r"SLOW SQL", _("a slow disk, for a moment")),
    benign(
        "metadata-noise",
        r"query meta .*serviceaccount|failed to unmarshal message content to unstructured obj",
        _("usual at EdgeCore's start"),
    ),
    failure(
        "edgestream-disabled",
        r"Module edgestream is disabled, do not register",
        _("EdgeCore started with EdgeStream disabled"),
        "KE206",
    ),
    failure(
        "exec-panic",
        r"panic: send on closed channel",
        _("an exec through the tunnel crashed EdgeCore: a late message met an exec that had just ended (v1.23.1)"),
        "KE502",
        "process",
    ),
    failure(
        "no-credentials",
        r"failed to apply the edge certs, err: token\s+credentials are in the wrong format",
        _("EdgeCore has neither a certificate nor a join token"),
        "KE215",
        "process",
    ),
    failure(
        "tunnel-refused",
        r"dial wss?://\S+ error .*connection refused",
        _("the tunnel port refuses: CloudStream is off, CloudCore is down, or it is exposed on another port"),
        "KE303",
    ),
    failure(
        "tunnel-timeout",
        r"dial wss?://\S+ error .*(i/o timeout|no route to host)",
        _("the tunnel port does not answer: a firewall, or no route"),
        "KE303",
    ),
    failure(
        "tunnel-unresolved",
        r"dial wss?://\S+ error .*no such host",
        _("the name of the tunnel server is not known"),
        "KE303",
    ),
    failure(
        "certificate-refused",
        r"dial wss?://\S+ error .*remote error: tls: ",
        _("CloudCore refuses this edge's certificate: another CA, expired, or none offered"),
        "KE305",
    ),
    failure(
        "bad-handshake",
        r"dial wss?://\S+ error .*websocket: bad handshake",
        _("what answers on the tunnel port is not the tunnel: an HTTP proxy, or the stream port 10003"),
        "KE207",
    ),
    failure(
        "port-not-written",
        r"failed to Update KubeletEndpoint Port",
        _("CloudCore could not write this node's kubelet port and closed the tunnel"),
        "KE301",
    ),
    failure(
        "half-open",
        r"write ping message error|send REMOVE_CONNECT message error write tcp",
        _("the tunnel is half-open: restarting EdgeCore cures it"),
        "KE306",
    ),
    failure(
        "tunnel-certificate-missing",
        r"Failed to load x509 key pair|Failed to find cert key pair",
        _("EdgeStream's certificate files are missing"),
        "KE215",
    ),
    failure(
        "edged-down",
        r"request (logs|metrics) error Get \"http://127\.0\.0\.1:10350|failed to dial, err: "
        r"|Serve (Logs|Container Exec|Metrics) connection error",
        _("edged does not answer on 127.0.0.1:10350, so kubectl hangs"),
        "KE209",
        "edged",
    ),
    failure(
        "kubelet-present",
        r"kubelet should not be running on edge node when starting edgecore",
        _("a kubelet runs on this host; EdgeCore refuses to start beside it"),
        "KE204",
        "process",
    ),
    failure(
        "tunnel-dropped",
        r"Read Message error ",
        _("the tunnel dropped; EdgeStream dials again every two seconds"),
        "KE306",
    ),
    failure(
        "no-address",
        r"failed to [Gg]et Local IP address",
        _("EdgeStream finds no address of this machine: no network, or edged.nodeIP names none of its own"),
        "KE306",
    ),
    failure(
        "edged-not-up",
        r"failed to get kubelet healthz syncloop, err: ",
        _("edged is not up yet, or broken"),
        "KE209",
        "edged",
    ),
    failure(
        "hub-refused",
        r"dial websocket error\(|Init websocket connection failed|connection failed: .*will reconnect after",
        _("EdgeHub gets no connection to CloudHub"),
        "KE216",
        "hub",
    ),
    failure(
        "hub-broken", r"connection is broken, will reconnect after", _("EdgeHub lost its connection"), "KE216", "hub"
    ),
    failure(
        "certificate-name",
        r"certificate CN \S+ does not match node name",
        _("the certificate was issued to another node name than hostnameOverride says"),
        "KE210",
        "certificate",
    ),
    failure(
        "certificate-not-got",
        r"failed to get edge certificate from CloudCore|unable to get the current edge certs, reason: "
        r"|failed to apply the edge certs",
        _("EdgeCore has no certificate that works, and gets none from CloudCore"),
        "KE210",
        "certificate",
    ),
    failure(
        "kube-proxy-present",
        r"kube-proxy should not be running on edge node when starting edgecore",
        _("kube-proxy runs on this host; EdgeCore up to v1.18 refuses to start beside it"),
        "KE217",
        "process",
    ),
)
