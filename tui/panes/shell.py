"""``s``: what a shell can be opened on for the selected component."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING

from kedge.i18n import Text, _
from tui import commands
from tui.panes import PaneKind, register

if TYPE_CHECKING:
    from kedge.picture import ComponentView
    from kedge.shells.targets import Target
    from tui.panes.base import Pane
    from tui.screens.main import MainScreen

IN_CONTAINERS = frozenset({"pods", "kubectl", "path"})
"""Parts of an edge for which its containers are offered; for the others it is the machine itself."""


def _open(screen: MainScreen, view: ComponentView) -> Pane | Text | None:
    from tui.shells.opening import choose, new_pane

    shells = screen.app.workbench.shells if screen.app.workbench is not None else None
    if shells is None:
        return _("There is nothing to log in to here: this is no live site")
    targets = _targets(screen, view)
    if not targets:
        return _("No machine and no container is known here yet")
    if len(targets) == 1:
        return new_pane(screen, targets[0])
    choose(screen, targets)
    return None


def _targets(screen: MainScreen, view: ComponentView) -> list[Target]:
    from kedge.shells.targets import OnHost
    from kedge.tree_pods import pod_of

    index, bench = screen.index, screen.app.workbench
    if index is None or bench is None or bench.shells is None:
        return []
    shells = bench.shells
    if view.target != "-":
        machine: list[Target] = [OnHost(view.target)]
        if (pod := pod_of(view.id, view.target)) is not None:
            return [one for one in shells.containers(view.target) if (one.namespace, one.pod) == pod]
        inside = view.id.rpartition("/")[2] in IN_CONTAINERS
        return [*shells.containers(view.target), *machine] if inside else machine
    hosts = sorted(index.edges if view.id.startswith("edge") else index.cloud_hosts)
    if view.id == "site":
        hosts = sorted(index.cloud_hosts) + sorted(index.edges)
    targets: list[Target] = [OnHost(host) for host in hosts]
    return [*targets, *shells.parts_of(view.id)]


def _command(screen: MainScreen, rest: str) -> None:
    """``:shell`` of what is selected, or of what is named."""
    try:
        words = shlex.split(rest)
    except ValueError as error:
        screen.say(_("This cannot be read: {error}").format(error=error), "warning")
        return
    if not words:
        screen.run_worker(screen.action_open_pane("shell"), exit_on_error=False)
        return
    from tui.shells.opening import open_named

    async def opening() -> None:
        if (problem := await open_named(screen, words)) is not None:
            screen.say(problem, "warning")

    screen.run_worker(opening(), exit_on_error=False)


def _names(screen: MainScreen) -> Iterable[str]:
    return screen.index.edges | screen.index.cloud_hosts if screen.index is not None else ()


def _exec(screen: MainScreen, rest: str) -> None:
    """``:exec``."""
    from tui.shells.exec import run_command

    async def running() -> None:
        if (problem := await run_command(screen, rest)) is not None:
            screen.say(problem, "warning")

    screen.run_worker(running(), exit_on_error=False)


commands.register(
    commands.TuiCommand(
        "exec", _("run a command on marked nodes, or in a pod"), _exec, "[POD --] COMMAND", remembered=False
    )
)
commands.register(
    commands.TuiCommand(
        "shell", _("a shell on a machine or in a pod"), _command, "[NODE|POD [COMMAND]]", _names, remembered=False
    )
)
register(PaneKind(name="shell", binding="s", label=_("shell"), open=_open))
