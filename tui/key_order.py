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
from textual.message_pump import MessagePump
from textual.timer import Timer
from textual.widgets import Input

PATIENCE = 5.0
"""Seconds after which the next key goes on even if nothing was heard of the one before; only a safeguard."""


class KeyDone(Message, namespace="order"):
    """Follows a key on its way up; where it arrives, the key has been handled."""


def takes_key(target: object, key: str) -> bool:
    """Whether what has the focus keeps this key to itself, as a shell does with all but one."""
    return bool(getattr(target, "takes_every_key", False)) and target.takes_key(key)  # type: ignore[attr-defined]


class OrderedKeys(App[Any]):
    """The application side of it."""

    async def _check_bindings(self, key: str, priority: bool = False) -> bool:
        """While a shell has the focus no binding goes before it, not even ctrl+p and what a screen may add."""
        if priority and getattr(self.focused, "takes_every_key", False):
            return False
        return await super()._check_bindings(key, priority)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: deque[events.Key] = deque()
        self._patience: Timer | None = None
        self._target: MessagePump | None = None

    async def on_event(self, event: events.Event) -> None:
        """Hold a key back while another one is on its way."""
        if not isinstance(event, events.Key) or event.is_forwarded:
            await super().on_event(event)
            return
        self._waiting.append(event)
        if self._patience is None or self._target is None or not self._target.is_running:
            await self._go_on()

    async def on_order_key_done(self, message: KeyDone) -> None:
        message.stop()
        await self._go_on()

    async def _go_on(self) -> None:
        """Send what waits, up to the first key that has to be waited for."""
        if self._patience is not None:
            self._patience.stop()
            self._patience = None
        on_its_way = False
        while self._waiting and not on_its_way and self.screen_stack:
            on_its_way = await self._send(self._waiting.popleft())

    async def _send(self, key: events.Key) -> bool:
        """True when the next key has to wait for this one."""
        target = self.focused or self.screen
        if (key.is_printable and isinstance(target, Input)) or takes_key(target, key.key):
            await super().on_event(key)  # it goes nowhere else
            return False
        self._target, self._patience = target, self.set_timer(PATIENCE, self._go_on)
        await super().on_event(key)
        if target.post_message(KeyDone()):
            return True
        self._patience.stop()
        self._patience = None
        return False
