"""What goes wrong on an edge, in everything that a recording of it would show (facts 4.3, 7, 11)."""

from __future__ import annotations

import re

from tests.replay.faults_path import hangs, session_closed
from tests.replay.recorded import IP, PODS, Change, Recorded

YAML = "cat /etc/kubeedge/config/edgecore.yaml"
SHOW = "systemctl show edgecore"
ESTABLISHED = "ss -tnp state established"
CERTIFICATE = "openssl x509 -in /etc/kubeedge/certs/server.crt"
HANDSHAKE = "openssl s_client -connect 10.99.0.10:10004 -cert"
ALERT = "40771234:error:0A0004{n}:SSL routines:ssl3_read_bytes:{said}:../ssl/record/rec_layer_s3.c:1584:"
ALERT += "SSL alert number {n}\n"
DIAL = "E1122 09:45:30.403739   2336 edgestream.go:147] dial wss://10.99.0.10:10004/v1/kubeedge/connect error "


def _tunnel_gone(rec: Recorded, node: str) -> None:
    rec.drop_lines(node, ESTABLISHED, ":10004 ")
    session_closed(node)(rec)


def dials(node: str, server: str, said: str) -> Change:
    """edgeStream.server is this, and the journal says what came of it."""

    def change(rec: Recorded) -> None:
        held = rec.rows(node, YAML)[0]["out"]
        now = re.search(r"  edgeStream:\n(?: {4}.*\n)*? {4}server: (\S+)\n", held)
        assert now is not None
        rec.rows(node, YAML)[0]["out"] = held[: now.start(1)] + server + held[now.end(1) :]
        rec.drop_lines(node, ESTABLISHED, f":{now[1].rpartition(':')[2]} ")
        session_closed(node)(rec)
        for _again in range(3):
            rec.journal(
                node,
                "I1122 09:45:30.403204   2336 edgestream.go:121] Start a new tunnel stream connection ...",
                f"E1122 09:45:30.403739   2336 edgestream.go:147] dial wss://{server}/v1/kubeedge/connect error {said}",
                f"E1122 09:45:30.403758   2336 edgestream.go:114] TLSClientConnect error {said}",
            )

    return change


def edgestream_off(node: str) -> Change:
    """EdgeCore was started with EdgeStream disabled."""

    def change(rec: Recorded) -> None:
        lines = rec.rows(node, YAML)[0]["out"].splitlines(keepends=True)
        at = lines.index("  edgeStream:\n") + 1
        assert lines[at] == "    enable: true\n"
        lines[at] = "    enable: false\n"
        rec.rows(node, YAML)[0]["out"] = "".join(lines)
        _tunnel_gone(rec, node)

    return change


def edgecore_stopped(node: str) -> Change:
    """``systemctl stop edgecore``."""

    def change(rec: Recorded) -> None:
        _down(rec, node, "inactive", "dead", "success", 0)
        rec.answer(node, "systemctl is-active edgecore", "inactive\n", 3)

    return change


