"""Logging in through PAM: keyboard-interactive on the real sshd, alone and after a key."""

from __future__ import annotations

import pytest

from kedge.links.base import Command
from kedge.prompter import QuestionKind
from tests.real.site import PASSWORD, Site
from tests.real.ssh_people import Person, link_to
from tests.real.sshd import Sshd

pytestmark = pytest.mark.real

PAM = "auth required pam_unix.so\naccount required pam_permit.so\nsession required pam_permit.so\n"


@pytest.mark.parametrize("methods", ["keyboard-interactive", "publickey,keyboard-interactive"])
async def test_pam_asks_for_the_password(site: Site, methods: str) -> None:
    edge = site.edges[0]
    edge.machine.file("/etc/pam.d/sshd", PAM)
    options = (
        f"AuthenticationMethods {methods}",
        "AuthorizedKeysFile /etc/ssh/authorized_keys",
        "KbdInteractiveAuthentication yes",
        "UsePAM yes",
    )
    folder = site.folder / f"pam{len(methods)}"
    server = Sshd(folder, 2222, options, address=edge.address, enter=edge.machine.enter)
    server.start()
    try:
        site.known_hosts.write_text(server.known_lines())
        person = Person("wrong", PASSWORD)
        async with link_to(site, person, name="edge1", port=2222, user="careful") as link:
            (answer,) = await link.batch([Command("who", "id -un")], deadline=40)
            assert answer.stdout == b"careful\n"
    finally:
        server.stop()
    assert [(question.kind, question.attempt) for question in person.asked] == [
        (QuestionKind.LOGIN_PASSWORD, 1),
        (QuestionKind.LOGIN_PASSWORD, 2),
    ]
