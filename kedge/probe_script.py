"""A sweep of one host as a script to run there by hand, and its output read back: for hosts without SSH.

The script is the very batch that a link would send (:mod:`kedge.links.script`). Each answer is found by the text
that was asked, so output of another version still answers what both ask. Secrets are masked on the host already:
the output may travel by mail.
"""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast
from urllib.parse import quote

from kedge.asks import Ask, HostAsk, recognise
from kedge.i18n import Text, _
from kedge.links.base import Answer, Command
from kedge.links.frames import MAX_HEADER, FramingError, Reader
from kedge.links.script import render
from kedge.model import Observation, Reason, Role, Unknown
from kedge.sources.base import Source
from kedge.sources.host import observation
from kedge.sources.mask import MASK

WHO = "kedge-tui/v1"
"""The first command of a script says for whom it was made: ``kedge-tui/v1 NODE ROLE…``."""

_LONGEST = MAX_HEADER - 256
"""Room for an ask in the header of a frame; a longer one is left out, and stays unknown."""

_HEADER = """\
#!/bin/sh
# What kedge-tui asks of {host}, to be run there by hand, as root where possible:
#
#   sh {file}.sh > {file}.out
#   kedge-tui check --with {file}.out      (where kedge-tui is)
#
# It reads and changes nothing. Tokens and passwords are masked before they are printed.
#
"""


class ProbeScriptError(Exception):
    """A file is not what such a script prints; ``text`` says what is wrong with it."""

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


# ----------------------------------------------------------------------------------------------- writing


class Collector:
    """A source that notes what a host is asked instead of asking it.

    Args:
        name: the host's.
        known: answers that are there already, from an earlier script; what they hold is not asked again.
    """

    def __init__(self, name: str, known: Source | None = None) -> None:
        self.name = name
        self.asks: dict[HostAsk, None] = {}
        self._known = known

    async def observe(self, asks: Sequence[Ask], *, deadline: float) -> list[Observation]:
        """An answer where one is known, else ``not recorded``, and the ask is noted."""
        nothing = [_not_recorded(self.name, ask) for ask in asks]
        answers = nothing if self._known is None else await self._known.observe(asks, deadline=deadline)
        for seen in answers:
            if seen.error is not None and seen.error.reason is Reason.NOT_RECORDED:
                self.asks[cast(HostAsk, seen.ask)] = None
        return answers


def script(host: str, roles: Iterable[Role], asks: Iterable[HostAsk]) -> str:
    """The script that asks all this of a host, and says so in words for whoever reads it first."""
    who = Command(shlex.join([WHO, host, *sorted(roles)]), ":")
    commands = [
        Command(text, _masking(text, ask.secrets()), ask.timeout, ask.root, ask.cap)
        for ask in asks
        if len(quote(text := ask.render(), safe="")) <= _LONGEST
    ]
    unique = {command.id: command for command in (who, *commands)}
    body = render([*unique.values()], nonce=secrets.token_hex(8), comments=True).decode("utf-8", "surrogateescape")
    file = re.sub(r"[^A-Za-z0-9._-]", "_", host)
    return _HEADER.format(host=" ".join(host.split()), file=file) + body.removeprefix("#!/bin/sh\n")


def _masking(text: str, names: Sequence[str]) -> str:
    """The command with the values of these fields masked in what it prints, its exit code kept."""
    if not names:
        return text
    sed = " ".join(["sed", *(f"-e {shlex.quote(line)}" for name in names for line in _sed(name))])
    return f"{{ {{ {{ {{ {text}\n}}; echo $? >&3; }} | {sed} >&4; }} 3>&1 | {{ read -r rc; exit $rc; }}; }} 4>&1"


def _sed(name: str) -> Iterable[str]:
    """POSIX sed for what :func:`kedge.sources.mask.masked` does to one field, in whatever case it is written."""
    letters = "".join(f"[{c.upper()}{c.lower()}]" if c.isalpha() else re.escape(c) for c in name)
    space, quotes = "[[:space:]]*", r"""["']\{0,1\}"""
    key = rf"{space}\(-[[:space:]]{space}\)\{{0,1\}}{quotes}{letters}{quotes}{space}:{space}"
    for nothing in ("", '""', "''", "null", "~", "#.*"):
        yield f"/^{key}{nothing}{space}$/b"
    yield rf's/^\({key}\).*$/\1"{MASK}"/'


# ----------------------------------------------------------------------------------------------- reading


@dataclass(frozen=True, slots=True)
class Saved:
    """What one or more outputs of a host hold.

    Attributes:
        complete: every command of every script has answered.
    """

    host: str
    roles: tuple[Role, ...]
    answers: Mapping[str, Answer]
    complete: bool

    def joined(self, other: Saved) -> Saved:
        """With the output of another script of the same host; what was asked twice counts as the later one says."""
        roles = tuple(dict.fromkeys((*self.roles, *other.roles)))
        return Saved(self.host, roles, {**self.answers, **other.answers}, self.complete and other.complete)


def read(data: bytes, file: str) -> Saved:
    """Read what a script printed; raises ProbeScriptError."""
    reader = Reader(None)
    try:
        reader.feed(data)
    except FramingError as error:
        text = _("{file} was changed on its way: {problem}. Copy it as it is, byte for byte")
        raise ProbeScriptError(text.format(file=file, problem=str(error))) from None
    who = next((id for id in reader.batch.answers if id.startswith(WHO + " ")), None)
    if who is None:
        text = _("{file} is not what the script of `kedge-tui probe-script` prints, or its beginning is missing")
        raise ProbeScriptError(text.format(file=file))
    _version, host, *roles = shlex.split(who)
    known = tuple(Role(role) for role in roles if role in {one.value for one in Role})
    answers = {id: answer for id, answer in reader.batch.answers.items() if id != who}
    return Saved(host, known, answers, reader.batch.complete)


class SavedSource:
    """A host's source that answers from saved output; nothing is dialled."""

    def __init__(self, saved: Saved) -> None:
        self.name = saved.host
        self._by_text = saved.answers
        self._by_ask = {ask: answer for text, answer in saved.answers.items() if (ask := recognise(text)) is not None}

    async def observe(self, asks: Sequence[Ask], *, deadline: float) -> list[Observation]:
        """Saved answers; what the script did not ask is ``not recorded``."""
        return [self._one(cast(HostAsk, ask)) for ask in asks]

    def _one(self, ask: HostAsk) -> Observation:
        answer = self._by_text.get(ask.render()) or self._by_ask.get(ask)
        return _not_recorded(self.name, ask) if answer is None else observation(self.name, ask, answer)


def _not_recorded(host: str, ask: Ask) -> Observation:
    text = _(
        "The output of {host} that was read does not answer this; `kedge-tui probe-script {host} --with FILE` prints "
        "a script of what is still to be asked"
    )
    return Observation(ask, host, "", error=Unknown(Reason.NOT_RECORDED, text.format(host=host)))
