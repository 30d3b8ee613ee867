"""Stand-in commands answer in the words and columns of the real ones, without a process or a socket."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.hosts.standins import TOOLS
from lab.hosts.tools.calls import Call, NeedsInput, Reply
from lab.hosts.tools.sudo import Sudoers, SudoPolicy, sudo
from lab.hosts.tree import image_archive
from lab.world_host import Host, Role, Service, Socket

RECORDINGS = Path(__file__).parents[1] / "recordings"
NOW = 1795340728.0

Run = Callable[..., Reply]


def recorded(folder: str, host: str, command: str) -> str:
    rows = json.loads((RECORDINGS / folder / f"host-{host}.json").read_text())
    return str(next(row["out"] for row in rows if row["cmd"] == command))


@pytest.fixture
def host() -> Host:
    edge = Host("edge1", Role.EDGE, "10.99.0.21", lambda: NOW)
    command = "/usr/local/bin/edgecore --config /etc/kubeedge/config/edgecore.yaml"
    edge.services["edgecore"] = Service("edgecore", "edgecore.service", command, "/etc/systemd/system/edgecore.service")
    edge.services["containerd"] = Service("containerd", "container runtime", "/usr/bin/containerd", "/lib/c.service")
    edge.start_service("edgecore")
    edge.start_service("containerd")
    return edge


@pytest.fixture
def run(host: Host, tmp_path: Path) -> Run:
    def call(line: str, *, user: str = "root", stdin: bytes | None = None) -> Reply:
        tool, *words = line.split(" ")
        return TOOLS[tool](Call(tool, tuple(words), user, tmp_path, host, Path("/"), stdin))

    return call


# -- systemctl


PROPERTIES = (
    "LoadState,ActiveState,SubState,NRestarts,ExecMainStatus,ExecMainCode,ActiveEnterTimestamp,FragmentPath,"
    "UnitFileState,Result,MainPID"
)


def names(text: str) -> list[str]:
    return [line.partition("=")[0] for line in text.splitlines()]


def test_show_prints_the_properties_of_a_real_systemd_in_its_order(run: Run) -> None:
    out = run(f"systemctl show edgecore -p {PROPERTIES} --no-pager").out
    assert names(out) == names(recorded("healthy", "edge1", f"systemctl show edgecore -p {PROPERTIES}"))
    assert "ActiveEnterTimestamp=Sun 2026-11-22 09:45:28 UTC" in out
    assert "FragmentPath=/etc/systemd/system/edgecore.service" in out


def test_show_of_a_stopped_service(run: Run, host: Host) -> None:
    host.stop_service("edgecore")
    seen = dict(line.split("=", 1) for line in run(f"systemctl show edgecore -p {PROPERTIES}").out.splitlines())
    command = f"systemctl show edgecore -p {PROPERTIES}"
    real = dict(line.split("=", 1) for line in recorded("edgecore-stopped", "edge1", command).splitlines())
    assert {k: v for k, v in seen.items() if k != "ActiveEnterTimestamp"} == {
        k: v for k, v in real.items() if k != "ActiveEnterTimestamp"
    }


def test_show_of_an_unknown_unit_succeeds_and_says_not_found(run: Run) -> None:
    reply = run("systemctl show nosuch -p LoadState,ActiveState,MainPID")
    assert (reply.code, reply.out) == (0, "MainPID=0\nLoadState=not-found\nActiveState=inactive\n")


def test_value_alone(run: Run) -> None:
    assert run("systemctl show -p ActiveState --value edgecore").out == "active\n"


@pytest.mark.parametrize(
    ("stop", "code", "text"), [(False, 0, "active\n"), (True, 3, "inactive\n")], ids=["running", "stopped"]
)
def test_is_active(run: Run, host: Host, stop: bool, code: int, text: str) -> None:
    if stop:
        host.stop_service("edgecore")
    reply = run("systemctl is-active edgecore")
    assert (reply.code, reply.out) == (code, text)


def test_status_has_the_lines_of_a_real_one(run: Run, host: Host) -> None:
    def shape(text: str) -> list[str]:
        return [re.sub(r"\d+|since .*", "#", line) for line in text.partition("\n\n")[0].splitlines()]

    real = recorded("healthy", "edge1", "systemctl status edgecore --no-pager -n 10")
    assert shape(run("systemctl status edgecore --no-pager -n 10").out) == shape(real)
    host.stop_service("edgecore")
    stopped = run("systemctl status edgecore --no-pager -n 10")
    assert stopped.code == 3
    assert stopped.out.startswith("○ edgecore.service\n")


def test_restart_of_an_unknown_unit(run: Run) -> None:
    reply = run("systemctl restart nosuch")
    assert (reply.code, reply.err) == (5, "Failed to restart nosuch.service: Unit nosuch.service not found.\n")


def test_an_ordinary_user_may_look_but_not_restart(run: Run, host: Host) -> None:
    before = host.service("edgecore").main_pid
    reply = run("systemctl restart edgecore", user="oncall")
    assert (reply.code, reply.err) == (
        1, "Failed to restart edgecore.service: Interactive authentication required.\n",
    )  # fmt: skip
    assert host.service("edgecore").main_pid == before
    assert run("systemctl is-active edgecore", user="oncall").out == "active\n"


# -- journalctl


def test_journal_formats(run: Run, host: Host) -> None:
    host.log("edgecore", "I1122 09:45:28.000000    2358 module.go:90] Module edgestream registered successfully")
    pid = host.service("edgecore").main_pid
    iso = run("journalctl -u edgecore -n 1 --no-pager -o short-iso").out
    assert iso.startswith(f"2026-11-22T09:45:28+0000 edge1 edgecore[{pid}]: I1122")
    assert run("journalctl -u edgecore.service -n1 -o cat").out.startswith("I1122")
    entry = json.loads(run("journalctl --unit=edgecore --lines=1 --output=json").out)
    assert entry["_PID"] == str(pid)
    assert entry["__REALTIME_TIMESTAMP"] == "1795340728000000"


def test_journal_counts_back_from_the_newest_line(run: Run, host: Host) -> None:
    for number in range(30):
        host.log("edgecore", f"line {number}")
    assert run("journalctl -u edgecore -n 2 -o cat").out == "line 28\nline 29\n"
    assert run("journalctl -u edgecore -o cat --since -1h").out.count("line ") == 30
    assert run("journalctl -u edgecore -o cat --until -1h").out == "-- No entries --\n"


def test_a_followed_journal_begins_with_ten_lines_or_where_it_is_told_to(run: Run, host: Host) -> None:
    for number in range(30):
        host.log("edgecore", f"line {number}")
    assert run("journalctl -u edgecore -f -o cat").out.count("line ") == 10
    assert run("journalctl -u edgecore -f -o cat --since -1h").out.count("line ") == 30
    assert run("journalctl -u edgecore -f -o cat --since -1h -n 4").out.count("line ") == 4


def test_journal_needs_rights(run: Run) -> None:
    assert run("journalctl -u edgecore", user="oncall").code == 1


# -- iptables


def test_rules_survive_a_round_trip(run: Run) -> None:
    assert run("iptables -t nat -A OUTPUT -p tcp --dport 10351 -j DNAT --to 127.0.0.1:10003").code == 0
    rule = "-A OUTPUT -p tcp -m tcp --dport 10351 -j DNAT --to-destination 127.0.0.1:10003"
    assert rule in run("iptables -t nat -S").out.splitlines()
    assert rule in run("iptables-save -t nat").out.splitlines()
    assert rule not in run("iptables-legacy-save -t nat").out
    assert run(f"iptables -w -t nat {rule.replace('-A', '-C')}").code == 0
    assert run(f"iptables -t nat {rule.replace('-A', '-D')}").code == 0
    again = run(f"iptables -t nat {rule.replace('-A', '-D')}")
    assert (again.code, again.err) == (1, "iptables: Bad rule (does a matching rule exist in that chain?).\n")


def test_saved_text_is_that_of_a_real_host(run: Run, host: Host) -> None:
    real = recorded("healthy", "cloud1", "iptables-save -t nat")
    run("iptables-restore", stdin=real.encode())

    def undated(text: str) -> list[str]:
        return [re.sub(r" on .*", "", line) for line in text.splitlines()]

    assert undated(run("iptables-save -t nat").out) == undated(real)
    assert run("iptables -t nat -S").out == recorded("healthy", "cloud1", "iptables -t nat -S")
    assert run("iptables -t nat -L OUTPUT -n").out == recorded("healthy", "cloud1", "iptables -t nat -L OUTPUT -n")


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        ("iptables -t nat -A NOPE -j ACCEPT", 1, "iptables: No chain/target/match by that name.\n"),
        ("iptables -t foo -L", 3, "iptables v1.8.9 (nf_tables): table 'foo' does not exist\n"),
        ("iptables -t nat -N OUTPUT", 1, "iptables: Chain already exists.\n"),
        ("iptables-legacy -t foo -S", 3, "can't initialize iptables table `foo': Table does not exist"),
        ("iptables -t nat -A OUTPUT --dport 1 -j ACCEPT", 2, 'unknown option "--dport"'),
        ("iptables -t nat -A OUTPUT -p tcp -j DNAT", 2, 'option "--to-destination" must be specified'),
    ],
)
def test_errors_of_iptables(run: Run, line: str, code: int, text: str) -> None:
    reply = run(line)
    assert reply.code == code
    assert text in reply.err


def test_chains_are_made_jumped_to_and_removed(run: Run, host: Host) -> None:
    for line in (
        "-N TUNNEL-PORT",
        "-A OUTPUT -j TUNNEL-PORT",
        "-A TUNNEL-PORT -p tcp --dport 9 -j DNAT --to 1.1.1.1:2",
    ):
        assert run(f"iptables -t nat {line}").code == 0
    assert host.translate("OUTPUT", "10.99.0.21", 9) == "1.1.1.1:2"
    assert run("iptables -t nat -X TUNNEL-PORT").code == 1
    assert "Chain TUNNEL-PORT (1 references)" in run("iptables -t nat -L -n").out
    for line in ("-D OUTPUT -j TUNNEL-PORT", "-F TUNNEL-PORT", "-X TUNNEL-PORT"):
        assert run(f"iptables -t nat {line}").code == 0
    assert host.translate("OUTPUT", "10.99.0.21", 9) is None


def test_the_world_hears_of_changed_rules_only(run: Run, host: Host) -> None:
    heard: list[str] = []
    host.changed = lambda changed: heard.append(changed.name)
    run("iptables -t nat -S")
    run("iptables-save")
    assert heard == []
    run("iptables -t nat -A OUTPUT -p tcp --dport 1 -j DNAT --to 1.1.1.1:1")
    assert heard == ["edge1"]


def test_restore_asks_for_standard_input(run: Run) -> None:
    with pytest.raises(NeedsInput):
        run("iptables-restore -n")


# -- ss


def sockets_of(text: str, state: str) -> Iterator[Socket]:
    for line in text.splitlines()[1:]:
        words = line.split()
        words = words if state else words[1:]
        local, peer = (word.rpartition(":") for word in words[2:4])
        process = re.search(r'"(.*)",pid=(\d+),fd=(\d+)', line)
        assert process is not None
        far = (peer[0], int(peer[2])) if state else None
        yield Socket(
            state or "LISTEN", (local[0], int(local[2])), far, process[1], int(process[2]), int(process[3]),
            int(words[0]), int(words[1]),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("folder", "name", "command", "state"),
    [
        ("healthy", "edge1", "ss -tnp state established", "ESTAB"),
        ("tunnel-port-blocked", "edge1", "ss -tnp state established", "ESTAB"),
        ("edgecore-stopped", "edge1", "ss -tnp state established", "ESTAB"),
        ("healthy", "edge1", "ss -ltnp", ""),
        ("healthy", "cloud1", "ss -ltnp", ""),
    ],
)
def test_columns_of_ss_are_those_of_iproute2(
    run: Run, host: Host, folder: str, name: str, command: str, state: str
) -> None:
    real = recorded(folder, name, command)
    sockets = list(sockets_of(real, state))
    host.listeners = lambda _host: [s for s in sockets if s.peer is None]
    host.connections = lambda _host: [s for s in sockets if s.peer is not None]
    assert [line.rstrip() for line in run(command).out.splitlines()] == [line.rstrip() for line in real.splitlines()]


def test_ss_filters_by_port_and_hides_processes_from_ordinary_users(run: Run, host: Host) -> None:
    host.connections = lambda _host: list(
        sockets_of(recorded("healthy", "edge1", "ss -tnp state established"), "ESTAB")
    )
    out = run("ss -Htn state established ( dport = :10004 )").out
    assert out.split() == ["0", "0", "10.99.0.21:47450", "10.99.0.10:10004"]
    assert "edgecore" not in run("ss -tnp", user="oncall").out


# -- images


def test_images_are_listed_imported_and_removed(run: Run, host: Host, tmp_path: Path) -> None:
    name = "registry.k8s.io/metrics-server/metrics-server:v0.4.1"
    (tmp_path / "image.tar").write_bytes(image_archive(name))
    assert run("ctr -n k8s.io images ls -q").out == ""
    assert f"unpacking {name}" in run("ctr -n k8s.io images import image.tar").out
    assert run("ctr -n k8s.io images ls -q").out.splitlines()[0] == name
    assert "v0.4.1" in run("k3s crictl images").out
    assert json.loads(run("crictl images -o json").out)["images"][0]["repoTags"] == [name]
    assert run(f"ctr -n k8s.io image rm {name}").code == 0
    assert name not in host.images


def test_an_import_that_cannot_be_says_why(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.tar").write_bytes(b"not a tar")
    assert run("ctr -n k8s.io images import nosuch.tar").err == "ctr: open nosuch.tar: no such file or directory\n"
    assert run("ctr -n k8s.io images import bad.tar").err == "ctr: unrecognized image format\n"


def test_a_stopped_runtime_refuses(run: Run, host: Host) -> None:
    host.stop_service("containerd")
    reply = run("ctr -n k8s.io images ls -q")
    assert reply.code == 1
    assert "connect: connection refused" in reply.err


# -- sudo


@pytest.mark.parametrize(
    ("line", "policy", "stdin", "expected"),
    [
        ("-n true", SudoPolicy.NOPASSWD, None, ("true",)),
        ("-n true", SudoPolicy.PASSWORD, None, "sudo: a password is required\n"),
        ("-S -p  true", SudoPolicy.PASSWORD, b"practice", ("true",)),
        ("-S -p  true", SudoPolicy.PASSWORD, b"wrong", "incorrect password attempt"),
        ("true", SudoPolicy.PASSWORD, None, "a terminal is required"),
        ("-S true", SudoPolicy.DENIED, b"practice", "is not in the sudoers file"),
    ],
)
def test_sudo(host: Host, line: str, policy: SudoPolicy, stdin: bytes | None, expected: object) -> None:
    call = Call("sudo", tuple(line.split(" ")), "oncall", Path("/"), host, Path("/"), stdin)
    reply = sudo(call, Sudoers(policy))
    if isinstance(expected, tuple):
        assert reply.run == expected
    else:
        assert reply.code == 1
        assert str(expected) in reply.err


def test_sudo_prompts_for_a_password_on_standard_input(host: Host) -> None:
    call = Call("sudo", ("-S", "-p", "pw of %u: ", "id"), "oncall", Path("/"), host, Path("/"))
    with pytest.raises(NeedsInput) as wanted:
        sudo(call, Sudoers(SudoPolicy.PASSWORD))
    assert wanted.value.prompt == "pw of oncall: "
