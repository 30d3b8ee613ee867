"""exec cannot work, and the container is entered over SSH: a practice API with a fault, an edge with a real sshd.

The edge's sudo has the short PATH of most distributions, and crictl lies outside of it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from kedge.shells.targets import InContainer
from kedge.workbench import Options
from lab.background import BackgroundSite, run_in_thread
from tests.real.runtimes import write_tool
from tests.real.site import Host, Site
from tui.app import KedgeApp
from tui.screens.choose import Letters
from tui.shells.exec import Results
from tui.shells.pane import ShellPane

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
PATIENCE = 120.0
EDGECORE = "/etc/kubeedge/config/edgecore.yaml"
SHORT_PATH = 'Defaults secure_path="/usr/sbin:/usr/bin:/sbin:/bin"\n'


@contextmanager
def plant(site: Site) -> Iterator[tuple[BackgroundSite, Host]]:
    """The practice site, but with edge1 as a real machine that one logs in to as an ordinary user."""
    edge = site.edges[0]
    with run_in_thread(edges=1, faults=["edgestream-disabled"]) as lab:
        document = yaml.safe_load(lab.config_file.read_text())
        (entry,) = [one for one in document["sites"]["lab"]["hosts"] if one["match"] == "edge1"]
        entry |= {"address": edge.address, "port": 22, "user": "oncall", "sudo": "nopasswd"}
        entry |= {"identity": str(site.keys.plain), "paths": {}}
        lab.config_file.write_text(yaml.safe_dump(document))
        lab.files.known_hosts.write_text(lab.files.known_hosts.read_text() + edge.sshd.known_lines())
        edge.machine.file(EDGECORE, lab.hosts["edge1"].tree.path(EDGECORE).read_bytes())
        edge.machine.file("/etc/sudoers.d/path", SHORT_PATH, 0o440)
        yield lab, edge


async def test_the_container_is_entered_over_ssh_by_a_key(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEDGE_TUI_STATE", str(tmp_path / "state"))
    with plant(site) as (lab, edge):
        app = KedgeApp(Options(config=str(lab.config_file), site="lab"))
        async with app.run_test(size=(80, 24)) as pilot:

            async def until(holds: Callable[[], bool], what: str) -> None:
                end = time.monotonic() + PATIENCE
                while not holds():
                    assert time.monotonic() < end, f"{what} never came about:\n{screen()}"
                    await pilot.pause(0.05)

            def screen() -> str:
                return "\n".join(strip.text.rstrip() for strip in app.screen._compositor.render_strips())

            def gateway() -> InContainer | None:
                shells = app.workbench.shells if app.workbench is not None else None
                found = shells.containers("edge1") if shells is not None else ()
                return next((one for one in found if one.container == "gateway"), None)

            def trouble() -> str:
                target, main = gateway(), app.main
                if target is None or main.index is None or app.workbench is None or app.workbench.shells is None:
                    return ""
                known = app.workbench.shells.trouble(main.index.picture, target)
                return known.code if known is not None else ""

            await until(lambda: trouble() == "KE206", "the finding")
            target = gateway()
            assert target is not None
            container = {"id": "abc123", "uid": target.uid, "name": "gateway", "state": "running"}
            write_tool(edge.machine.path("/usr/local/sbin"), "crictl", [container], inside="/usr/local/sbin")

            await pilot.press("colon", *"shell", "space", *target.pod, "enter")
            await until(lambda: "A shell where?" in screen(), "the containers")
            await pilot.press("enter")
            await until(lambda: isinstance(app.screen, Letters), "the offer")
            assert "KE206" in screen()
            await pilot.press("o")
            pane = app.main.dock.active
            assert isinstance(pane, ShellPane)
            await until(lambda: pane.live and app.focused is pane.terminal, "the shell")
            await until(lambda: "#" in pane.terminal.text(), "the prompt")
            await pilot.press(*"tty", "space", "minus", "s", *"&&echo", "space", *"in", "space", "dollar_sign",
                              *"HOSTNAME", "semicolon", *"stty", "space", *"size", "enter")  # fmt: skip
            await until(lambda: "in gateway\n" in pane.terminal.text(), "its words")
            size = pane.terminal.size
            await pilot.resize_terminal(120, 40)
            await until(lambda: pane.terminal.size != size, "the new size")
            wanted = f"\n{pane.terminal.size.height} {pane.terminal.size.width}\n"
            await pilot.press(*"while", "space", *"sleep", "space", "1", "semicolon", *"do", "space", *"stty", "space",
                              *"size", "semicolon", *"done", "enter")  # fmt: skip
            await until(lambda: wanted in pane.terminal.text(), "the new size inside")
            await pilot.press("ctrl+c")
            await pilot.press(*"exit", "space", "5", "enter")
            await until(lambda: "ended with exit code 5" in screen(), "the exit code")

            await pilot.press("escape", "colon", *"exec", "space", *"factory", "slash", *target.pod, "slash",
                              *"gateway", "space", "minus", "minus", "space",
                              *"echo", "space", "dollar_sign", *"HOSTNAME", "enter")  # fmt: skip
            await until(lambda: isinstance(app.screen, Results) and "exit code 0" in screen(), "the result")
            assert "over SSH to edge1, as exec cannot work now: KE206" in screen()
        assert app.failures == []
    events = [json.loads(line) for line in (tmp_path / "state" / "audit.jsonl").read_text().splitlines()]
    assert [event["way"] for event in events if event["event"] == "shell-begin"] == ["runtime", "runtime"]
    assert [event["code"] for event in events if event["event"] == "shell-end"] == [5, 0]
