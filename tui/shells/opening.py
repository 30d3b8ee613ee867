"""From a selection or a typed name to a pane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kedge.i18n import Text, _, translate
from kedge.shells.targets import InContainer, OnHost, Target, Way, default_way
from tui.screens.choose import Choose
from tui.shells.pane import ShellPane

if TYPE_CHECKING:
    from tui.screens.main import MainScreen


def new_pane(screen: MainScreen, target: Target, command: Sequence[str] = (), way: Way | None = None) -> ShellPane:
    """A pane that will open its shell once it is shown. A second one on the same target has a key of its own."""
    way = way or default_way(target)
    taken = {pane.key for pane in screen.dock.panes if pane.live}
    key = base = "/".join(("shell", way.value, target.name, *command))
    number = 1
    while key in taken:
        number += 1
        key = f"{base}/{number}"
    return ShellPane(key, target, way, command, number=number)


def described(target: Target) -> str:
    """One line of the list."""
    if isinstance(target, OnHost):
        return translate(_("{host}   the machine").format(host=target.host))
    state = "" if target.running else translate(_("   not running: {state}").format(state=target.state or "-"))
    return f"{target.name}   {target.node}{state}"


def choose(screen: MainScreen, targets: Sequence[Target], command: Sequence[str] = ()) -> None:
    """Let the person pick one."""

    async def picked(position: int | None) -> None:
        if position is not None:
            await screen.open_pane(new_pane(screen, targets[position], command))

    entries = [described(target) for target in targets]
    screen.app.push_screen(Choose(_("A shell where?"), entries, screen.glyphs.more), picked)


async def open_named(screen: MainScreen, words: Sequence[str]) -> Text | None:
    """``:shell NODE`` or ``:shell [NAMESPACE/]POD[/CONTAINER] [COMMAND …]``; a sentence when there is none."""
    shells = screen.app.workbench.shells if screen.app.workbench is not None else None
    if shells is None:
        return _("There is nothing to log in to here: this is no live site")
    name, command = words[0], words[1:]
    found: list[InContainer] = [one for one in shells.find_pod(name) if one.running]
    if name in shells.nodes:
        await screen.open_pane(new_pane(screen, OnHost(name), command))
    elif len(found) == 1:
        await screen.open_pane(new_pane(screen, found[0], command))
    elif found:
        choose(screen, found, command)
    else:
        return _("There is no machine and no running container called {name}").format(name=name)
    return None
