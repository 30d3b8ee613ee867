"""The keys that do something now, at the bottom of a screen."""

from __future__ import annotations

from textual.widgets import Footer


class KeyFooter(Footer):
    """Textual's footer, compact, which lets go of the keys that it showed before.

    Each key watches ``compact`` of its footer, and a footer forgets such watchers only when that value is set. Here it
    never is, so in a night every key ever shown would be kept.
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id, show_command_palette=False, compact=True)

    async def recompose(self) -> None:
        """Show the keys of now; of those before nothing stays."""
        await super().recompose()
        self.mutate_reactive(Footer.compact)
