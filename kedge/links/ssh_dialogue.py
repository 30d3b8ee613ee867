"""keyboard-interactive: the server asks in its own words, once or several times. Blocking; runs on the dial pool.

A person thinks without a connection being held: what is not known yet ends the login with
:class:`~kedge.links.ssh_given.NeedsAnswer`, and the next attempt brings the answer. A prompt for a password is
answered with the site's login password; everything else (a one-time code) with an answer that is good for one login.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kedge.links.deadline import Deadline
from kedge.links.ssh_config import Endpoint
from kedge.links.ssh_given import Given, NeedsAnswer
from kedge.model import LinkError, Unknown
from kedge.prompter import QuestionKind, login_code, login_password

if TYPE_CHECKING:
    import paramiko

MOST_PROMPTS = 8
"""Questions of one login; more is a server that asks for ever."""

_PASSWORD = re.compile(r"^\s*(\(\S+\)\s*)?(\S+'s )?password", re.IGNORECASE)
"""PAM's own prompt ("Password: ", "(ann@host) Password: ", "ann's password: "), not "One-time password (OTP): "."""


@dataclass(slots=True)
class Dialogue:
    """One login by questions and answers."""

    endpoint: Endpoint
    site: str
    given: Given
    no_login: Unknown
    _used: list[tuple[QuestionKind, str]] = field(default_factory=list)
    _missing: tuple[QuestionKind, str, str] | None = None

    def log_in(self, transport: paramiko.Transport, deadline: Deadline) -> None:
        """Answer the server's questions; returns logged in, or refused with nothing more to ask a person.

        Raises:
            NeedsAnswer: a person has to say something first. LinkError: they have said wrong things too often.
            TimeoutError: the deadline passed.
        """
        import paramiko

        transport.auth_timeout = deadline.need()
        try:
            transport.auth_interactive(self.endpoint.user, self._answers)
        except paramiko.BadAuthenticationType:
            return
        except paramiko.AuthenticationException:
            deadline.need()
        if transport.is_authenticated():
            for kind, about in self._used:
                self.given.was_right(kind, about)
            return
        if self._missing is None and self._used:
            # The server does not say which of several answers was wrong.
            for kind, about in self._used:
                self.given.was_wrong(kind, about)
            kind, about = self._used[0]
            self._missing = kind, about, about.removeprefix(f"{self.endpoint.user} ")
        if self._missing is not None:
            raise self._ask(*self._missing)

    def _answers(self, title: str, instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
        """What paramiko sends; called on the transport's thread, once for each round of questions."""
        return [self._answer(prompt, instructions) for prompt, _echo in prompts]

    def _answer(self, prompt: str, instructions: str) -> str:
        said = prompt.strip()
        if _PASSWORD.match(said):
            kind, about = QuestionKind.LOGIN_PASSWORD, self.endpoint.user
            secret = self.given.secret(kind, about)
        else:
            kind, about = QuestionKind.LOGIN_CODE, f"{self.endpoint.user} {said}"
            # An answer that cannot be used yet would be used up: what is missing comes first.
            secret = None if self._missing else self.given.take_once(kind, about)
        if secret is None or len(self._used) >= MOST_PROMPTS:
            self._missing = self._missing or (kind, about, f"{instructions.strip()} {said}".strip())
            return ""
        self._used.append((kind, about))
        return secret

    def _ask(self, kind: QuestionKind, about: str, prompt: str) -> Exception:
        attempt = self.given.next_attempt(kind, about)
        if not attempt:
            return LinkError(self.no_login)
        host, user = self.endpoint.name, self.endpoint.user
        if kind is QuestionKind.LOGIN_PASSWORD:
            question = login_password(self.site, host, user, attempt)
        else:
            again = self.given.wrong(kind, about) > 0
            question = login_code(self.site, host, user, prompt, about, attempt, again=again)
        return NeedsAnswer(question, self.no_login)
