"""Asks the person at the screen: host keys, sudo passwords, passphrases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kedge.prompter import REFUSED, Question, Reply

if TYPE_CHECKING:
    from tui.app import KedgeApp


class TuiPrompter:
    """A :class:`kedge.prompter.Prompter` that shows a dialog."""

    def __init__(self, app: KedgeApp, *, accept_new_host_keys: bool = False) -> None:
        self._app = app
        self._accept_new_host_keys = accept_new_host_keys

    async def ask(self, question: Question) -> Reply:
        """Show the question and wait for the answer; a dialog that was closed is a refusal."""
        from tui.screens.question import QuestionScreen

        if self._accept_new_host_keys and not question.is_secret:
            return Reply(True)
        return await self._app.ask(QuestionScreen(question)) or REFUSED
