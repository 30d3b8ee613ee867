"""keyboard-interactive: a password and a one-time code, each asked for once, none of them used twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import paramiko
import pytest

from kedge.i18n import _
from kedge.links.deadline import Deadline
from kedge.links.ssh_config import Endpoint
from kedge.links.ssh_dialogue import Dialogue
from kedge.links.ssh_given import Given, NeedsAnswer
from kedge.model import LinkError, Reason, Unknown
from kedge.prompter import REFUSED, Question, QuestionKind, Reply, SharedPrompter, login_code

REFUSAL = Unknown(Reason.CREDENTIALS, _("no"))


class Bastion:
    """A transport whose server wants a password, and then a code that is good once."""

    def __init__(self, *codes: str, prompts: tuple[str, ...] = ("Password: ", "Verification code: ")) -> None:
        self.codes, self.prompts = list(codes), prompts
        self.auth_timeout, self._in = 0.0, False
        self.logins = 0

    def is_authenticated(self) -> bool:
        return self._in

    def auth_interactive(self, user: str, handler: Callable[..., list[str]]) -> list[str]:
        self._in, right = False, True
        for prompt in self.prompts:
            (said,) = handler("", "", [(prompt, False)])
            if "ode" in prompt:
                right = right and bool(self.codes) and said == self.codes[0]
                if said:
                    del self.codes[:1]
            else:
                right = right and said == "horse"
        if not right:
            raise paramiko.AuthenticationException
        self._in, self.logins = True, self.logins + 1
        return []


class Person:
    def __init__(self, *answers: str) -> None:
        self.answers, self.asked = list(answers), list[Question]()

    def answer(self, question: Question) -> Reply:
        self.asked.append(question)
        return Reply(True, self.answers.pop(0))


def log_in(bastion: Any, person: Person, given: Given) -> None:
    while not bastion.is_authenticated():
        try:
            Dialogue(Endpoint("gate", "10.0.0.1", 22, "ann"), "plant", given, REFUSAL).log_in(bastion, Deadline(5))
        except NeedsAnswer as need:
            given.take(need.question, person.answer(need.question))


def test_a_password_and_a_code_and_at_the_next_login_only_a_new_code() -> None:
    bastion, person, given = (
        Bastion("123", "456", "789", "012", "345"),
        Person("horse", "123", "456", "789", "012"),
        Given(),
    )
    for _login in range(4):
        log_in(bastion, person, given)
        bastion._in = False
    assert bastion.logins == 4
    kinds = [question.kind for question in person.asked]
    assert kinds == [QuestionKind.LOGIN_PASSWORD, *[QuestionKind.LOGIN_CODE] * 4]
    assert str(person.asked[-1].text) == "gate asks ann to log in: Verification code:"


def test_after_a_wrong_answer_everything_is_asked_again_and_thrice_at_most() -> None:
    bastion, given = Bastion("123", "456"), Given()
    person = Person("house", "1", "horse", "456")
    log_in(bastion, person, given)
    assert [(question.kind, question.attempt) for question in person.asked] == [
        (QuestionKind.LOGIN_PASSWORD, 1),
        (QuestionKind.LOGIN_CODE, 1),
        (QuestionKind.LOGIN_PASSWORD, 2),
        (QuestionKind.LOGIN_CODE, 2),
    ]
    with pytest.raises(LinkError) as caught:
        log_in(Bastion(prompts=("Code? ",)), Person("1", "2", "3"), Given())
    assert caught.value.unknown is REFUSAL


def test_hostile_prompts_are_shown_without_their_escapes() -> None:
    person = Person("x")
    log_in(Bastion("x", prompts=("\x1b[31mcode\n> ",)), person, Given())
    assert "\x1b" not in str(person.asked[0].text)


@pytest.mark.parametrize("prompt", ["One-time password (OTP) for ann: ", "Enter PASSCODE: ", "New Password: "])
def test_what_is_no_plain_password_is_asked_in_the_servers_words(prompt: str) -> None:
    dialogue = Dialogue(Endpoint("gate", "10.0.0.1", 22, "ann"), "plant", Given(), REFUSAL)
    dialogue._answers("", "", [(prompt, False)])
    assert dialogue._missing is not None
    assert dialogue._missing[0] is QuestionKind.LOGIN_CODE


async def test_a_code_is_shared_by_nobody_and_a_refusal_is_remembered() -> None:
    replies = [Reply(True, "123"), Reply(True, "456"), REFUSED]

    class Front:
        async def ask(self, question: Question) -> Reply:
            return replies.pop(0)

    shared = SharedPrompter(Front())
    question = login_code("plant", "gate", "ann", "Code:", "ann Code:", 1, again=False)
    said = [(await shared.ask(question)).secret for _login in range(2)]
    assert said == ["123", "456"]
    assert [(await shared.ask(question)).accepted for _sweep in range(3)] == [False] * 3
