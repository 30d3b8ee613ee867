"""What an exception becomes: a sentence in a toast and a traceback in the log file, while the rest lives on.

Textual ends the message loop of whatever raised and then the whole program, with a traceback on the terminal.
:class:`Guarded` keeps the loop of our own widgets, screens and application alive; failed workers arrive here too.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

from textual.message import Message
from textual.message_pump import MessagePump
from textual.worker import Worker, WorkerState

if TYPE_CHECKING:
    from tui.app import KedgeApp

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    _Pump = MessagePump
else:
    _Pump = object


class Guarded(_Pump):
    """A part of the screen whose own handlers may fail without taking anything else away."""

    async def _dispatch_message(self, message: Message) -> None:
        try:
            await super()._dispatch_message(message)
        except Exception as error:  # noqa: BLE001 - the one place where whatever a handler raises ends
            self._failed(error, f"{type(message).__name__} in {type(self).__name__}")

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A worker of this part that raised."""
        worker: Worker[Any] = event.worker
        if event.state is WorkerState.ERROR and worker.error is not None:
            event.stop()
            self._failed(worker.error, worker.name)

    def _failed(self, error: BaseException, where: str) -> None:
        cast("KedgeApp", self.app).failed(error, where)


def describe(error: BaseException) -> str:
    """An exception in half a sentence, for a toast; of a group the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