def _down(rec: Recorded, node: str, active: str, sub: str, result: str, status: int, restarts: int = 20) -> None:
    rec.answer(
        node,
        SHOW,
        f"MainPID=0\nResult={result}\nNRestarts={restarts}\nExecMainCode=1\nExecMainStatus={status}\nLoadState=loaded\n"
        f"ActiveState={active}\nSubState={sub}\nFragmentPath=/etc/systemd/system/edgecore.service\n"
        "UnitFileState=enabled\nActiveEnterTimestamp=\n",
    )
    rec.answer(node, "http://127.0.0.1:10350/healthz", rc=7, err="curl: (7) Failed to connect to 127.0.0.1 port 10350")
    rec.drop_lines(node, ESTABLISHED, "edgecore")
    rec.drop_lines(node, "ss -ltnp", "edgecore")
    rec.condition(node, "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
    rec.item("leases", node)["spec"]["renewTime"] = "2026-11-22T09:40:12.000000Z"
    session_closed(node)(rec)


def crash_loop(node: str) -> Change:
    """No certificate and no token: EdgeCore panics at every start (facts 11)."""

    def change(rec: Recorded) -> None:
        _down(rec, node, "activating", "auto-restart", "exit-code", 2, restarts=57)
        rec.answer(node, "systemctl is-active edgecore", "activating\n", 3)
        rec.answer(
            node,
            CERTIFICATE,
            rc=1,
            err="Could not open file or uri for loading certificate from /etc/kubeedge/certs/server.crt\n"
            "error:16000069:STORE routines:ossl_store_get0_loader_int:unregistered scheme\n"
            "error:80000002:system library:file_open:No such file or directory:crypto/store:calling stat\n",
        )
        rec.answer(node, "rootCA.crt", rc=1, err="Can't open file: No such file or directory")
        rec.answer(
            node,
            HANDSHAKE,
            "Could not open file or uri for loading client certificate from /etc/kubeedge/certs/server.crt\n",
        )
        rec.replace(node, YAML, 'token: "***"' if "***" in rec.rows(node, YAML)[0]["out"] else 'token: ""', 'token: ""')
        rec.journal(
            node,
            "panic: failed to apply the edge certs, err: token  credentials are in the wrong format",
            pid=9911,
        )

    return change


def runtime_stopped(node: str) -> Change:
    """``systemctl stop containerd`` under a running EdgeCore (facts 11)."""

    def change(rec: Recorded) -> None:
        rec.answer(node, "systemctl is-active containerd", "inactive\n", 3)
        said = 'ctr: failed to dial "/run/containerd/containerd.sock": context deadline exceeded: connection error'
        rec.answer(node, "ctr -n k8s.io images ls", rc=1, err=said)
        rec.kubectl_says(node, "logs", "unable to retrieve container logs for containerd://06e7eb83")
        gone = (
            'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix '
        )
        gone += '/run/containerd/containerd.sock: connect: no such file or directory"'
        rec.kubectl_says(
            node, "exec", rc=1, err=f"error: Internal error occurred: unable to upgrade connection: {gone}\n"
        )
        rec.condition(node, "False", "KubeletNotReady", "container runtime is down")
        rec.no_numbers(node)

    return change


def certificate_of_a_foreign_ca(node: str, issuer: str = "CN = Somebody") -> Change:
    """CloudCore refuses the client: tunnel and hub are down (facts 11)."""

    def change(rec: Recorded) -> None:
        rec.replace(node, CERTIFICATE, "issuer=CN = KubeEdge", f"issuer={issuer}")
        rec.answer(node, HANDSHAKE, ALERT.format(n=48, said="tlsv1 alert unknown ca"))
        _tunnel_gone(rec, node)
        said = "remote error: tls: certificate required"
        rec.journal(node, DIAL + said)

    return change


def certificate_expired(node: str) -> Change:
    """It ended a week ago, and the tunnel that stood on it dropped since."""

    def change(rec: Recorded) -> None:
        for row in rec.rows(node, CERTIFICATE):
            row["out"] = row["out"].replace("Nov 22 09:32:02 2026", "Nov 15 09:32:02 2025")
            row["out"] = row["out"].replace("Nov 22 09:32:02 2027", "Nov 15 09:32:02 2026")
            row["out"] = row["out"].replace("Nov 22 09:32:15 2026", "Nov 15 09:32:15 2025")
            row["out"] = row["out"].replace("Nov 22 09:32:15 2027", "Nov 15 09:32:15 2026")
        rec.answer(node, HANDSHAKE, ALERT.format(n=45, said="sslv3 alert certificate expired"))
        rec.drop_lines(node, ESTABLISHED, ":10000 ")
        _tunnel_gone(rec, node)
        rec.condition(node, "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
        rec.journal(node, DIAL + "remote error: tls: expired certificate")

    return change


def other_root_ca(node: str) -> Change:
    """The cloud made itself a new CA; this edge joined under the old one (facts 6.4)."""

    def change(rec: Recorded) -> None:
        rec.replace(node, "rootCA.crt", "2D:96:8E", "AA:BB:CC")
        rec.answer(node, HANDSHAKE, ALERT.format(n=48, said="tlsv1 alert unknown ca"))
        rec.drop_lines(node, ESTABLISHED, ":10000 ")
        _tunnel_gone(rec, node)
        rec.condition(node, "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")

    return change


def half_open(node: str) -> Change:
    """The network stopped for a while; both ends still believe in the tunnel (facts 11)."""

    def change(rec: Recorded) -> None:
        for row in rec.rows(node, ESTABLISHED):
            row["out"] = "".join(
                line.replace("0      0    ", "0      5129 ", 1) if ":10004 " in line else line
                for line in row["out"].splitlines(keepends=True)
            )
        hangs(node)(rec)

    return change


def edged_dead(node: str) -> Change:
    """edged does not answer on its port while EdgeCore runs and holds the tunnel (facts 0.8)."""

    def change(rec: Recorded) -> None:
        rec.answer(
            node, "http://127.0.0.1:10350/healthz", rc=28, err="curl: (28) Operation timed out after 3001 milliseconds"
        )
        rec.drop_lines(node, "ss -ltnp", "127.0.0.1:10350")
        hangs(node)(rec)
        rec.journal(
            node,
            'E1122 09:45:30.403739   2336 edgedlogconnection.go:119] request logs error Get "http://127.0.0.1:10350/'
            'containerLogs/factory/x/y": dial tcp 127.0.0.1:10350: connect: connection refused',
        )

    return change


def debug_handlers_off(node: str) -> Change:
    """``enableDebuggingHandlers: false``: edged answers logs and exec with a sentence (facts 4.4)."""

    def change(rec: Recorded) -> None:
        rec.replace(node, YAML, "enableDebuggingHandlers: true", "enableDebuggingHandlers: false")
        rec.kubectl_says(node, "logs", "Debug endpoints are disabled.\n")
        rec.kubectl_says(node, "exec", rc=1, err="error: unable to upgrade connection: Debug endpoints are disabled.\n")

    return change


def off(node: str) -> Change:
    """The machine is off: the recorder got nothing from it."""

    def change(rec: Recorded) -> None:
        del rec.hosts[node]
        rec.condition(node, "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
        rec.item("leases", node)["spec"]["renewTime"] = "2026-11-22T09:30:12.000000Z"
        session_closed(node)(rec)

    return change


def cut_off(node: str) -> Change:
    """The way to the cloud is gone, but the recorder reaches the machine: EdgeCore works on by itself."""

    def change(rec: Recorded) -> None:
        for row in rec.rows(node, "10.99.0.10"):
            if "/dev/tcp/" in row["cmd"] or "telnet" in row["cmd"] or "nc -z" in row["cmd"]:
                row.update(rc=124, out="", err="")
        rec.answer(node, HANDSHAKE, rc=124)
        rec.drop_lines(node, ESTABLISHED, ":10000 ")
        rec.drop_lines(node, ESTABLISHED, ":10004 ")
        rec.condition(node, "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
        rec.item("leases", node)["spec"]["renewTime"] = "2026-11-22T09:40:12.000000Z"
        hangs(node)(rec)

    return change


def clock(node: str, ahead: int) -> Change:
    """The host's clock goes ahead by so many seconds, or behind."""

    def change(rec: Recorded) -> None:
        for row in rec.rows(node, "date -u +%s"):
            row["out"] = f"{int(row['out']) + ahead}\n"

    return change


def port(node: str, number: int) -> Change:
    """The kubelet port in the node's status."""

    def change(rec: Recorded) -> None:
        rec.item("nodes", node)["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"] = number

    return change


def address(node: str, ip: str) -> Change:
    """The InternalIP in the node's status."""

    def change(rec: Recorded) -> None:
        rec.item("nodes", node)["status"]["addresses"][0]["address"] = ip

    return change


def label(node: str, value: str | None) -> Change:
    """The label of edges, None for none."""

    def change(rec: Recorded) -> None:
        labels = rec.item("nodes", node)["metadata"]["labels"]
        labels.pop("node-role.kubernetes.io/edge")
        if value is not None:
            labels["node-role.kubernetes.io/edge"] = value

    return change


def pod_name(node: str) -> str:
    """The workload's pod there."""
    return PODS[node]


def ip_of(node: str) -> str:
    """Its address."""
    return IP[node]


def docker(rec: Recorded) -> None:
    """Edges whose runtime is Docker behind cri-dockerd."""
    for node in PODS:
        rec.replace(node, YAML, "/run/containerd/containerd.sock", "/run/cri-dockerd.sock")
        for row in rec.rows(node, "systemctl is-active containerd"):
            row["cmd"] = "systemctl is-active docker"
        for row in rec.rows(node, "ctr -n k8s.io"):
            table = "REPOSITORY TAG IMAGE ID CREATED SIZE\nkubeedge/pause 3.6 abcdef123456 2 years ago 683kB\n"
            row.update(cmd="docker images", out=table)


def docker_stopped(rec: Recorded) -> None:
    """And Docker of edge1 is stopped."""
    runtime_stopped("edge1")(rec)
    docker(rec)
    rec.answer("edge1", "docker images", rc=1, err="Cannot connect to the Docker daemon. Is the docker daemon running?")
