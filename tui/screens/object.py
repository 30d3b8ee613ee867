"""``y`` and ``d``: an object of Kubernetes as YAML, or described with what happened to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

import yaml
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from kedge.i18n import _, translate
from kedge.printable import one_line, printable
from tui.aside import aside
from tui.highlight import highlighted
from tui.screens.dialog import Dialog
from tui.screens.object_lines import described
from tui.screens.text_view import TextView, paragraph
from tui.text_layout import Line, chop
from tui.widgets.pick_list import PickList

if TYPE_CHECKING:
    from kedge.audit import Entry
    from kedge.model import Finding
    from kedge.objects import Objects, Reading, Thing

    Changes = Callable[[], Awaitable[Sequence[Entry]]]


class ObjectScreen(TextView):
    """One object; ``y`` and ``d`` change between the two looks, ``r`` reads it again.

    Args:
        findings: what is known of whom it belongs to; their beginnings are told among the events.
        changes: reads what was changed there from this machine, told there too.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "look('yaml')", translate(_("YAML")), id="object.yaml"),
        Binding("d", "look('describe')", translate(_("describe")), id="object.describe"),
        Binding("r", "rerun", translate(_("read again")), id="object.rerun"),
    ]

    def __init__(
        self, objects: Objects, thing: Thing, look: str, findings: Sequence[Finding], changes: Changes
    ) -> None:
        super().__init__(_("{title}").format(title=thing.title))
        self._objects, self._thing, self._look, self._findings = objects, thing, look, findings
        self._read_changes = changes
        self._changes: Sequence[Entry] = ()
        self._reading: Reading | None = None
        self._yaml = ""

    def on_mount(self) -> None:
        self.read()

    @work(exclusive=True, group="object", exit_on_error=False)
    async def read(self) -> None:
        """Ask the API server; the text is made off the event loop."""
        reading = await self._objects.read(self._thing)
        self._changes = await self._read_changes()
        self._yaml = await aside(lambda: as_yaml(reading))
        self._reading = reading
        self.view.renew()

    def action_rerun(self) -> None:
        self.read()

    def action_look(self, look: str) -> None:
        self._look = look
        self.view.renew()
        self.view.scroll_home(animate=False)

    def build(self, width: int) -> Sequence[Line]:
        """The chosen look at it, or why there is none."""
        reading = self._reading
        if reading is None:
            return paragraph(_("reading it"), width, "line--dim")
        if self._look == "describe":
            return described(reading, self._findings, width, self._changes)
        if reading.problem is not None:
            return paragraph(reading.problem.text, width, "line--bad")
        lines: list[Line] = []
        for line in highlighted(self._yaml, "yaml"):
            pieces = chop(line.text, width)
            lines += [line] if len(pieces) == 1 else [Line(((piece, "line--text"),)) for piece in pieces]
        return lines

    def plain_text(self) -> str:
        """YAML as it is; a description as it is laid out."""
        return super().plain_text() if self._look == "describe" else self._yaml


def as_yaml(reading: Reading) -> str:
    """The object as YAML, in the order in which Kubernetes keeps it."""
    if reading.object is None:
        return ""
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return printable(yaml.dump(dict(reading.object), Dumper=dumper, sort_keys=False, allow_unicode=True, width=10_000))


class WhichObject(Dialog["Thing"]):
    """A component of several objects: which of them? Dismissed with it, or None."""

    def __init__(self, things: Sequence[Thing]) -> None:
        super().__init__()
        self._things = tuple(things)

    def compose(self) -> ComposeResult:
        with Vertical(id="box", classes="menu list"):
            yield Static(translate(_("Which object?")), classes="title", markup=False)
            yield PickList(self._lines, id="view")

    def _lines(self, width: int) -> Sequence[Line]:
        return [Line(((one_line(thing.title), "line--text"),), number) for number, thing in enumerate(self._things)]

    def on_mount(self) -> None:
        self.query_one(PickList).focus()

    @on(PickList.Picked)
    def _picked(self, message: PickList.Picked) -> None:
        self.dismiss(self._things[message.item])
