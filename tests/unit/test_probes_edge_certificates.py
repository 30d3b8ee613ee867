"""Reading openssl, df, /proc and the journal; on the recordings and on anything else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.asks import CaFingerprint, Certificate, Clock, DiskFree, FileStat, Journal, Proc, TlsPeer
from kedge.facts.certificates import CloudCa, EdgeCertificate, Handshake, StreamCertificate, TunnelTls
from kedge.facts.edgecore import EdgeCoreConfig, EdgeCoreLog, EdgeStream
from kedge.facts.resources import Headroom, Volume
from kedge.i18n import _
from kedge.model import Host, HostPaths, Observation, Reason, Role, Unknown
from kedge.probes.certificates import (
    certificate_paths,
    edge_certificate,
    openssl_time,
    read_cloud_ca,
    read_edge_certificate,
    read_stream_certificate,
    read_tunnel_tls,
    read_x509,
    tunnel_tls,
)
from kedge.probes.journal import read_edgecore_log
from kedge.probes.resources import read_df, read_headroom, read_load, read_memory

CERT = "/etc/kubeedge/certs/server.crt"
NOT_RECORDED = Unknown(Reason.NOT_RECORDED, _("not recorded"))
TEXT = """\
subject=O = system:nodes, CN = system:node:edge1
issuer=CN = KubeEdge
notBefore=Nov 22 09:32:02 2026 GMT
notAfter=Nov  2 09:32:02 2027 GMT
sha256 Fingerprint=2D:96:8E:34:04:45:69:39:B8:62:EE:F1:53:BB:CF:9D:4D:4B:3C:EB:FC:9A:B1:AD:13:AE:4F:E0:0F:7C:AB:70
X509v3 Subject Alternative Name:
    DNS:cloudcore.kubeedge, IP Address:10.99.0.10, DNS:
