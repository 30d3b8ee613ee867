"""What is started for a container, how its end is told, who may, and what is written down. Runs real sh, no runtime."""

from __future__ import annotations

import json
import shlex
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kedge.audit import Audit
from kedge.facts.inventory import HomeNamespace
from kedge.facts.pods import Container, NodePods, Pod
from kedge.links.script import Sudo
from kedge.links.terminals import End
from kedge.model import LinkError, Reason, Text, Unknown
from kedge.shells.audit import Account
from kedge.shells.commands import SHELL, in_container
from kedge.shells.reasons import Cause, told
from kedge.shells.service import Rules, Shells
from kedge.shells.targets import InContainer, OnHost, Way, containers_of, trouble_of
from kedge.store import FactStore
from tests.real.runtimes import write_tool
from tests.tui.sites import picture

UID = "0a1b2c3d-0000-4000-8000-00000000000f"
TOOLS = ["crictl", "nerdctl", "docker", "ctr", "k3s"]
TARGET = InContainer("factory", "line-1", "gateway", "edge1", UID)


def tools(folder: Path, **scripts: str) -> dict[str, str]:
    """A PATH with these programs, tools that do not work for the others, and the few that the script itself needs."""
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    for name in TOOLS:  # what this machine has itself must not be found instead
        if not (folder / name).exists():
            (folder / name).write_text("#!/bin/sh\nexit 1\n")
            (folder / name).chmod(0o755)
    for name in ("sh", "tr", "grep", "readlink", "cat", "tail"):
        (folder / name).symlink_to(f"/bin/{name}")
    return {"PATH": str(folder)}


def ran(environment: dict[str, str], *command: str, tty: bool = True) -> subprocess.CompletedProcess[str]:
    words = in_container(TARGET, command, root=True, sudo=Sudo.NOPASSWD, tty=tty)
    line = shlex.join(words)  # as it travels over SSH
    return subprocess.run(
        ["/bin/sh", "-c", line], env=environment, capture_output=True, text=True, timeout=20, check=False
    )


RUNNING = {"id": "abc123" + "0" * 58, "uid": UID, "name": "gateway", "state": "running"}
OTHERS = [
    {**RUNNING, "id": "aaa111" + "0" * 58, "state": "exited"},
    {**RUNNING, "id": "bbb222" + "0" * 58, "name": "gateway-proxy"},
    {**RUNNING, "id": "ccc333" + "0" * 58, "uid": UID.replace("0a1b", "ffff")},
]


def machine(folder: Path, *names: str, **more: object) -> dict[str, str]:
    """A PATH with these tools, each of which knows the container, what it replaced, and others."""
    for name in names:
        write_tool(folder, name, [*OTHERS, {**RUNNING, **more}])
    return tools(folder)


@pytest.mark.parametrize("tool", TOOLS)
def test_every_runtimes_tool_finds_the_container_and_tells_the_exit_code(tmp_path: Path, tool: str) -> None:
    environment = machine(tmp_path, tool)
    done = ran(environment, "sh", "-c", 'echo "in $HOSTNAME: $1"; echo aside >&2; exit 5', "sh", "a b;c", tty=False)
    assert (done.returncode, done.stdout, done.stderr) == (5, "in gateway: a b;c\n", "aside\n")
    assert ran(environment, "true", tty=False).returncode == 0


@pytest.mark.parametrize("tool", TOOLS)
def test_a_program_that_is_not_there_has_the_code_for_that(tmp_path: Path, tool: str) -> None:
    done = ran(machine(tmp_path, tool, programs=["app"]), "sh", tty=False)
    assert (done.returncode, "executable file not found" in done.stderr) == (127, True)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_container_that_has_ended_is_not_entered(tmp_path: Path, tool: str) -> None:
    done = ran(machine(tmp_path, tool, state="exited"), "id", tty=False)
    assert (done.returncode, f"asked: {tool}" in done.stderr) == (98, True)


def test_tools_that_do_not_work_leave_it_to_the_next(tmp_path: Path) -> None:
    assert ran(machine(tmp_path, "docker"), "sh", "-c", "exit 3", tty=False).returncode == 3


def test_no_tool_has_a_code_of_its_own(tmp_path: Path) -> None:
    assert ran(tools(tmp_path), "id").returncode == 97


def test_names_that_kubernetes_never_gives_are_refused() -> None:
    for hostile in (InContainer("a", "b", "x' y", "n", UID), InContainer("a", "b", "c", "n", "$(reboot)")):
        with pytest.raises(LinkError) as caught:
            in_container(hostile, (), root=True, sudo=Sudo.NONE, tty=True)
        assert caught.value.unknown.reason is Reason.INVALID


def test_sudo_asks_on_the_terminal_itself() -> None:
    def first(root: bool, sudo: Sudo, tty: bool) -> list[str]:
        return in_container(TARGET, (), root=root, sudo=sudo, tty=tty)[:2]

    assert first(False, Sudo.PASSWORD, True) == ["sudo", "--"]
    assert first(False, Sudo.NOPASSWD, False) == ["sudo", "-n"]
    assert first(True, Sudo.PASSWORD, True) == ["sh", "-c"]
    assert tuple(in_container(TARGET, (), root=True, sudo=Sudo.NONE, tty=True)[-3:]) == SHELL


