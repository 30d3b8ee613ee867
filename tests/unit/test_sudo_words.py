"""sudo's refusals are told apart by its own words."""

from __future__ import annotations

import pytest

from kedge.sources.sudo import why_refused


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("sudo: sorry, you must have a tty to run sudo", "requiretty"),
        ("sudo: a password is required", "wants a password"),
        ("ann is not in the sudoers file.", "no right"),
        ("Sorry, user ann is not allowed to execute '/bin/sh' as root on edge1.", "no right"),
        ("Sorry, user ann may not run sudo on edge1.", "no right"),
        ("Sorry, try again.\nsudo: 1 incorrect password attempt", "was wrong"),
        ("sh: 1: sudo: not found", "no sudo"),
        ("/bin/sh: sudo: No such file or directory", "no sudo"),
        ("sudo: something new", "Allow it in sudoers"),
        ("", "Allow it in sudoers"),
    ],
)
def test_each_refusal_says_what_would_help(said: str, says: str) -> None:
    assert says in str(why_refused(said))
