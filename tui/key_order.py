"""Keys are handled one after the other, however fast they come.

Textual sends a key to what has the focus when it arrives, and runs its binding later, when the key has bubbled up.
Over a slow link keys come in bursts, and what was typed behind ``:`` or ``/`` would reach the tree instead of the
line. So a key waits until the one before it is done.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from textual import events
from textual.app import App
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input

PATIENCE = 0.5
"""Seconds after which the next key goes on even if nothing was heard of the one before."""


class KeyDone(Message, namespace="order"):
    """Follows a key on its way up; where it arrives, the key has been handled."""


class OrderedKeys(App[Any]):
    """The application side of it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: deque[events.Key] = deque()
        self._patience: Timer | None = None

    async def on_event(self, event: events.Event) -> None:
        """Hold a key back while another one is on its way."""
        if not isinstance(event, events.Key) or event.is_forwarded:
            await super().on_event(event)
        elif self._patience is not None:
            self._waiting.append(event)
        elif self.screen_stack:
            await self._send(event)

    async def _send(self, event: events.Key) -> None:
        target = self.focused or self.screen
        if event.is_printable and isinstance(target, Input):
            await super().on_event(event)  # a letter goes nowhere else, so the next one need not wait
            self._go_on()
            return
        self._patience = self.set_timer(PATIENCE, self._go_on)
        await super().on_event(event)
        if not target.post_message(KeyDone()):
            self._go_on()

    def on_order_key_done(self, message: KeyDone) -> None:
        message.stop()
        self._go_on()

    def _go_on(self) -> None:
        if self._patience is not None:
            self._patience.stop()
            self._patience = None
        if self._waiting:
            self.post_message(self._waiting.popleft())
