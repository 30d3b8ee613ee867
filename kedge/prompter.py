"""Asking a person while the product runs: host keys, passwords, passphrases.

A link never asks by itself where from: it is given a :class:`Prompter`. The front end brings one (a dialog, a
terminal prompt), and :class:`SharedPrompter` stands in front of it, so that one question is asked once for all
hosts that wait for its answer. Whoever asks stops its deadline and holds no connection slot meanwhile.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from kedge.i18n import Text, _
from kedge.printable import printable

MOST_ATTEMPTS = 3
"""A wrong answer is asked again at most twice; then the thing is unknown."""


class QuestionKind(StrEnum):
    """What is asked for."""

    HOST_KEY = "host key"
    """Yes or no: trust this key from now on."""
    SUDO_PASSWORD = "sudo password"  # noqa: S105 - a kind of question, as are the next two
    LOGIN_PASSWORD = "login password"  # noqa: S105
    PASSPHRASE = "passphrase"  # noqa: S105
    LOGIN_CODE = "login code"
    """What a server asks in words of its own: a one-time code, mostly."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question to a person.

    Attributes:
        kind: what is asked for.
        site: whose question it is.
        host: the machine that waits for the answer.
        text: the question, a whole sentence.
        about: what it is about: the fingerprint, the user name or the key file.
        attempt: 1, or more after wrong answers.
    """

    kind: QuestionKind
    site: str
    host: str
    text: Text
    about: str = ""
    attempt: int = 1

    @property
    def is_secret(self) -> bool:
        """The answer must not be shown while it is typed, nor kept anywhere but in memory."""
        return self.kind is not QuestionKind.HOST_KEY

    @property
    def topic(self) -> tuple[str, ...]:
        """Questions with one topic have one answer: a password serves every host of the site, a key only its host."""
        if self.is_secret and self.kind is not QuestionKind.LOGIN_CODE:
            return (self.site, self.kind, self.about)
        return (self.site, self.kind, self.host, self.about)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the person said: yes or no, and the secret when one was asked for."""

    accepted: bool
    secret: str = field(default="", repr=False)


REFUSED = Reply(False)


class Prompter(Protocol):
    """Asks a person."""

    async def ask(self, question: Question) -> Reply:
        """The answer; :data:`REFUSED` when there is nobody to ask or they decline. Never raises for that."""
        ...


class RefusingPrompter:
    """Nobody is there to be asked (``kedge-tui check``): refuses everything.

    Args:
        accept_new_host_keys: ``--accept-new-host-keys``: says yes to a key of a host that has none on record. A
            changed key is never a question, so this cannot accept one.
    """

    def __init__(self, *, accept_new_host_keys: bool = False) -> None:
        self._accept_new_host_keys = accept_new_host_keys

    async def ask(self, question: Question) -> Reply:
        """Yes to a new host key if told so beforehand, no to everything else."""
        return Reply(self._accept_new_host_keys and question.kind is QuestionKind.HOST_KEY)


class SharedPrompter:
    """Asks one question at a time, once for everybody who has it, and remembers the answer in memory.

    A refusal is remembered too: sweeps come back every few seconds and must not ask again. A question with a
    higher ``attempt`` than the remembered one says that the answer was wrong, and is asked.
    """

    def __init__(self, front: Prompter) -> None:
        self._front = front
        self._one_at_a_time = asyncio.Lock()
        self._asked: dict[tuple[str, ...], tuple[int, asyncio.Task[Reply]]] = {}

    async def ask(self, question: Question) -> Reply:
        """The remembered answer, the one that is being given, or a new one."""
        attempt, asking = self._asked.get(question.topic, (0, None))
        used = question.kind is QuestionKind.LOGIN_CODE and asking is not None and _is_answered(asking)
        if asking is None or attempt < question.attempt or used or asking.cancelled() or _broke(asking):
            asking = asyncio.create_task(self._put(question), name=f"ask {question.kind}")
            self._asked[question.topic] = (question.attempt, asking)
        # Whoever is cancelled while waiting must not take the dialog away from the others.
        return await asyncio.shield(asking)

    async def _put(self, question: Question) -> Reply:
        async with self._one_at_a_time:
            return await self._front.ask(question)

    def forget_refusals(self) -> None:
        """Ask again what was refused: a person has asked for the hosts to be tried again."""
        self._asked = {
            topic: (attempt, asking)
            for topic, (attempt, asking) in self._asked.items()
            if not asking.done() or _is_answered(asking)
        }


def _is_answered(asking: asyncio.Task[Reply]) -> bool:
    return asking.done() and not asking.cancelled() and not _broke(asking) and asking.result().accepted


def _broke(asking: asyncio.Task[Reply]) -> bool:
    return asking.done() and not asking.cancelled() and asking.exception() is not None


def new_host_key(site: str, host: str, key_type: str, fingerprint: str, *, address: str) -> Question:
    """The question about a host that has no key on record."""
    text = _("{host} ({address}) shows a {type} key that is not known yet: {fingerprint}. Trust it?").format(
        host=host, address=address, type=key_type, fingerprint=fingerprint
    )
    return Question(QuestionKind.HOST_KEY, site, host, text, fingerprint)


def sudo_password(site: str, host: str, user: str, attempt: int) -> Question:
    """The question for the sudo password of the login user."""
    text = (
        _("sudo password of {user} on {host}:")
        if attempt == 1
        else _("That sudo password was wrong. sudo password of {user} on {host}:")
    )
    return Question(QuestionKind.SUDO_PASSWORD, site, host, text.format(user=user, host=host), user, attempt)


def login_password(site: str, host: str, user: str, attempt: int) -> Question:
    """The question for a login password, where no key opens the door."""
    text = (
        _("SSH password of {user} on {host}:")
        if attempt == 1
        else _("That SSH password was wrong. SSH password of {user} on {host}:")
    )
    return Question(QuestionKind.LOGIN_PASSWORD, site, host, text.format(user=user, host=host), user, attempt)


def login_code(site: str, host: str, user: str, prompt: str, about: str, attempt: int, *, again: bool) -> Question:
    """What an SSH server asks in its own words (keyboard-interactive); the answer is good for one login."""
    text = (
        _("{host} did not accept that. It asks {user} again: {prompt}")
        if again
        else _("{host} asks {user} to log in: {prompt}")
    )
    filled = text.format(host=host, user=user, prompt=printable(prompt))
    return Question(QuestionKind.LOGIN_CODE, site, host, filled, about, attempt)


def passphrase(site: str, host: str, key_file: str, attempt: int) -> Question:
    """The question for the passphrase of a private key."""
    text = (
        _("Passphrase of the key {file}, to reach {host}:")
        if attempt == 1
        else _("That passphrase was wrong. Passphrase of the key {file}, to reach {host}:")
    )
    return Question(QuestionKind.PASSPHRASE, site, host, text.format(file=key_file, host=host), key_file, attempt)
