"""``l`` follows the logs of what is selected, ``p`` those of containers before their last restart; ``:logs POD``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kedge.i18n import Text, _
from kedge.picture import ComponentView
from tui import commands, panes
from tui.panes.base import Pane

if TYPE_CHECKING:
    from kedge.logs.desk import LogDesk
    from tui.screens.main import MainScreen


def _desk(screen: MainScreen) -> LogDesk | Text:
    from kedge.workbench import NothingOpen

    if screen.app.workbench is None:
        return _("No site is open")
    try:
        return screen.app.workbench.logs()
    except NothingOpen as error:
        return Text(str(error))


def _open(screen: MainScreen, view: ComponentView, *, previous: bool = False) -> Pane | Text:
    desk = _desk(screen)
    if isinstance(desk, Text):
        return desk
    component, target = view.id, view.target
    found = desk.sources(component, target, previous=previous)
    if not found:
        from kedge.logs.desk import nothing_of

        return _("No container here was restarted") if previous else nothing_of(component)
    from tui.logs.pane import LogPane

    title = found[0].name if len(found) == 1 else target if target != "-" else str(view.label)
    key = f"logs/{component}" + ("/previous" if previous else "")
    return LogPane(key, title, desk, lambda: desk.sources(component, target, previous=previous))


def _previous(screen: MainScreen, view: ComponentView) -> Pane | Text:
    return _open(screen, view, previous=True)


def _typed(screen: MainScreen, rest: str) -> None:
    if not rest:
        screen.run_worker(screen.action_open_pane("logs"), exit_on_error=False)
        return
    desk = _desk(screen)
    if isinstance(desk, Text):
        screen.say(desk, "warning")
        return
    found = desk.pod_sources(rest)
    if not found:
        screen.say(_("No pod is known that is called {name}").format(name=rest), "warning")
        return
    from tui.logs.pane import LogPane

    title = found[0].name if len(found) == 1 else rest
    pane = LogPane(f"logs/pod/{rest}", title, desk, lambda: desk.pod_sources(rest))
    screen.run_worker(screen.open_pane(pane), exit_on_error=False)


def _pods(screen: MainScreen) -> Iterable[str]:
    desk = _desk(screen)
    return () if isinstance(desk, Text) else desk.pod_names()


def _pager(screen: MainScreen, rest: str) -> None:
    from kedge.logs.saving import as_text
    from tui.logs.pager import open_pager
    from tui.logs.pane import LogPane

    pane = screen.dock.active
    if not isinstance(pane, LogPane):
        screen.say(_("There is no log to show; l opens one"), "warning")
        return
    problem = open_pager(screen.app, as_text(pane.view.shown_lines(), pane.view.look.labels))
    if problem is not None:
        screen.say(problem, "warning")


panes.register(panes.PaneKind("logs", "l", _("logs"), _open))
panes.register(panes.PaneKind("previous", "p", _("logs before the restart"), _previous, show=False))
commands.register(commands.TuiCommand("logs", _("follow the log of a pod"), _typed, "NAMESPACE/POD", _pods))
commands.register(commands.TuiCommand("pager", _("show the log in $PAGER"), _pager))
