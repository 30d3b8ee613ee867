"""What all dialogs share: a titled box over the screen; esc closes it; the focus starts where it harms nobody."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from rich.text import Text as RichText
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from kedge.i18n import _, translate
from kedge.printable import printable

R = TypeVar("R")


class Dialog(ModalScreen[R]):
    """A modal box; ``esc`` dismisses it with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", translate(_("cancel")), id="dialog.cancel"),
    ]

    def action_cancel(self) -> None:
        """Close without an answer."""
        self.dismiss(None)


def plain(text: str, style: str = "") -> RichText:
    """Text from the outside as it may be shown: no escapes, no markup."""
    return RichText(printable(text), style)
