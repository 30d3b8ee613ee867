"""A person at a terminal: questions on stderr, answers from the keyboard, never a surprise in a pipe."""

from __future__ import annotations

import asyncio
import getpass
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import click

from kedge.i18n import Text, _, translate
from kedge.links.pools import DaemonExecutor
from kedge.printable import one_line, printable
from kedge.prompter import REFUSED, Prompter, Question, RefusingPrompter, Reply

T = TypeVar("T")

YES = frozenset({"y", "yes"})

_KEYBOARD = DaemonExecutor("keyboard", 1)
"""A read that nobody answers must not keep the program from ending, so it waits on a daemon thread."""


def is_interactive() -> bool:
    """True when somebody can read a question and type an answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def say(text: Text | str, *, bold: bool = False) -> None:
    """A line for people, on stderr; what hosts and objects are called cannot move the cursor."""
    with suppress(OSError):  # a terminal that has closed stops no repair halfway
        click.echo(click.style(printable(translate(text)), bold=bold), err=True)


async def ask(question: Text | str) -> str:
    """What the person typed, "" when they closed the input."""
    shown = one_line(translate(question)) + " "
    typed = await _on_keyboard(lambda: _line(shown))
    return typed.strip()


async def ask_secret(question: Text | str) -> str | None:
    """The same without showing what is typed; None when they closed the input."""
    shown = one_line(translate(question)) + " "
    return await _on_keyboard(lambda: _secret(shown))


async def _on_keyboard(read: Callable[[], T]) -> T:
    """Leaves the terminal as it was, even when the program is interrupted while it echoes nothing."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")  # a question has a line of its own, not the rest of one that tells progress
    try:
        return await asyncio.wrap_future(_KEYBOARD.submit(read))
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _line(shown: str) -> str:
    sys.stderr.write(shown)
    sys.stderr.flush()
    return sys.stdin.readline()


def _secret(shown: str) -> str | None:
    try:
        return getpass.getpass(shown, stream=sys.stderr)
    except EOFError:
        return None


class TerminalPrompter:
    """A :class:`kedge.prompter.Prompter` for a person at a terminal."""

    def __init__(self, *, accept_new_host_keys: bool = False) -> None:
        self._accept_new_host_keys = accept_new_host_keys

    async def ask(self, question: Question) -> Reply:
        """Put the question; an empty answer is a refusal."""
        if question.is_secret:
            secret = await ask_secret(question.text)
            return Reply(True, secret) if secret else REFUSED
        if self._accept_new_host_keys:
            return Reply(True)
        typed = await ask(_("{question} [y/N]").format(question=question.text))
        return Reply(typed.lower() in YES)


def prompter_for(*, accept_new_host_keys: bool) -> Prompter:
    """Asks the person at the terminal; refuses where there is none."""
    if is_interactive():
        return TerminalPrompter(accept_new_host_keys=accept_new_host_keys)
    return RefusingPrompter(accept_new_host_keys=accept_new_host_keys)