"""


def test_everything_openssl_prints_of_a_certificate() -> None:
    found = read_x509(TEXT)
    assert found.common_name == "system:node:edge1"
    assert found.issuer == "CN = KubeEdge"
    assert found.not_before == datetime(2026, 11, 22, 9, 32, 2, tzinfo=UTC)
    assert found.not_after == datetime(2027, 11, 2, 9, 32, 2, tzinfo=UTC)
    assert found.fingerprint.startswith("2D:96:8E")
    assert found.names == ("cloudcore.kubeedge", "10.99.0.10")


@pytest.mark.parametrize(
    "text", ["", "Nov 31 09:32:02 2026 GMT", "Nov 22 99:32:02 2026 GMT", "Foo 22 09:32:02 2026 GMT", "2026-11-22"]
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert openssl_time(text) is None


def test_an_older_openssl_and_other_letters() -> None:
    found = read_x509("subject= /O=system:nodes/CN=system:node:edge1\nSHA256 Fingerprint=" + ":".join(["ab"] * 32))
    assert found.common_name == "system:node:edge1"
    assert found.fingerprint == ":".join(["AB"] * 32)


def openssl(out: str = "", rc: int = 0, err: str = "", at: datetime | None = None) -> Observation:
    return Observation(Certificate(CERT), "edge1", "openssl", at, exit_code=rc, stdout=out, stderr=err)


STAT = Observation(FileStat(CERT), "edge1", "stat", error=NOT_RECORDED)
CLOCK = Observation(Clock(), "edge1", "date", exit_code=0, stdout="1795340728\n")


def test_a_certificate_is_dated_by_the_hosts_own_clock() -> None:
    found = read_edge_certificate(openssl(TEXT), STAT, CLOCK)
    assert isinstance(found, EdgeCertificate)
    assert found.at == datetime(2026, 11, 22, 9, 45, 28, tzinfo=UTC)
    assert found.mtime is None


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (openssl(rc=1, err=f"Could not open file or uri for certificate from {CERT}\nNo such file or directory"),
         Reason.MISSING),
        (openssl(rc=1, err="Could not read certificate from <stdin>\nUnable to load certificate"), Reason.UNPARSABLE),
        (openssl(rc=127, err="sh: openssl: not found"), Reason.NO_TOOL),
        (openssl("nothing of ours"), Reason.UNPARSABLE),
    ],
)  # fmt: skip
def test_a_certificate_that_cannot_be_read_has_a_typed_reason(answer: Observation, reason: Reason) -> None:
    found = read_edge_certificate(answer, STAT, CLOCK)
    assert isinstance(found, Unknown)
    assert found.reason is reason


def test_the_inventory_moves_the_folders_that_edgecore_yaml_names() -> None:
    config = EdgeCoreConfig("/e", edge_stream=EdgeStream(cert_file="/etc/kubeedge/certs/a.crt", key_file="/own/b.key"))
    paths = HostPaths(certs="/x/certs/", ca="/x/ca")
    assert certificate_paths(paths, config) == ("/x/certs/a.crt", "/own/b.key", "/x/ca/rootCA.crt")
    host = Host("edge1", frozenset({Role.EDGE}), paths=HostPaths(certs="/x/certs"))
    assert edge_certificate.ask(host, NOT_RECORDED)[0] == Certificate("/x/certs/server.crt")  # type: ignore[index]
    assert tunnel_tls.ask(host, EdgeCoreConfig("/e", edge_stream=EdgeStream(server="nonsense"))) is None


def peer(address: str, out: str, rc: int = 0, err: str = "") -> Observation:
    return Observation(TlsPeer(address), "cloud1", "openssl", exit_code=rc, stdout=out, stderr=err)


def test_one_stream_port_that_shows_nothing_does_not_hide_another() -> None:
    found = read_stream_certificate(peer("a:1", "", 1, "Unable to load certificate"), peer("b:1", TEXT))
    assert isinstance(found, StreamCertificate)
    assert [address for address, _x509 in found.shown] == ["b:1"]
    assert isinstance(read_stream_certificate(peer("a:1", "", 1, "Unable to load certificate")), Unknown)


def test_the_clouds_ca() -> None:
    ask = CaFingerprint("https://10.99.0.10:10002/ca.crt")
    found = read_cloud_ca(Observation(ask, "cloud1", "curl", exit_code=0, stdout=TEXT))
    assert isinstance(found, CloudCa)
    assert found.url == ask.url


TICKET = "    0330 - ed 4a 3f 0b 50 c4 83 55-d5 ed 3c 87 1b 5d 0c b2   .J?.P..U..<..].."


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("HTTP/1.1 400 Bad Request\r\n\r\n", Handshake.ACCEPTED),
        (f"{TICKET}\n    Verify return code: 21 (unable to verify)\nread R BLOCK", Handshake.ACCEPTED),
        ("    Protocol  : TLSv1.2\n    Cipher    : ECDHE-ECDSA-AES128-GCM-SHA256\n", Handshake.ACCEPTED),
        ("    Protocol  : TLSv1.2\n    Cipher    : 0000\n", Handshake.UNDECIDED),
        ("New, TLSv1.3, Cipher is TLS_AES_128_GCM_SHA256\nVerify return code: 21\nDONE", Handshake.UNDECIDED),
        ("error:0A000418:SSL routines:x:tlsv1 alert unknown ca:…:SSL alert number 48", Handshake.REJECTED),
        (f"{TICKET}\nerror:…:tlsv13 alert certificate required:…:SSL alert number 116", Handshake.REJECTED),
        ("error:8000006F:system library:BIO_connect:Connection refused\nconnect:errno=111", Handshake.UNREACHED),
        ("", Handshake.UNREACHED),
        ("error:0A00010B:SSL routines:ssl3_get_record:wrong version number", Handshake.NOT_TLS),
        ("Could not open file or uri for loading client certificate from /x\nNo such file", Handshake.NO_CERTIFICATE),
        ("unable to load client certificate private key file", Handshake.NO_CERTIFICATE),
    ],
)  # fmt: skip
def test_the_report_of_a_handshake(said: str, outcome: Handshake) -> None:
    ask = TlsPeer("10.99.0.10:10004", CERT, "/k")
    found = read_tunnel_tls(Observation(ask, "edge1", "openssl", exit_code=0, stdout=said))
    assert isinstance(found, TunnelTls)
    assert found.outcome is outcome


def test_an_alert_is_kept_with_its_line() -> None:
    ask = TlsPeer("a:1", CERT, "/k")
    said = "CONNECTED(00000003)\nerror:…:tlsv1 alert unknown ca:…\nmore"
    found = read_tunnel_tls(Observation(ask, "edge1", "openssl", exit_code=0, stdout=said))
    assert isinstance(found, TunnelTls)
    assert found.detail == "error:…:tlsv1 alert unknown ca:…"


# ------------------------------------------------------------------------------------------------- resources

GIB = 1 << 30


@pytest.mark.parametrize(
    ("text", "volumes"),
    [
        ("Filesystem      Size  Used Avail Use% Mounted on\n/dev/vda        252G   46G   57G  45% /\n",
         [Volume("/", 252 * GIB, 57 * GIB)]),
        ("Filesystem     1024-blocks     Used Available Capacity Mounted on\n/dev/vda 1048576 0 524288 50% /my disk\n",
         [Volume("/my disk", GIB, GIB // 2)]),
        ("Filesystem       Inodes  IUsed    IFree IUse% Mounted on\n/dev/vda       16777216 692481 16084735    5% /\n",
         [Volume("/", 16777216, 16084735)]),
        ("Filesystem Inodes IUsed IFree IUse% Mounted on\nbtrfs 0 0 0 - /\n", [Volume("/", 0, 0)]),
        ("df: /nowhere: No such file or directory\n", []),
    ],
)  # fmt: skip
def test_df(text: str, volumes: list[Volume]) -> None:
    assert read_df(text) == volumes


def test_memory_and_load() -> None:
    text = "MemTotal:       24684084 kB\nMemFree:        22225184 kB\nMemAvailable:   23622524 kB\n"
    assert read_memory(text) == Volume("memory", 24684084 << 10, 23622524 << 10)
    assert read_memory("MemTotal: 10 kB\nMemFree: 5 kB\n") == Volume("memory", 10240, 5120)
    assert read_memory("MemTotal: 10 kB\n") is None
    assert read_load("1.12 0.57 0.59 1/295 6514\n7636.40 10499.26\n") == (295, (1.12, 0.57, 0.59))
    assert read_load("nonsense") == (0, ())


def test_whatever_answered_is_kept_and_one_file_system_counts_once() -> None:
    df = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda 1048576 0 524288 50% /\n"
    seen = [
        Observation(DiskFree("/"), "edge1", "df", exit_code=0, stdout=df),
        Observation(DiskFree("/var/lib/kubelet"), "edge1", "df", exit_code=0, stdout=df),
        Observation(
            DiskFree("/var/lib/containerd"), "edge1", "df", exit_code=1, stderr="df: No such file or directory"
        ),
        Observation(Proc("memory"), "edge1", "cat", error=NOT_RECORDED),
        Observation(Proc("load"), "edge1", "cat", exit_code=0, stdout="0.1 0.2 0.3 1/99 5\n"),
        Observation(Proc("pids"), "edge1", "cat", exit_code=0, stdout="32768\n"),
    ]
    found = read_headroom(*seen)
    assert isinstance(found, Headroom)
    assert (len(found.disks), found.memory, found.tasks, found.most_tasks) == (1, None, 99, 32768)
    assert read_headroom(seen[3]) is NOT_RECORDED


# --------------------------------------------------------------------------------------------------- journal


def journal(*lines: tuple[int, str]) -> EdgeCoreLog:
    text = "\n".join(f"2026-11-22T09:45:4{i}+0000 edge1 edgecore[{pid}]: {line}" for i, (pid, line) in enumerate(lines))
    found = read_edgecore_log(Observation(Journal("edgecore"), "edge1", "journalctl", exit_code=0, stdout=text))
    assert isinstance(found, EdgeCoreLog)
    return found


REFUSED = "E1122 09:45:41.1  1 x.go:1] dial wss://10.0.0.1:10004/v1 error dial tcp: connection refused"
DISABLED = "W1122 09:45:42.1  1 module.go:93] Module edgestream is disabled, do not register"
ENABLED = "I1122 09:45:42.1  1 module.go:90] Module edgestream registered successfully"


def test_only_the_running_process_is_listened_to() -> None:
    assert [hit.id for hit in journal((1, REFUSED), (1, REFUSED)).hits] == ["tunnel-refused"]
    assert journal((1, REFUSED), (2, "I1122 09:45:43.1  1 y.go:1] started")).hits == ()
    found = journal((1, "x"), (2, REFUSED))
    assert [hit.number for hit in found.hits] == [2]


@pytest.mark.parametrize(
    ("lines", "loaded"),
    [
        (((1, ENABLED), (2, DISABLED)), False),
        (((1, DISABLED), (2, ENABLED)), True),
        (((1, DISABLED), (2, REFUSED)), None),
    ],
)  # fmt: skip
def test_what_the_running_process_started_with(lines: tuple[tuple[int, str], ...], loaded: bool | None) -> None:
    assert journal(*lines).stream_loaded is loaded


@given(st.text())
def test_no_text_breaks_a_reader(text: str) -> None:
    read_x509(text)
    read_df(f"Filesystem\n{text}")
    read_memory(text)
    read_load(text)
    read_tunnel_tls(Observation(TlsPeer("a:1", CERT, "/k"), "edge1", "openssl", exit_code=0, stdout=text))
    read_edgecore_log(Observation(Journal("edgecore"), "edge1", "journalctl", exit_code=0, stdout=text))
    read_edge_certificate(openssl(text, err=text), STAT, CLOCK)
