"""``:exec``: one command on the marked nodes, on the selected one, or in a pod; one result each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from textual import work

from kedge.i18n import Text, _, ngettext, translate
from kedge.model import LinkError
from kedge.printable import one_line
from kedge.shells.run import Ran, run_on
from kedge.shells.targets import InContainer, OnHost, Target, Trouble, Way, default_way
from tui.screens.confirm import Confirm
from tui.screens.text_view import TextView, paragraph
from tui.text_layout import Line

if TYPE_CHECKING:
    from kedge.shells.service import Shells
    from tui.screens.main import MainScreen

IN_POD = " -- "


async def run_command(screen: MainScreen, typed: str) -> Text | None:
    """``COMMAND`` or ``POD -- COMMAND``; a sentence when there is nowhere to run it."""
    shells = screen.app.workbench.shells if screen.app.workbench is not None else None
    if shells is None:
        return _("There is nothing to log in to here: this is no live site")
    targets, command = _places(screen, shells, typed)
    if not command.strip():
        return _("Which command? Type it after :exec")
    if not targets:
        return _("Select or mark nodes first, or name a pod: :exec POD -- COMMAND")
    troubles = _troubles(screen, shells, targets)
    inside = [one for one in targets if isinstance(one, InContainer) and one.node not in troubles]
    warnings = [text for target in inside if (text := shells.warning(target))]
    if len(targets) > 1 or warnings:
        said = ngettext("{command}: in {count} place", "{command}: in {count} places", "count")
        text = said.format(command=command, count=len(targets))
        if warnings:
            text = _("{first}. {second}").format(first=text, second=warnings[0])
        if not await screen.app.push_screen_wait(Confirm(_("Run this command"), text, _("Run it"))):
            return None
        for target in inside:
            shells.warned(target.node)
    screen.app.push_screen(Results(shells, targets, command, troubles))
    return None


def _troubles(screen: MainScreen, shells: Shells, targets: Sequence[Target]) -> dict[str, Trouble]:
    """Nodes whose containers exec cannot reach now; they are entered over SSH."""
    picture = screen.index.picture if screen.index is not None else None
    found = {one.node: shells.trouble(picture, one) for one in targets if isinstance(one, InContainer)}
    return {node: trouble for node, trouble in found.items() if trouble is not None}


def _places(screen: MainScreen, shells: Shells, typed: str) -> tuple[Sequence[Target], str]:
    pod, separator, command = typed.partition(IN_POD)
    if separator and (found := [one for one in shells.find_pod(pod.strip()) if one.running]):
        return found, command
    index, tree = screen.index, screen.tree_view
    views = [index.views[id] for id in tree.marked or {tree.cursor} if id in index.views] if index is not None else []
    return [OnHost(name) for name in sorted({view.target for view in views if view.target != "-"})], typed


class Results(TextView):
    """What every place answered, failures first; ``c`` copies it.

    Args:
        troubles: by node, why its containers are entered over SSH.
    """

    def __init__(
        self, shells: Shells, targets: Sequence[Target], command: str, troubles: Mapping[str, Trouble] | None = None
    ) -> None:
        super().__init__(_("{command}").format(command=command))
        self._shells, self._targets, self._command = shells, targets, command
        self._troubles = troubles or {}
        self._ran: list[Ran] = []
        self._refused: Text | None = None

    def on_mount(self) -> None:
        super().on_mount()
        self.collect()

    @work(exclusive=True, group="exec", exit_on_error=False)
    async def collect(self) -> None:
        """Run it everywhere; leaving the screen stops what has not begun."""
        try:
            async with aclosing(run_on(self._shells, self._targets, self._command, self._way_to)) as answers:
                async for ran in answers:
                    self._ran.append(ran)
                    self.view.renew()
        except LinkError as error:
            self._refused = error.unknown.text
            self.view.renew()

    def _way_to(self, target: Target) -> Way:
        broken = isinstance(target, InContainer) and target.node in self._troubles
        return Way.RUNTIME if broken else default_way(target)

    def build(self, width: int) -> list[Line]:
        """One row each, then what it said."""
        if self._refused is not None:
            return paragraph(self._refused, width, "line--bad")
        said = _("{done} of {count} have answered").format(done=len(self._ran), count=len(self._targets))
        lines = paragraph(said, width, "line--dim")
        for ran in sorted(self._ran, key=lambda one: (one.code == 0, one.target.name)):
            lines += [Line(), *self._rows(ran, width)]
        return lines

    def _rows(self, ran: Ran, width: int) -> list[Line]:
        if ran.problem is not None:
            row = _("{name}  no answer  {why}").format(name=ran.target.name, why=ran.problem.text)
        else:
            row = _("{name}  exit code {code}  {seconds} s").format(
                name=ran.target.name, code=ran.code, seconds=f"{ran.seconds:.1f}"
            )
        rows = paragraph(row, width, "line--good" if ran.code == 0 else "line--bad")
        if ran.way is Way.RUNTIME and (trouble := self._troubles.get(ran.target.node)) is not None:
            said = _("  over SSH to {node}, as exec cannot work now: {code} {text}")
            said = said.format(node=ran.target.node, code=trouble.code, text=trouble.text)
            rows += paragraph(said, width, "line--dim")
        rows += [Line(((f"  {one_line(line)}", "line--text"),)) for line in ran.output.splitlines()]
        if ran.cut:
            rows.append(Line(((translate(_("  (more was dropped)")), "line--dim"),)))
        return rows
