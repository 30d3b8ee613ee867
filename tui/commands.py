"""The ``:`` commands. Each registers here with its words; panes add theirs from files of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kedge.i18n import Text, _

if TYPE_CHECKING:
    from tui.screens.main import MainScreen


@dataclass(frozen=True, slots=True)
class TuiCommand:
    """One command: its name, what it does, and the function that gets the screen and the rest of the line."""

    name: str
    help: Text
    run: Callable[[MainScreen, str], None]
    complete: Callable[[MainScreen], list[str]] | None = None


COMMANDS: dict[str, TuiCommand] = {}


def register(command: TuiCommand) -> None:
    """Make a command known; a second one of the same name is a mistake in the program."""
    if command.name in COMMANDS:
        raise ValueError(f"command {command.name} is registered twice")
    COMMANDS[command.name] = command


def find(name: str) -> TuiCommand | None:
    """The command of that name, or the only one that begins so."""
    if name in COMMANDS:
        return COMMANDS[name]
    begins = [command for key, command in COMMANDS.items() if key.startswith(name)]
    return begins[0] if len(begins) == 1 else None


def _node(screen: MainScreen, rest: str) -> None:
    component = f"edge/{rest}"
    picture = screen.picture
    if picture is None or not any(view.id == component for view in picture.components):
        screen.say(_("There is no edge node {name}").format(name=rest or "-"))
        return
    screen.tree_view.select(component)


def _nodes(screen: MainScreen) -> list[str]:
    return [path.node for path in screen.picture.paths] if screen.picture else []


register(TuiCommand("q", _("quit"), lambda screen, rest: screen.app.exit()))
register(TuiCommand("node", _("go to an edge node"), _node, _nodes))
register(TuiCommand("readonly", _("switch read-only mode on (it stays on)"), lambda screen, rest: screen.make_read_only()))
register(TuiCommand("help", _("keys of what has the focus"), lambda screen, rest: screen.action_help()))
register(TuiCommand("rerun", _("ask everything again"), lambda screen, rest: screen.action_rerun_all()))
