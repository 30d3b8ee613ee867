"""What people have answered so far for one link, and how a login says that it needs an answer."""

from __future__ import annotations

from dataclasses import dataclass, field

from kedge.model import Unknown
from kedge.prompter import MOST_ATTEMPTS, Question, QuestionKind, Reply


class NeedsAnswer(Exception):
    """A person has to answer before the connection can be made.

    Attributes:
        question: what to ask.
        refused: what is unknown, and why, when they do not answer.
    """

    def __init__(self, question: Question, refused: Unknown) -> None:
        super().__init__(str(question.text))
        self.question = question
        self.refused = refused


@dataclass(slots=True)
class Given:
    """What people have said so far, for one link; in memory only.

    Attributes:
        trusted: fingerprints of host keys they accepted.
    """

    trusted: set[str] = field(default_factory=set)
    _secrets: dict[tuple[QuestionKind, str], str] = field(default_factory=dict, repr=False)
    _attempts: dict[tuple[QuestionKind, str], int] = field(default_factory=dict)
    _forgiven: dict[tuple[QuestionKind, str], int] = field(default_factory=dict)

    def take(self, question: Question, reply: Reply) -> None:
        """Keep an answer that was given."""
        if question.kind is QuestionKind.HOST_KEY:
            self.trusted.add(question.about)
        else:
            self._secrets[question.kind, question.about] = reply.secret
            self._attempts[question.kind, question.about] = question.attempt

    def secret(self, kind: QuestionKind, about: str) -> str | None:
        """The secret, or None when it was not given or has turned out wrong."""
        return self._secrets.get((kind, about))

    def was_wrong(self, kind: QuestionKind, about: str) -> None:
        """Forget a secret that did not work."""
        self._secrets.pop((kind, about), None)

    def take_once(self, kind: QuestionKind, about: str) -> str | None:
        """The secret, which is good for one use."""
        return self._secrets.pop((kind, about), None)

    def next_attempt(self, kind: QuestionKind, about: str) -> int:
        """Which attempt the next question would be, from 1; 0 when there have been enough wrong answers."""
        made = self._attempts.get((kind, about), 0)
        return made + 1 if made - self._forgiven.get((kind, about), 0) < MOST_ATTEMPTS else 0

    def wrong(self, kind: QuestionKind, about: str) -> int:
        """How many wrong answers there have been lately."""
        return self._attempts.get((kind, about), 0) - self._forgiven.get((kind, about), 0)

    def was_right(self, kind: QuestionKind, about: str) -> None:
        """What was asked for opened the door: wrong answers before it do not count any more."""
        if (kind, about) in self._attempts:
            self._forgiven[kind, about] = self._attempts[kind, about]

    def start_over(self) -> None:
        """A person wants to try again: wrong answers so far do not count."""
        self._forgiven = dict(self._attempts)
