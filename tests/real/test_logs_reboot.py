"""A host is switched off in the middle of its log and comes back as another boot: told, every line once."""

from __future__ import annotations

import asyncio

import pytest

from kedge.links.base import HostStream
from kedge.links.script import Sudo
from kedge.logs import follow
from kedge.logs.follow import Follower
from kedge.logs.lines import LineKind, LogLine
from kedge.logs.sources import UnitLog
from kedge.logs.units import HOST_STARTED
from tests.real.site import Host, Site
from tests.real.ssh_people import link_to, until
from tests.real.test_logs import NodeOnly

pytestmark = pytest.mark.real

JOURNAL = "/var/log/journal.txt"
JOURNALCTL = f"exec tail -n +1 -f {JOURNAL}"


class AsRoot(NodeOnly):
    """As the program reads logs of hosts."""

    async def host_stream(self, host: str, command: str) -> HostStream:
        return await self._link.stream(command, root=True, deadline=20)


def write(edge: Host, *numbers: int) -> None:
    with edge.machine.path(JOURNAL).open("a") as journal:
        for n in numbers:
            journal.write(f"2026-11-22T09:00:{n // 10:02d}.{n % 10}00000+0000 edge1 edgecore[7]: number {n}\n")


@pytest.mark.parametrize("kept", [True, False], ids=["on-disk", "in-memory"])
async def test_another_boot_is_told_and_every_line_comes_once(
    site: Site, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "RETRY_FIRST", 0.1)
    edge, lines = site.edges[0], list[LogLine]()
    edge.machine.program("journalctl", JOURNALCTL)
    edge.machine.file(JOURNAL, "-- Journal begins at Sun 2026-11-22 08:00:00 UTC. --\n")
    write(edge, 0, 1, 2)

    def numbers() -> list[str]:
        return [line.text for line in lines if line.kind is LineKind.LINE]

    async with link_to(site, name=edge.name, sudo=Sudo.NOPASSWD) as link:
        task = asyncio.create_task(
            Follower(UnitLog("edge1", "edgecore"), 0, AsRoot(link, site.folder), lines.extend).run()
        )
        await until(lambda: numbers() == [f"number {n}" for n in range(3)], 30)
        edge.go_down()
        if kept:
            write(edge, 3)
            with edge.machine.path(JOURNAL).open("a") as journal:
                journal.write(f"-- Boot {edge.machine.path('/run/boot_id').read_text().strip().replace('-', '')} --\n")
        else:
            edge.machine.file(JOURNAL, "")
        write(edge, 50, 51)
        edge.machine.new_boot()
        edge.come_up()
        await until(lambda: numbers()[-1] == "number 51", 60)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    said = [line.text for line in lines]
    missing = [text for text in said if "missing" in text]
    if kept:
        assert numbers() == [f"number {n}" for n in (0, 1, 2, 3, 50, 51)]
        assert said.index(str(HOST_STARTED)) == said.index("number 3") + 1
        assert not missing
    else:
        assert numbers() == [f"number {n}" for n in (0, 1, 2, 50, 51)]
        assert said.index(str(HOST_STARTED)) == said.index("number 50") - 1
        assert missing == ["lines may be missing here: nothing was read of 5 s"]
    assert said.count(str(HOST_STARTED)) == 1
    assert sum("reconnected after" in text for text in said) == 1