def problem(said: str, reason: Reason = Reason.SERVER_ERROR) -> End:
    return End(problem=Unknown(reason, Text("it said " + said.replace("{", "("))), said=said)


@pytest.mark.parametrize(
    ("end", "cause"),
    [
        (End(0), Cause.ENDED),
        (End(signal="KILL"), Cause.ENDED),
        (End(), Cause.ENDED),
        (End(127), Cause.NO_SHELL),
        (problem('exec: "/bin/sh": stat /bin/sh: no such file or directory: unknown'), Cause.NO_SHELL),
        (
            problem('Internal error occurred: unable to upgrade connection: container not found ("gateway")'),
            Cause.NOT_RUNNING,
        ),
        (problem('error sending request: Post "https://10.0.0.2:10351/exec/…": unexpected EOF'), Cause.TUNNEL),
        (problem("error dialing backend: dial tcp 10.0.0.2:10351: connect: connection refused"), Cause.TUNNEL),
        (End(problem=Unknown(Reason.DENIED, Text("no right"))), Cause.DENIED),
        (End(problem=Unknown(Reason.NOT_ASKED, Text("closed"))), Cause.CLOSED),
        (End(problem=Unknown(Reason.UNREACHABLE, Text("gone"))), Cause.LOST),
    ],
)
def test_an_end_is_told_by_its_cause(end: End, cause: Cause) -> None:
    found = told(end, TARGET, Way.EXEC)
    assert found.cause is cause
    assert str(found.text)


def test_exit_codes_are_told_with_the_signal_they_mean() -> None:
    assert str(told(End(137), TARGET, Way.EXEC).text) == "The shell ended with exit code 137, as after SIGKILL"
    assert str(told(End(3), TARGET, Way.EXEC).text) == "The shell ended with exit code 3"
    assert told(End(127), TARGET, Way.EXEC, typed=True).cause is Cause.ENDED


def test_an_image_without_a_shell_is_told_what_helps() -> None:
    found = told(End(127), TARGET, Way.EXEC)
    assert "kubectl debug -n factory line-1 -it --image=busybox --target=gateway" in str(found.help)
    assert told(End(98), TARGET, Way.RUNTIME).cause is Cause.NOT_RUNNING


def test_trouble_on_the_way_is_the_cause_and_its_code() -> None:
    found = trouble_of(picture(), "edge1")
    assert found is not None
    assert (found.code, str(found.text)) == ("KE206", "EdgeStream is disabled on edge1")
    assert trouble_of(picture(), "edge2") is None
    assert trouble_of(None, "edge1") is None


def test_running_containers_come_first() -> None:
    waiting = Pod("a", "late", UID, containers=(Container("c", waiting="CrashLoopBackOff"),))
    serving = Pod("b", "good", UID, containers=(Container("c", running=True),))
    found = containers_of(NodePods((waiting, serving)), "edge1")
    assert [(one.name, one.running, one.state) for one in found] == [
        ("b/good/c", True, ""), ("a/late/c", False, "CrashLoopBackOff"),
    ]  # fmt: skip


def test_read_only_forbids_shells_unless_the_site_allows_them() -> None:
    with pytest.raises(LinkError) as caught:
        Rules(lambda: True).check()
    assert caught.value.unknown.reason is Reason.DENIED
    Rules(lambda: True, allowed_anyway=True).check()
    Rules(lambda: False).check()


def test_start_and_end_are_written_down_and_are_no_changes(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "audit.jsonl")
    account = Account(audit, "plant-7", "k3s", "oncall", lambda: datetime(2026, 11, 22, 2, 51, 9, tzinfo=UTC))
    id = account.begin(OnHost("edge1"), Way.HOST, ())
    assert [shell.how for shell in audit.read().shells] == ["open"]
    account.end(id, End(3), 12.34)
    begin, end = (json.loads(line) for line in audit.path.read_text().splitlines())
    assert (begin["event"], begin["target"], begin["way"], begin["site"]) == ("shell-begin", "edge1", "host", "plant-7")
    assert (end["event"], end["id"], end["code"], end["seconds"]) == ("shell-end", begin["id"], 3, 12.3)
    assert begin["who"]["kubernetes"] == "oncall"
    assert audit.read().entries == ()
    (shell,) = audit.read().shells
    assert (shell.id, shell.how) == (id, "exit code 3")
    assert audit.read().problems == ()


def test_a_pod_without_a_namespace_is_looked_for_in_the_chosen_one_first() -> None:
    facts = FactStore()
    pods = [Pod(namespace, "web-1", containers=(Container("c"),)) for namespace in ("default", "plant")]
    facts.put(NodePods, "edge1", NodePods(tuple(pods)))
    facts.put(HomeNamespace, "-", HomeNamespace("plant", chosen=True))
    nobody = cast(Any, None)
    shells = Shells(cast(Any, SimpleNamespace(store=facts)), nobody, nobody, nobody, nobody, nobody)
    assert [one.namespace for one in shells.find_pod("web")] == ["plant"]
    assert [one.namespace for one in shells.find_pod("default/web-1")] == ["default"]
    facts.put(HomeNamespace, "-", HomeNamespace("default", chosen=False))
    assert len(shells.find_pod("web-1")) == 2
