"""The ``:`` commands. Each registers here with its words; panes add theirs from files of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kedge.i18n import Text, _, translate
from tui import themes
from tui.arranging import NODE_GROUP, SORTS

if TYPE_CHECKING:
    from tui.screens.main import MainScreen


@dataclass(frozen=True, slots=True)
class TuiCommand:
    """One command.

    Attributes:
        name: what is typed. argument: how its argument is shown in help, "" when it takes none.
        run: gets the screen and the rest of the line.
        complete: the arguments that make sense now.
        remembered: False for one whose line may hold a secret; it is not offered again in the next session.
    """

    name: str
    help: Text
    run: Callable[[MainScreen, str], object]
    argument: str = ""
    complete: Callable[[MainScreen], Iterable[str]] | None = None
    remembered: bool = True

    @property
    def usage(self) -> str:
        """As shown in help."""
        return f"{self.name} {self.argument}".rstrip()


COMMANDS: dict[str, TuiCommand] = {}

SEPARATOR = "  "
"""Between two things that can be typed."""


def register(command: TuiCommand) -> None:
    """Make a command known; a second one of the same name is a mistake in the program."""
    if command.name in COMMANDS:
        raise ValueError(f"command {command.name} is registered twice")
    COMMANDS[command.name] = command


def find(name: str) -> TuiCommand | None:
    """The command of that name, or the only one that begins so."""
    if name in COMMANDS:
        return COMMANDS[name]
    begins = [command for key, command in COMMANDS.items() if name and key.startswith(name)]
    return begins[0] if len(begins) == 1 else None


def completions(typed: str, screen: MainScreen) -> list[str]:
    """Whole lines that what is typed could become."""
    name, space, rest = typed.partition(" ")
    if not space:
        return [f"{command.name} " if command.argument else command.name for command in COMMANDS.values()]
    command = find(name)
    if command is None or command.complete is None:
        return []
    return sorted(f"{name} {argument}" for argument in command.complete(screen) if argument.startswith(rest))


def hint(typed: str, screen: MainScreen) -> str:
    """What can be typed next: the commands or arguments that begin so, or what the only one does."""
    name, space, rest = typed.partition(" ")
    command = find(name)
    if command is not None and (name == command.name or len(name) > 1) and not rest:
        offered = [line.partition(" ")[2] for line in completions(f"{command.name} ", screen)] if space else []
        return SEPARATOR.join(offered) or translate(_("{usage}: {help}").format(usage=command.usage, help=command.help))
    found = [line for line in completions(typed, screen) if line.startswith(typed)]
    return SEPARATOR.join(line.partition(" ")[2] if space else line.strip() for line in found)


def is_remembered(typed: str) -> bool:
    """Whether a line may be kept for the next session."""
    command = find(typed.strip().partition(" ")[0])
    return command is None or command.remembered


def _node(screen: MainScreen, rest: str) -> None:
    if rest and screen.index is not None and f"edge/{rest}" in screen.index.views:
        screen.tree_view.select(f"edge/{rest}")
    else:
        screen.say(_("There is no edge node {name}").format(name=rest or "-"), "warning")


def _nodes(screen: MainScreen) -> Iterable[str]:
    return screen.index.edges if screen.index is not None else ()


def _theme(screen: MainScreen, rest: str) -> None:
    app = screen.app
    name = themes.NAMES.get(rest, rest) if rest else themes.following(app.theme)
    if name in app.available_themes:
        app.theme = name
    else:
        known = ", ".join(themes.NAMES)
        screen.say(_("There is no theme {name}; there are: {known}").format(name=rest, known=known), "warning")


def _site(screen: MainScreen, rest: str) -> None:
    screen.app.switch(site=rest)


def _sites(screen: MainScreen) -> Iterable[str]:
    return screen.app.workbench.config.sites if screen.app.workbench is not None else ()


def _context(screen: MainScreen, rest: str) -> None:
    screen.app.switch(context=rest)


def _contexts(screen: MainScreen) -> Iterable[str]:
    return screen.app.contexts


def _sort(screen: MainScreen, rest: str) -> None:
    order = rest or SORTS[screen.arrangement.sort == SORTS[0]]
    if order in SORTS:
        screen.order_edges(replace(screen.arrangement, sort=order))
    else:
        said = _("Edges are sorted by {known}, not by {name}")
        screen.say(said.format(known=" / ".join(SORTS), name=rest), "warning")


def _group(screen: MainScreen, rest: str) -> None:
    label = NODE_GROUP if rest == "nodegroup" else "" if rest == "none" else rest
    if label and label not in _labels(screen):
        screen.say(_("No edge node has the label {label}").format(label=label), "warning")
    elif label == screen.arrangement.group == "":
        screen.say(_("Which label? Type it after the command; `nodegroup` is KubeEdge's own"), "warning")
    else:
        screen.order_edges(replace(screen.arrangement, group=label))


def _labels(screen: MainScreen) -> set[str]:
    labels = screen.index.labels if screen.index is not None else {}
    return {key for own in labels.values() for key in own}


def _theme_names(screen: MainScreen) -> Iterable[str]:
    return themes.NAMES


for _command in (
    TuiCommand("node", _("go to an edge node"), _node, "NAME", _nodes),
    TuiCommand("site", _("open another site of the config file"), _site, "NAME", _sites),
    TuiCommand("ctx", _("open another context of the kubeconfig"), _context, "NAME", _contexts),
    TuiCommand("sort", _("sort edges by name or status"), _sort, "[ORDER]", lambda screen: SORTS),
    TuiCommand(
        "group",
        _("group edges by a label, by nodegroup, or by none"),
        _group,
        "LABEL",
        lambda screen: ("nodegroup", "none", *_labels(screen)),
    ),
    TuiCommand("history", _("every change made from this machine"), lambda screen, rest: screen.action_history()),
    TuiCommand("report", _("the incident in a few lines, for a ticket"), lambda screen, rest: screen.app.show_report()),
    TuiCommand("problems", _("links, config file, plugins"), lambda screen, rest: screen.action_problems()),
    TuiCommand("faults", _("show faults only, or everything"), lambda screen, rest: screen.action_faults()),
    TuiCommand("rerun", _("ask everything again"), lambda screen, rest: screen.action_rerun_all()),
    TuiCommand("readonly", _("change nothing from now on"), lambda screen, rest: screen.app.make_read_only()),
    TuiCommand(
        "theme",
        _("dark, light, colour-blind, high-contrast; the next one without a name"),
        _theme,
        "NAME",
        _theme_names,
    ),
    TuiCommand("setup", _("write a first config file"), lambda screen, rest: screen.app.set_up()),
    TuiCommand(
        "mouse",
        _("give the mouse to the terminal, to select text, and back"),
        lambda screen, rest: screen.app.action_mouse(),
    ),
    TuiCommand("keys", _("every key with its id for the config file"), lambda screen, rest: screen.app.show_keys()),
    TuiCommand("help", _("keys and commands"), lambda screen, rest: screen.app.show_help()),
    TuiCommand("q", _("quit"), lambda screen, rest: screen.app.leave()),
):
    register(_command)
