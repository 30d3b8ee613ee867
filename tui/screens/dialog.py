"""What all dialogs share: a titled box over the screen; esc closes it; the focus starts where it harms nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from kedge.i18n import _, translate
from tui.errors import Guarded

if TYPE_CHECKING:
    from tui.app import KedgeApp

R = TypeVar("R")


class Dialog(Guarded, ModalScreen[R]):
    """A modal box; ``esc`` dismisses it with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "cancel", translate(_("cancel")), key_display="esc", id="dialog.cancel"),
        Binding("question_mark", "help", translate(_("help")), show=False, key_display="?", id="dialog.help"),
        Binding("right", "app.focus_next", translate(_("next button")), show=False, id="dialog.next"),
        Binding("left", "app.focus_previous", translate(_("previous button")), show=False, id="dialog.previous"),
    ]

    app: KedgeApp

    def action_cancel(self) -> None:
        """Close without an answer."""
        self.dismiss(None)

    def action_help(self) -> None:
        self.app.show_help()
