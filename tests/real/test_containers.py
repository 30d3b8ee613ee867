"""Containers entered on their machine without any runtime's tool: real namespaces, real cgroups, real nsenter."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest_asyncio

from kedge.links.script import Sudo
from kedge.links.terminal_local import LocalTerminals
from kedge.links.terminals import Size
from kedge.shells.commands import NO_TOOL, in_container
from kedge.shells.targets import InContainer
from tests.real.machine import Machine, booted
from tests.real.ssh_people import until
from tests.real.typist import Typist

UID = "0a1b2c3d-0000-4000-8000-00000000000f"
POD = InContainer("factory", "line-1", "gateway", "edge1", UID)
IDS = {"sidecar": "1111aaaa", "gateway": "2222bbbb"}
_START = """\
echo $$ >"$1/cgroup.procs"
exec unshare --mount --uts --ipc --pid --fork --kill-child sh -c 'hostname "$0"; exec sleep 1000' "$2"
"""


@contextmanager
def cgroups() -> Iterator[dict[str, Path]]:
    """The pod's cgroup as systemd spells it, with one for each container below; gives those by name."""
    trees = map(Path, ("/sys/fs/cgroup/unified", "/sys/fs/cgroup"))
    tree = next(tree for tree in trees if (tree / "cgroup.procs").exists())
    pod = tree / f"kedge-{os.getpid()}-pod{UID.replace('-', '_')}.slice"
    scopes = {name: pod / f"cri-containerd-{id}.scope" for name, id in IDS.items()}
    for folder in (pod, *scopes.values()):
        folder.mkdir()
    try:
        yield scopes
    finally:
        for folder in (*scopes.values(), pod):
            folder.rmdir()


@pytest_asyncio.fixture
async def machine() -> AsyncIterator[Machine]:
    """A machine with the pod's two containers, and no runtime's tool."""
    with cgroups() as scopes:
        with booted("edge1") as made:
            made.path("/run/tools").mkdir()
            for name in ("sh", "tr", "grep", "readlink", "nsenter"):
                made.path(f"/run/tools/{name}").symlink_to(f"/usr/bin/{name}")
            for name, scope in scopes.items():
                start = 'sh -c "$0" sh "$1" "$2" >/dev/null 2>&1 &'
                made.run("sh", "-c", start, _START, str(scope), name)
            for scope in scopes.values():
                procs = scope / "cgroup.procs"
                await until(lambda procs=procs: len(procs.read_text().split()) > 1, 20)  # type: ignore[misc]
            yield made
        for scope in scopes.values():
            procs = scope / "cgroup.procs"
            await until(lambda procs=procs: not procs.read_text(), 20)  # type: ignore[misc]


async def entered(machine: Machine, target: InContainer, command: str) -> Typist:
    words = in_container(target, ["/usr/bin/bash", "-c", command], root=True, sudo=Sudo.NONE, tty=True)
    inside = [*machine.enter, "/usr/bin/env", "PATH=/run/tools", *words]
    return Typist(await LocalTerminals("here").open(inside, Size(91, 33), deadline=10), 91, 33)


LOOK = "read -r name </proc/sys/kernel/hostname; echo in $name as $$; /usr/bin/stty size; exit 5"


async def test_the_log_of_a_container_tells_which_process_is_its(machine: Machine) -> None:
    logs = machine.path("/var/log/containers")
    logs.mkdir()
    for name, id in IDS.items():
        link = logs / f"line-1_factory_{name}-{id}.log"
        link.symlink_to(f"/var/log/pods/factory_line-1_{UID}/{name}/0.log")
    for name in IDS:
        typist = await entered(machine, replace(POD, container=name), LOOK)
        assert (await typist.ended()).code == 5
        assert f"in {name} as " in typist.screen
        assert "33 91" in typist.screen
        assert "cannot be told" not in typist.screen


async def test_without_a_log_it_is_said_that_any_container_of_the_pod_was_entered(machine: Machine) -> None:
    typist = await entered(machine, POD, LOOK)
    assert (await typist.ended()).code == 5
    assert "which container of the pod this is cannot be told: there is no log of gateway" in typist.screen
    assert "in gateway as " in typist.screen or "in sidecar as " in typist.screen


async def test_a_pod_without_a_process_is_not_found(machine: Machine) -> None:
    gone = replace(POD, uid=UID.replace("0a1b", "ffff"))
    assert (await (await entered(machine, gone, LOOK)).ended()).code == NO_TOOL
