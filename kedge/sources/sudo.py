"""Why sudo refused, and what would help: read from its own words, which LC_ALL=C keeps in English."""

from __future__ import annotations

from kedge.i18n import Text, _

_WORDS: tuple[tuple[tuple[str, ...], Text], ...] = (
    (
        ("must have a tty", "no tty present"),
        _(": sudoers there demands a terminal (requiretty). Add `Defaults:USER !requiretty` for the login user"),
    ),
    (
        ("not in the sudoers", "not allowed to", "may not run sudo"),
        _(": sudoers gives the login user no right to it. Allow it there, or log in as another user"),
    ),
    (
        ("incorrect password", "Sorry, try again"),
        _(": the password was wrong"),
    ),
    (
        ("password is required",),
        _(": it wants a password. Set sudo: password for this host in the config file, or allow it without in sudoers"),
    ),
    (
        ("not found", "No such file"),
        _(": there is no sudo. Log in as root, or install it"),
    ),
)
"""First match counts: sudo lectures before it says what is wrong, and "not allowed" stands beside the password."""

_OTHERWISE = _(". Allow it in sudoers, or set sudo: password for this host in the config file")


def why_refused(said: str) -> Text:
    """The end of a sentence that says that sudo refused something.

    Args:
        said: what sudo (or the shell that looked for it) printed.
    """
    return next((text for words, text in _WORDS if any(word in said for word in words)), _OTHERWISE)
