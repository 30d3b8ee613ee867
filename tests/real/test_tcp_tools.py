"""Can a host open a connection? Every tool that it may have tells open, refused and silent ports apart."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from kedge.asks import Tcp
from kedge.facts.network import Reach, TcpReach
from kedge.model import Observation
from kedge.probes.network import read_tcp
from tests.real.site import Site

pytestmark = pytest.mark.real

TOOLS: Mapping[str, Mapping[str, str]] = {
    "bash": {"bash": "bash"},
    "nc that only looks": {"nc": "nc.openbsd"},
    "nc of busybox": {"nc": "busybox", "true": "true"},
    "python3": {"python3": sys.executable},
    "python": {"python": sys.executable, "nc": "busybox-without-e"},
    "telnet of busybox": {"telnet": "busybox"},
    "openssl": {"openssl": "openssl"},
}
"""All that is on the PATH: names, and the programs behind them."""

SHELLS = (["/bin/dash"], ["/bin/busybox", "sh"])
OPEN, REFUSED, SILENT = 22, 1, 2


def path(folder: Path, programs: Mapping[str, str]) -> Path:
    folder.mkdir()
    for name, behind in (*programs.items(), ("grep", "grep")):
        if (real := shutil.which(behind)) is not None:
            (folder / name).symlink_to(real)
        else:  # a build without what is needed: it says how it is used, and fails
            (folder / name).write_text("#!/bin/dash\necho 'Usage: nc [-iN] [-wN] HOST PORT' >&2\nexit 1\n")
            (folder / name).chmod(0o755)
    return folder


async def tried(site: Site, shell: list[str], tools: Path, port: int) -> object:
    ask = Tcp(site.cloud.address, port)
    patience = "2.5" if port == SILENT else "60"
    inside = ("env", "-i", f"PATH={tools}", "/usr/bin/timeout", patience, *shell, "-c", ask.render())
    process = await asyncio.create_subprocess_exec(
        *site.edges[0].machine.enter,
        *inside,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    found = read_tcp(
        Observation(ask, "edge1", "sh", exit_code=process.returncode, stdout=out.decode(), stderr=err.decode())
    )
    return found.outcome if isinstance(found, TcpReach) else (found, out, err)


async def test_every_tool_tells_open_refused_and_silent_ports_apart(site: Site, tmp_path: Path) -> None:
    site.cloud.firewall.drop(SILENT)
    expected = {OPEN: Reach.OPEN, REFUSED: Reach.REFUSED, SILENT: Reach.FILTERED}
    folders = {name: path(tmp_path / str(number), programs) for number, (name, programs) in enumerate(TOOLS.items())}
    cases = [(shell[-1], name, port) for shell in SHELLS for name in folders for port in expected if port != SILENT]
    cases += [(SHELLS[0][-1], name, SILENT) for name in folders]
    shells = {shell[-1]: shell for shell in SHELLS}
    found = await asyncio.gather(*(tried(site, shells[shell], folders[name], port) for shell, name, port in cases))
    wrong = {case: outcome for case, outcome in zip(cases, found, strict=True) if outcome is not expected[case[2]]}
    assert wrong == {}
