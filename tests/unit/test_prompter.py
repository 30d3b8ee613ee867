"""Questions to people: shared, remembered, never asked twice at once."""

from __future__ import annotations

import asyncio

from kedge.prompter import (
    REFUSED,
    Question,
    QuestionKind,
    RefusingPrompter,
    Reply,
    SharedPrompter,
    new_host_key,
    passphrase,
    sudo_password,
)


class Front:
    """A front end whose person answers when told to."""

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self.open = 0
        self.most_open = 0
        self.answers: asyncio.Queue[Reply] = asyncio.Queue()

    async def ask(self, question: Question) -> Reply:
        self.asked.append(question)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            return await self.answers.get()
        finally:
            self.open -= 1


async def test_one_sudo_question_serves_every_host_of_the_site() -> None:
    front = Front()
    shared = SharedPrompter(front)
    front.answers.put_nowait(Reply(True, "s3cret"))
    replies = await asyncio.gather(*(shared.ask(sudo_password("plant", f"edge{n}", "oncall", 1)) for n in range(5)))
    assert {reply.secret for reply in replies} == {"s3cret"}
    assert (await shared.ask(sudo_password("plant", "edge9", "oncall", 1))).secret == "s3cret"
    assert len(front.asked) == 1


async def test_another_site_user_or_attempt_is_another_question() -> None:
    front = Front()
    shared = SharedPrompter(front)
    questions = [
        sudo_password("plant", "edge1", "oncall", 1),
        sudo_password("plant", "edge1", "oncall", 2),
        sudo_password("plant", "edge1", "root", 1),
        sudo_password("office", "edge1", "oncall", 1),
        passphrase("plant", "edge1", "/k", 1),
    ]
    for number, question in enumerate(questions):
        front.answers.put_nowait(Reply(True, str(number)))
        assert (await shared.ask(question)).secret == str(number)
    assert front.asked == questions
    # A host that is late gets the newest answer, not the one that was wrong.
    assert (await shared.ask(questions[0])).secret == "1"


async def test_every_host_key_is_asked_about_one_after_the_other() -> None:
    front = Front()
    shared = SharedPrompter(front)
    keys = [new_host_key("plant", f"edge{n}", "ssh-ed25519", f"SHA256:{n}", address=f"10.0.0.{n}") for n in range(3)]
    asking = [asyncio.create_task(shared.ask(key)) for key in keys]
    for accepted in (True, False, True):
        front.answers.put_nowait(Reply(accepted))
    assert [reply.accepted for reply in await asyncio.gather(*asking)] == [True, False, True]
    assert front.most_open == 1


async def test_a_refusal_is_remembered_until_a_person_tries_again() -> None:
    front = Front()
    shared = SharedPrompter(front)
    question = sudo_password("plant", "edge1", "oncall", 1)
    front.answers.put_nowait(REFUSED)
    assert not (await shared.ask(question)).accepted
    assert not (await shared.ask(question)).accepted
    assert len(front.asked) == 1
    shared.forget_refusals()
    front.answers.put_nowait(Reply(True, "x"))
    assert (await shared.ask(question)).accepted
    shared.forget_refusals()
    assert (await shared.ask(question)).secret == "x"
    assert len(front.asked) == 2


async def test_a_host_that_stops_waiting_does_not_close_the_dialog_of_the_others() -> None:
    front = Front()
    shared = SharedPrompter(front)
    question = sudo_password("plant", "edge1", "oncall", 1)
    first, second = (asyncio.create_task(shared.ask(question)) for _ in range(2))
    while not front.asked:  # noqa: ASYNC110 - the dialog opens a few turns of the loop later
        await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait({first})
    front.answers.put_nowait(Reply(True, "x"))
    assert (await second).secret == "x"
    assert len(front.asked) == 1


async def test_nobody_there_accepts_nothing_but_a_new_host_key_when_told_so() -> None:
    key = new_host_key("plant", "edge1", "ssh-ed25519", "SHA256:x", address="10.0.0.1")
    password = sudo_password("plant", "edge1", "oncall", 1)
    assert not (await RefusingPrompter().ask(key)).accepted
    told = RefusingPrompter(accept_new_host_keys=True)
    assert (await told.ask(key)).accepted
    assert not (await told.ask(password)).accepted


def test_secrets_are_not_printed() -> None:
    assert "s3cret" not in repr(Reply(True, "s3cret"))
    assert sudo_password("p", "h", "u", 1).is_secret
    assert not new_host_key("p", "h", "t", "f", address="a").is_secret


def test_a_question_names_the_host_and_what_it_is_about() -> None:
    key = new_host_key("plant", "edge1", "ssh-ed25519", "SHA256:abc", address="10.0.0.1")
    assert all(word in str(key.text) for word in ("edge1", "10.0.0.1", "ssh-ed25519", "SHA256:abc"))
    assert "wrong" not in str(sudo_password("p", "h", "u", 1).text)
    assert "wrong" in str(sudo_password("p", "h", "u", 2).text)
    assert key.kind is QuestionKind.HOST_KEY
