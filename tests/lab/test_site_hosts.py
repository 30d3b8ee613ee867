"""The practice site's machines, as an SSH client sees them."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import paramiko
import pytest

from lab.background import BackgroundSite, run_in_thread

CONFIG = "/etc/kubeedge/config/edgecore.yaml"


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def lab() -> Iterator[BackgroundSite]:
    with run_in_thread(edges=2) as site:
        yield site


def connect(lab: BackgroundSite, host: str, user: str = "root") -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(str(lab.files.known_hosts))
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    key = paramiko.Ed25519Key.from_private_key_file(str(lab.files.identity))
    client.connect(
        "127.0.0.1", lab.hosts[host].port, user, pkey=key, allow_agent=False, look_for_keys=False, timeout=10
    )
    return client


Run = Callable[..., Result]


@pytest.fixture(scope="module")
def run(lab: BackgroundSite) -> Iterator[Run]:
    clients: dict[tuple[str, str], paramiko.SSHClient] = {}

    def execute(host: str, command: str, *, user: str = "root", stdin: bytes = b"") -> Result:
        if (host, user) not in clients:
            clients[host, user] = connect(lab, host, user)
        transport = clients[host, user].get_transport()
        assert transport is not None
        with transport.open_session(timeout=10) as channel:
            channel.settimeout(20)
            channel.exec_command(command)
            channel.sendall(stdin)
            channel.shutdown_write()
            out = channel.makefile("rb").read()
            err = channel.makefile_stderr("rb").read()
            return Result(channel.recv_exit_status(), out.decode(), err.decode())

    yield execute
    for client in clients.values():
        client.close()


def test_edgecore_yaml_has_the_recorded_shape_with_comments(lab: BackgroundSite, run: Run) -> None:
    path = lab.hosts["edge1"].tree / CONFIG
    text = run("edge1", f"cat {path}").out
    assert text == path.read_text()
    assert "enable: true # switched on by the line team" in text
    assert f"server: 127.0.0.1:{lab.world.ports.tunnel}\n" in text


def test_certificates_named_in_the_file_exist_and_fit(lab: BackgroundSite, run: Run) -> None:
    tree = lab.hosts["edge1"].tree
    named = [w for w in (tree / CONFIG).read_text().split() if w.startswith("/") and w.endswith((".crt", ".key"))]
    assert named
    assert all(Path(name).is_file() for name in named)
    subject = run("edge1", f"openssl x509 -in {tree / '/etc/kubeedge/certs/server.crt'} -noout -subject -issuer").out
    assert subject == "subject=O = system:nodes, CN = system:node:edge1\nissuer=CN = KubeEdge\n"


def test_the_configuration_is_older_than_the_process(lab: BackgroundSite) -> None:
    tree, edge = lab.hosts["edge1"].tree, lab.world.host("edge1")
    for name in (CONFIG, "/etc/kubeedge/certs/server.crt"):
        assert (tree / name).stat().st_mtime < edge.service("edgecore").active_enter


@pytest.mark.parametrize(
    ("command", "stdin", "expected"),
    [
        ("sh -s", b"echo out; echo err >&2; exit 3\n", Result(3, "out\n", "err\n")),
        ("sh -c 'read line; echo \"got $line\"'", b"text\n", Result(0, "got text\n", "")),
        ("cat | wc -c", b"x" * 300_000, Result(0, "300000\n", "")),
        ("hostname; id -un; pwd >/dev/null", b"", Result(0, "edge1\nroot\n", "")),
        ("k3s crictl images", b"", Result(127, "", f"{shutil.which('bash')}: line 1: k3s: command not found\n")),
        ("docker ps", b"", Result(127, "", f"{shutil.which('bash')}: line 1: docker: command not found\n")),
    ],
)
def test_commands_run_in_real_shells(run: Run, command: str, stdin: bytes, expected: Result) -> None:
    result = run("edge1", command, stdin=stdin)
    assert Result(result.code, result.out.replace(" ", "") if "wc" in command else result.out, result.err) == expected


def test_output_is_not_cut_at_either_stream(run: Run) -> None:
    result = run("edge1", "head -c 2000000 /dev/zero | tr '\\0' a; head -c 1000000 /dev/zero | tr '\\0' b >&2")
    assert (len(result.out), len(result.err)) == (2_000_000, 1_000_000)


def test_a_killed_shell_reports_its_signal(run: Run) -> None:
    assert run("edge1", "kill -9 $$").code == -1


def test_show_and_restart_reach_the_world(lab: BackgroundSite, run: Run) -> None:
    before = lab.world.host("edge1").service("edgecore").main_pid
    assert f"MainPID={before}\n" in run("edge1", "systemctl show edgecore -p MainPID,ActiveState").out
    assert run("edge1", "systemctl restart edgecore").code == 0
    after = lab.world.host("edge1").service("edgecore").main_pid
    assert after != before
    assert run("edge1", "systemctl show edgecore -p MainPID --value").out == f"{after}\n"


def test_restart_reads_the_file_again(lab: BackgroundSite, run: Run) -> None:
    path = lab.hosts["edge2"].tree / CONFIG
    healthy = path.read_text()
    try:
        path.write_text(healthy.replace("    enable: true # switched", "    enable: false # switched"))
        config = lab.world.edges["edge2"].config
        assert config is not None
        assert config.stream_enabled, "nothing reads the file before a restart"
        run("edge2", "systemctl restart edgecore")
        assert "Module edgestream is disabled" in run("edge2", "journalctl -u edgecore -n 12 --no-pager -o cat").out
        path.write_text(healthy + "\n bad: [\n")
        assert run("edge2", "systemctl restart edgecore").code == 0
        shown = run("edge2", "systemctl show edgecore -p ActiveState,SubState,Result,ExecMainStatus").out
        assert shown == "Result=exit-code\nExecMainStatus=1\nActiveState=activating\nSubState=auto-restart\n"
    finally:
        path.write_text(healthy)
        run("edge2", "systemctl restart edgecore")


def test_a_nat_rule_added_by_hand_is_in_the_world(lab: BackgroundSite, run: Run) -> None:
    rule = "-p tcp --dport 10399 -j DNAT --to-destination 127.0.0.1:1"
    assert run("cloud1", f"iptables -t nat -A OUTPUT {rule}").code == 0
    assert "--dport 10399" in run("cloud1", "iptables-save -t nat").out
    assert lab.world.host("cloud1").translate("OUTPUT", "10.99.0.21", 10399) == "127.0.0.1:1"
    assert run("cloud1", f"iptables -t nat -D OUTPUT {rule}").code == 0


def test_sudo_for_the_ordinary_user(lab: BackgroundSite, run: Run) -> None:
    assert run("edge1", "id -un; sudo -n id -un", user="oncall").out == "oncall\nroot\n"
    assert run("edge1", "systemctl restart edgecore", user="oncall").code == 1
    lab.hosts["edge1"].sudoers.policy = "password"  # type: ignore[assignment]
    try:
        assert run("edge1", "sudo -n true", user="oncall").err == "sudo: a password is required\n"
        result = run("edge1", "sudo -S -p '' id -un; cat", user="oncall", stdin=b"practice\nthe rest\n")
        assert (result.code, result.out) == (0, "root\nthe rest\n")
        assert run("edge1", "sudo -S -p '' id -un", user="oncall", stdin=b"wrong\n").code == 1
    finally:
        lab.hosts["edge1"].sudoers.policy = "nopasswd"  # type: ignore[assignment]


def test_tcp_is_open_refused_or_filtered_for_real(lab: BackgroundSite, run: Run) -> None:
    probe = f"timeout 1 bash -c '</dev/tcp/127.0.0.1/{lab.world.ports.tunnel}'"
    assert run("edge1", probe) == Result(0, "", "")

    lab.call(lambda world: _input_rule(world, "-A", "DROP"))
    started = time.monotonic()
    assert run("edge1", probe) == Result(124, "", "")
    assert time.monotonic() - started > 0.9
    lab.call(lambda world: _input_rule(world, "-D", "DROP"))

    lab.call(lambda world: _input_rule(world, "-A", "REJECT"))
    refused = run("edge1", probe)
    assert refused.code == 1
    assert "Connection refused" in refused.err
    lab.call(lambda world: _input_rule(world, "-D", "REJECT"))
    assert run("edge1", probe).code == 0


def _input_rule(world: object, how: str, verdict: str) -> None:
    cloud = world.host("cloud1")  # type: ignore[attr-defined]
    rule = f"-p tcp -m tcp --dport {world.ports.tunnel} -j {verdict}"  # type: ignore[attr-defined]
    (cloud.firewall["nft"].append if how == "-A" else cloud.firewall["nft"].delete)("filter", "INPUT", rule)
    cloud.rules_changed()


def test_the_tunnel_port_demands_the_edges_certificate(lab: BackgroundSite, run: Run) -> None:
    certs = lab.hosts["edge1"].tree / "/etc/kubeedge/certs"
    client = f"timeout 5 openssl s_client -connect 127.0.0.1:{lab.world.ports.tunnel}"
    naked = run("edge1", f"sleep 1 | {client} 2>&1").out  # the alert comes after the client's own handshake
    assert "alert certificate required" in naked
    assert "subject=O = KubeEdge, CN = KubeEdge" in naked
    dressed = run("edge1", f"{client} -cert {certs}/server.crt -key {certs}/server.key </dev/null 2>&1")
    assert "alert" not in dressed.out
    assert dressed.code == 0


def test_the_stream_port_and_the_hub_answer_like_cloudcore(lab: BackgroundSite, run: Run) -> None:
    ports = lab.world.ports
    stream = f"https://127.0.0.1:{ports.stream}/containerLogs/default/none/none"
    status = run("cloud1", f"curl -ksS -m 5 -o /dev/null -w '%{{http_code}}' {stream}").out
    assert status == "500"
    fingerprint = "openssl x509 -noout -fingerprint -sha256"
    served = run("cloud1", f"curl -ksS -m 5 https://127.0.0.1:{ports.https}/ca.crt | {fingerprint} -inform der").out
    kept = run("edge1", f"{fingerprint} -in {lab.hosts['edge1'].tree / '/etc/kubeedge/ca/rootCA.crt'}").out
    assert served == kept != ""


def test_edged_answers_on_the_edges_own_loopback(run: Run) -> None:
    health = "curl -sS -m 3 http://127.0.0.1:10350/healthz"
    assert run("edge1", health) == Result(0, "ok", "")
    run("edge1", "systemctl stop edgecore")
    stopped = run("edge1", health)
    run("edge1", "systemctl start edgecore")
    assert stopped.code == 7
    assert "Failed to connect to 127.0.0.1 port 10350" in stopped.err


def test_sftp_writes_into_the_tree(lab: BackgroundSite, tmp_path: Path) -> None:
    tree = lab.hosts["cloud1"].tree
    archive = tree / "/data/kubeedge-cloud-1.23.1/images/registry.k8s.io-metrics-server-metrics-server-v0.4.1.tar"
    with connect(lab, "cloud1") as client, client.open_sftp() as sftp:
        sftp.get(str(archive), str(tmp_path / "image.tar"))
        sftp.put(str(tmp_path / "image.tar"), str(tree / "/tmp/again.tar"))
        sftp.chmod(str(tree / "/tmp/again.tar"), 0o640)
    copy = tree / "/tmp/again.tar"
    assert copy.read_bytes() == archive.read_bytes()
    assert copy.stat().st_mode & 0o777 == 0o640


def test_the_bundles_image_can_be_imported(lab: BackgroundSite, run: Run) -> None:
    name = "registry.k8s.io/metrics-server/metrics-server:v0.4.1"
    bundle = lab.hosts["cloud1"].tree / "/data/kubeedge-cloud-1.23.1"
    assert run("cloud1", f"ctr -n k8s.io images rm {name}").code == 0
    assert name not in run("cloud1", "ctr -n k8s.io images ls -q").out
    assert run("cloud1", f"ctr -n k8s.io images import - < {bundle}/images/*.tar").code == 0
    assert name in run("cloud1", "ctr -n k8s.io images ls -q").out


def test_everything_ends_with_its_channel(lab: BackgroundSite) -> None:
    mark = "47.4711"
    with connect(lab, "edge1") as client:
        transport = client.get_transport()
        assert transport is not None
        channel = transport.open_session(timeout=10)
        channel.exec_command(f"timeout 60 sleep {mark} & echo started; sleep {mark}")
        assert channel.recv(100) == b"started\n"
        assert _running(mark) >= 2
        channel.close()
        assert _eventually(lambda: _running(mark) == 0)


def _running(mark: str) -> int:
    listing = subprocess.run(["ps", "-A", "-o", "args="], capture_output=True, text=True, check=True).stdout
    return sum(line.split()[:1] in (["sleep"], ["timeout"]) and mark in line for line in listing.splitlines())


def _eventually(holds: Callable[[], bool], seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.02)
    return holds()


def test_following_a_journal(lab: BackgroundSite) -> None:
    with connect(lab, "edge1") as client:
        transport = client.get_transport()
        assert transport is not None
        channel = transport.open_session(timeout=10)
        channel.settimeout(10)
        channel.exec_command("journalctl -fu edgecore -n 1 -o cat")
        seen = channel.recv(1000)
        assert seen, "the last line so far comes at once"
        lab.call(lambda world: world.host("edge1").log("edgecore", "I a line of now"))
        while b"a line of now" not in seen:
            seen += channel.recv(1000)


def test_a_terminal_is_a_terminal(lab: BackgroundSite) -> None:
    with connect(lab, "edge1") as client:
        channel = client.invoke_shell("xterm-256color", 100, 30)
        channel.settimeout(10)
        channel.send(b"stty size; echo $TERM; sleep 60\n")
        seen = read_until(channel, b"xterm-256color")
        assert b"30 100" in seen
        assert b"edge1:" in seen, "the prompt names the host"
        assert b"job control" not in seen
        channel.resize_pty(132, 43)
        channel.send(b"\x03")
        channel.send(b"stty size; exit 5\n")
        read_until(channel, b"43 132")
        assert channel.recv_exit_status() == 5


def read_until(channel: paramiko.Channel, wanted: bytes) -> bytes:
    seen = b""
    while wanted not in seen:
        chunk = channel.recv(1000)
        assert chunk, f"ended after {seen!r}"
        seen += chunk
    return seen


def test_an_unreachable_host_refuses_and_comes_back(lab: BackgroundSite) -> None:
    client = connect(lab, "edge2")

    def reachable(world: object, value: bool) -> None:
        world.host("edge2").reachable = value  # type: ignore[attr-defined]

    lab.call(lambda world: reachable(world, False))
    transport = client.get_transport()
    assert transport is not None
    assert _eventually(lambda: not transport.is_active()), "present connections are dropped"
    with pytest.raises(paramiko.ssh_exception.NoValidConnectionsError):
        connect(lab, "edge2")
    lab.call(lambda world: reachable(world, True))
    connect(lab, "edge2").close()


def test_only_the_sites_key_opens_the_door(lab: BackgroundSite) -> None:
    with pytest.raises(paramiko.AuthenticationException):
        connect(lab, "edge1", user="somebody")


def test_a_slow_link_is_slow(lab: BackgroundSite, run: Run) -> None:
    lab.hosts["edge2"].extra.latency = 0.2
    lab.call(lambda world: None)
    try:
        with connect(lab, "edge2") as client:
            started = time.monotonic()
            client.exec_command("true")[1].channel.recv_exit_status()
            assert time.monotonic() - started > 0.2
    finally:
        lab.hosts["edge2"].extra.latency = 0.0
        lab.call(lambda world: None)


@pytest.mark.skipif(shutil.which("ssh") is None, reason="no OpenSSH client")
def test_openssh_uses_the_written_configuration(lab: BackgroundSite) -> None:
    command = ["ssh", "-F", str(lab.files.ssh_config), "edge1", "systemctl is-active edgecore"]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "active\n", "")


@pytest.mark.skipif(shutil.which("scp") is None, reason="no OpenSSH client")
def test_openssh_copies_files_and_jumps(lab: BackgroundSite, tmp_path: Path) -> None:
    config = ["-F", str(lab.files.ssh_config)]
    (tmp_path / "file").write_text("text")
    target = lab.hosts["edge1"].tree / "/tmp/copied"
    copy = ["scp", *config, str(tmp_path / "file"), f"edge1:{target}"]
    assert subprocess.run(copy, capture_output=True, timeout=30, check=False).returncode == 0
    assert target.read_text() == "text"
    jump = ["ssh", *config, "-J", "cloud1", "edge1", "hostname"]
    done = subprocess.run(jump, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (0, "edge1\n")


def test_stand_ins_are_quick(run: Run) -> None:
    """A sweep runs a dozen of them on every host."""
    count = 20
    loop = f"i=0; while [ $i -lt {count} ]; do systemctl is-active edgecore; i=$((i+1)); done"
    started = time.monotonic()
    assert run("edge1", loop).out == "active\n" * count
    each = (time.monotonic() - started) / count
    assert each < 0.04, f"{each * 1000:.0f} ms each"
