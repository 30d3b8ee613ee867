"""Every way of writing a question that recordings hold must lead to the ask it answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.asks import (
    CaFingerprint,
    Certificate,
    Clock,
    DirList,
    DiskFree,
    File,
    FileStat,
    HostAsk,
    HttpGet,
    Images,
    Journal,
    Nat,
    Proc,
    Service,
    Sockets,
    Tcp,
    TlsPeer,
    recognise,
)

RECORDINGS = Path(__file__).parents[1] / "recordings"
CONFIG = "/etc/kubeedge/config/edgecore.yaml"
CERT, KEY = "/etc/kubeedge/certs/server.crt", "/etc/kubeedge/certs/server.key"

RECORDED = {
    "date -u +%s": Clock(),
    "iptables -t nat -S": Nat("default"),
    "iptables-save -t nat": Nat("default"),
    "iptables-legacy-save -t nat": Nat("legacy"),
    "ss -ltnp": Sockets("listening"),
    "ss -tnp state established": Sockets("established"),
    "ctr -n k8s.io images ls -q": Images("ctr"),
    "k3s crictl images": Images("k3s"),
    "crictl images": Images("crictl"),
    "timeout 3 bash -c '</dev/tcp/10.99.0.10/10003'": Tcp("10.99.0.10", 10003),
    "echo | timeout 4 telnet 10.99.0.10 10004": Tcp("10.99.0.10", 10004),
    "nc -zvw3 10.99.0.10 10004": Tcp("10.99.0.10", 10004),
    "curl -ksS -m 5 -o /dev/null -w '%{http_code}' https://10.99.0.10:10003/containerLogs/default/none/none": HttpGet(
        "https://10.99.0.10:10003/containerLogs/default/none/none"
    ),
    "timeout 5 openssl s_client -connect 10.99.0.10:10003 </dev/null 2>&1 | openssl x509 -noout -subject -issuer "
    "-dates -ext subjectAltName": TlsPeer("10.99.0.10:10003"),
    f"timeout 5 openssl s_client -connect 10.99.0.10:10004 -cert {CERT} -key {KEY} </dev/null 2>&1 | tail -40": TlsPeer(
        "10.99.0.10:10004", CERT, KEY
    ),
    "curl -ksS -m 5 https://10.99.0.10:10002/ca.crt | openssl x509 -inform der -noout -subject -fingerprint "
    "-sha256": CaFingerprint("https://10.99.0.10:10002/ca.crt"),
    "df -h /": DiskFree("/"),
    "df -i /": DiskFree("/", "inodes"),
    f"cat {CONFIG}": File(CONFIG),
    "systemctl is-active containerd": Service("containerd"),
    "journalctl -u edgecore -n 120 --no-pager -o short-iso": Journal("edgecore"),
    "curl -sS -m 3 http://127.0.0.1:10350/healthz": HttpGet("http://127.0.0.1:10350/healthz"),
    f"stat -c '%n %Y %s %U %a' {CONFIG}": FileStat(CONFIG),
    "openssl x509 -in /etc/kubeedge/ca/rootCA.crt -noout -fingerprint -sha256": Certificate(
        "/etc/kubeedge/ca/rootCA.crt"
    ),
    "cat /proc/loadavg /proc/uptime": Proc("load"),
    "head -5 /proc/meminfo": Proc("memory"),
}

OTHER_WAYS = {
    "sudo -n timeout -k 1 5 cat /etc/x": File("/etc/x"),
    "sudo -u root env LC_ALL=C TZ=UTC systemctl show --no-pager edgecore.service": Service("edgecore"),
    'sudo bash -c "iptables -t nat -S" 2>/dev/null': Nat("default"),
    "/usr/sbin/iptables-nft-save -t nat": Nat("nft"),
    "iptables-legacy -t nat --list-rules": Nat("legacy"),
    "timeout 3 nc -w 3 -z 10.1.2.3 10004 2>&1": Tcp("10.1.2.3", 10004),
    "telnet cloud.example 10004 < /dev/null": Tcp("cloud.example", 10004),
    "curl -v -m 3 telnet://10.1.2.3:10004": Tcp("10.1.2.3", 10004),
    "(exec 3<>/dev/tcp/10.1.2.3/10004) 2>&1": Tcp("10.1.2.3", 10004),
    "ss -lntup": Sockets("listening"),
    "netstat -tnp": Sockets("established"),
    "ss -tn state listening": Sockets("listening"),
    "journalctl -xeu edgecore -b -n 100": Journal("edgecore"),
    "journalctl --unit=edgecore --no-pager | tail -n 50": Journal("edgecore"),
    "nerdctl -n k8s.io images": Images("nerdctl"),
    "cat /proc/meminfo": Proc("memory"),
}

NOT_OURS = [
    "hostname",
    "systemctl status edgecore --no-pager -n 10",
    "systemctl is-enabled edgecore",
    "journalctl -u edgecore -n 5 --no-pager -o json",
    "grep -A 10 'edgeStream:' /etc/kubeedge/config/edgecore.yaml",
    "top -b -n1 | head -20",
    "",
    "'",
]

ONLY_A_PART = [
    "cat /etc/kubeedge/config/edgecore.yaml | head -20",
    "iptables-save -t nat | grep 10351",
    "iptables -t nat -S OUTPUT",
    "iptables-save -t filter",
    "ss -tnp state established '( dport = :10004 )'",
    "ss -s",
    "ss -tnp state time-wait",
    "ss -tnp exclude established",
    "journalctl -u edgecore -p err",
    "journalctl -u edgecore -r -n 50",
    "journalctl -u edgecore --until yesterday",
    "ctr images ls -q",
    "bash -c 'cat /etc/x; date'",
    "timeout 2 bash -c '</dev/tcp/1.2.3.4/10004' && echo open",
    "curl -k -H 'Host: 10.99.0.21' https://10.99.0.10:10003/metrics",
]


@pytest.mark.parametrize("command", [*RECORDED, *OTHER_WAYS])
def test_a_command_line_leads_to_its_ask(command: str) -> None:
    assert recognise(command) == (RECORDED | OTHER_WAYS)[command]


@pytest.mark.parametrize("command", [*NOT_OURS, *ONLY_A_PART])
def test_what_answers_no_ask_is_left_aside(command: str) -> None:
    assert recognise(command) is None


def test_every_recorded_command_is_accounted_for() -> None:
    commands = {row["cmd"] for file in RECORDINGS.glob("*/host-*.json") for row in json.loads(file.read_text())}
    unread = {command for command in commands if recognise(command) is None}
    assert unread == {
        "hostname",
        "uname -a",
        "uptime",
        "free -m",
        "head -3 /proc/stat",
        "top -b -n1 | head -20",
        "iptables -t nat -L OUTPUT -n",
        "grep -A 10 'edgeStream:' /etc/kubeedge/config/edgecore.yaml",
        "systemctl is-enabled edgecore",
        "systemctl status edgecore --no-pager -n 10",
        "journalctl -u edgecore -n 5 --no-pager -o json",
    }


PATHS = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00\n\r", exclude_categories=("Cs",)), min_size=1, max_size=30
).map(lambda text: "/etc/" + text)
HOSTS = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,20}[a-z]", fullmatch=True)
PORTS = st.integers(1, 65535)

ASKS: st.SearchStrategy[HostAsk] = st.one_of(
    st.builds(File, PATHS),
    st.builds(FileStat, PATHS),
    st.builds(Certificate, PATHS),
    st.builds(DiskFree, PATHS, st.sampled_from(["blocks", "inodes"])),
    st.builds(Proc, st.sampled_from(["load", "memory"])),
    st.builds(Service, st.sampled_from(["edgecore", "containerd", "k3s-agent"])),
    st.builds(Journal, st.sampled_from(["edgecore", "cloudcore"])),
    st.builds(Sockets, st.sampled_from(["listening", "established"])),
    st.builds(Nat, st.sampled_from(["default", "legacy", "nft"])),
    st.builds(Images, st.sampled_from(["k3s", "crictl", "ctr", "nerdctl", "docker"])),
    st.builds(Tcp, HOSTS, PORTS),
    st.builds(HttpGet, st.builds("https://{}:{}/metrics".format, HOSTS, PORTS)),
    st.builds(CaFingerprint, st.builds("https://{}:{}/ca.crt".format, HOSTS, PORTS)),
    st.builds(TlsPeer, st.builds("{}:{}".format, HOSTS, PORTS)),
    st.builds(TlsPeer, st.builds("{}:{}".format, HOSTS, PORTS), PATHS, PATHS),
    st.just(DirList(("/etc/kubeedge", "/etc/kubeedge/certs"))),
    st.just(Clock()),
)


@given(ASKS)
def test_what_is_rendered_is_recognised_back(ask: HostAsk) -> None:
    assert recognise(ask.render()) == ask


@given(st.text())
def test_no_text_breaks_the_reading_of_a_command(command: str) -> None:
    recognise(command)


@given(PATHS)
def test_a_hostile_path_stays_one_word(path: str) -> None:
    hostile = File(path + "'; touch /tmp/owned; echo '")
    assert recognise(hostile.render()) == hostile
