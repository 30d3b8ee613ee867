"""The table of keys that was decided for the whole product, held against what is bound."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from textual.binding import Binding, BindingsMap
from textual.dom import DOMNode

import tui
from tui.app import KedgeApp
from tui.logs.pane import LogPane
from tui.logs.pick import PickSources
from tui.screens.confirm import Confirm, Unfinished
from tui.screens.dialog import Dialog
from tui.screens.evidence import EvidenceScreen
from tui.screens.explain import ExplainScreen
from tui.screens.fix import FixScreen
from tui.screens.fix_menu import FixMenu
from tui.screens.help import HelpScreen
from tui.screens.history import ChangeScreen, HistoryScreen
from tui.screens.main import MainScreen
from tui.screens.main_panes import MainPanes
from tui.screens.object import ObjectScreen
from tui.screens.problems import ProblemsScreen
from tui.screens.question import QuestionScreen
from tui.screens.text_view import TextView
from tui.top.base import TopBase
from tui.top.pane import TopPane
from tui.widgets.command_line import _Line
from tui.widgets.component_tree import ComponentTree
from tui.widgets.details import Details
from tui.widgets.line_view import LineView
from tui.widgets.pick_list import PickList
from tui.widgets.terminal_view import TerminalView
from tui.widgets.virtual_table import VirtualTable

# What a key may mean, by the name of the action. A key that is not here must not be bound; one that is here keeps
# its meaning wherever it is bound.
EVERYWHERE = {
    "question_mark": {"help"},
    "colon": {"command"},
    "slash": {"filter", "find"},
    "escape": {"escape", "cancel", "give_up"},
    "q": {"leave", "cancel"},
    "c": {"copy"},
    "x": {"export", "save"},
    "left_square_bracket": {"back", "leave"},
    "right_square_bracket": {"forward"},
    "tab": {"complete"},
    "plus": {"enlarge"},
    "X": {"close_pane"},
    "right_curly_bracket": {"next_pane"},
    "left_curly_bracket": {"pane_before"},
    "ctrl+c": {"interrupt"},
    "ctrl+q": {"leave"},
    "ctrl+right_square_bracket": {"menu"},
    "f9": {"mouse"},
}
MOVING = {
    "j": {"cursor", "scroll", "move"},
    "down": {"cursor", "scroll", "move", "earlier"},
    "k": {"cursor", "scroll", "move"},
    "up": {"cursor", "scroll", "move", "earlier"},
    "g": {"first", "edge", "move_to"},
    "home": {"first", "edge", "move_to"},
    "G": {"last", "edge", "move_to"},
    "end": {"last", "edge", "move_to"},
    "pagedown": {"page"},
    "pageup": {"page"},
    "ctrl+f": {"page"},
    "ctrl+b": {"page"},
    "left": {"close_branch", "app.focus_previous", "shift"},
    "right": {"open_branch", "app.focus_next", "shift"},
}
TABLES = {
    "enter": {"choose", "pick", "only", "enter"},
    "space": {"fold"},
    "m": {"mark"},
    "M": {"mark_range", "sort"},
    "z": {"faults"},
    "r": {"rerun", "look_again"},
    "R": {"rerun_below"},
    "f": {"fix"},
    "d": {"look"},
    "e": {"evidence"},
    "o": {"explain"},
    "i": {"incident"},
    "l": {"open_pane"},
    "p": {"open_pane"},
    "s": {"open_pane"},
    "t": {"open_pane"},
    "n": {"next"},
    "N": {"next", "sort"},
}
TOP = {
    "C": {"sort"},
    "v": {"view"},
    "a": {"scope"},
    "less_than_sign": {"pace"},
    "greater_than_sign": {"pace"},
}
LOGS = {
    "ampersand": {"keep"},
    "F": {"follow"},
    "w": {"wrap"},
    "T": {"times"},
    "W": {"save"},
    "S": {"sources"},
    **{str(number): {"since"} for number in range(7)},
}
DIALOGS = {"y": {"confirm", "accept", "look"}, "u": {"undo"}}
TABLE = EVERYWHERE | MOVING | TABLES | LOGS | TOP | DIALOGS

PLACES: tuple[type[DOMNode], ...] = (
    KedgeApp, MainScreen, MainPanes, LogPane, ComponentTree, Details, TextView, EvidenceScreen, ExplainScreen,
    HelpScreen, ProblemsScreen, ObjectScreen, HistoryScreen, ChangeScreen, LineView, PickList, Dialog, FixMenu,
    FixScreen, QuestionScreen, Confirm, Unfinished, TerminalView, _Line,
    VirtualTable, TopBase, TopPane, PickSources,
)  # fmt: skip


def own_bindings(place: type[DOMNode]) -> Iterator[Binding]:
    """What a class of ours binds itself, one binding per key."""
    for bindings in BindingsMap(place.__dict__.get("BINDINGS", [])).key_to_bindings.values():
        yield from bindings


def test_every_class_with_bindings_is_looked_at() -> None:
    found = set()
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        for value in vars(importlib.import_module(module.name)).values():
            ours = isinstance(value, type) and issubclass(value, DOMNode) and value.__module__.startswith("tui.")
            if ours and "BINDINGS" in value.__dict__:
                found.add(value)
    assert found - set(PLACES) == set()


def test_every_key_has_the_meaning_of_the_table() -> None:
    wrong = [
        f"{place.__name__}: {binding.key} is {binding.action}"
        for place in PLACES
        for binding in own_bindings(place)
        if binding.action.partition("(")[0] not in TABLE.get(binding.key, set())
    ]
    assert wrong == []


def test_nothing_is_on_the_keys_that_hurt_elsewhere() -> None:
    used = {binding.key for place in PLACES for binding in own_bindings(place)}
    assert used & {"ctrl+d", "ctrl+k", "ctrl+w", "ctrl+u", "delete"} == set()


def test_every_binding_can_be_named_and_is_described() -> None:
    ids = [binding.id for place in PLACES for binding in own_bindings(place)]
    assert all(ids)
    assert all(binding.description for place in PLACES for binding in own_bindings(place))


def test_no_binding_of_ours_takes_priority() -> None:
    assert not any(binding.priority for place in PLACES for binding in own_bindings(place))


def test_what_is_promised_everywhere_works_on_the_screens() -> None:
    for place in (MainScreen, TextView):
        keys = {binding.key for binding in own_bindings(place)}
        assert {"question_mark", "colon", "slash", "escape", "q", "c", "left_square_bracket"} <= keys, place
    assert {"question_mark", "escape", "q"} <= {binding.key for binding in own_bindings(Dialog)}
