"""Locks that keep two operators from repairing the same thing at once.

A lock is a directory beside its target, because making a directory is atomic everywhere, also on a file
system that both operators reach by different machines. It holds who made it and until when it counts, by the
clock of the host it is on. An expired lock is taken over.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from kedge.execute.base import Hands, LockPath, Refused, StepFailed, words_of
from kedge.i18n import Text, _
from kedge.links.base import Answer
from kedge.model import LinkError

HELD = 75
"""Exit code of :data:`ACQUIRE` when somebody else has the lock (EX_TEMPFAIL of sysexits.h)."""

_WHERE = r"""case $1 in /*) lock=$1 ;; *) lock=${KEDGE_TUI_LOCKS:-/tmp}/$1 ;; esac
"""
"""The folder must be the same for all who work on the host, so it is not the user's own ``TMPDIR``; a host whose
``/tmp`` is private to each user sets the variable."""

ACQUIRE = (
    _WHERE
    + r"""ttl=$2 now=$(date +%s)
held() { cat "$lock/owner" 2>/dev/null; exit 75; }
age() { stat -c %Y "$lock" 2>/dev/null || stat -f %m "$lock"; }
expiry() { sed -n 's/^until=//p' "$lock/owner" 2>/dev/null; }
own() { { cat; echo "until=$((now + ttl))"; } >"$lock/owner"; }
if mkdir -m 700 "$lock" 2>/dev/null; then own; exit; fi
[ -d "$lock" ] || { mkdir -m 700 "$lock"; exit 1; }
until=$(expiry)
[ "${until:-$(($(age) + ttl))}" -le "$now" ] || held
mkdir "$lock/takeover" 2>/dev/null || held
if [ "$(expiry)" = "$until" ]; then own; rmdir "$lock/takeover"; else rmdir "$lock/takeover"; held; fi
"""
)
"""Arguments: the directory, its life in seconds; stdin: the owner's lines. Prints the owner when it is held.

Whoever takes over an expired lock makes a directory inside it first and looks again, so that of two only one wins.
"""

RELEASE = _WHERE + 'if grep -qx "token=$2" "$lock/owner" 2>/dev/null; then rm -rf "$lock"; fi'


async def _none() -> frozenset[str]:
    return frozenset()


@dataclass(slots=True)
class Locks:
    """The locks of one plan; taken all or none, released in any case.

    ``left``: tokens of locks that this machine's earlier changes left behind, by a crash or a lost connection; asked
    for only where a lock is held. One of those is removed and taken anew.
    """

    hands: Hands
    who: str
    seconds: int
    left: Callable[[], Awaitable[frozenset[str]]] = _none
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    held: list[LockPath] = field(default_factory=list)

    async def acquire(self, paths: Iterable[LockPath]) -> None:
        """Take all of them; Refused, with none taken, when one is held or cannot be made."""
        try:
            for lock in sorted(set(paths), key=lambda lock: (lock.on, lock.path)):
                await self._take(lock)
        except (Refused, StepFailed, LinkError) as error:
            await self.release()
            if isinstance(error, LinkError):
                raise Refused(error.unknown.text) from None
            raise Refused(error.text) from None

    async def release(self) -> tuple[Text, ...]:
        """Give them back; a sentence for each that could not be, which then expires by itself."""
        left = []
        while self.held:
            lock = self.held.pop()
            try:
                await self.hands.must(lock.on, ("sh", "-c", RELEASE, "sh", lock.path, self.token))
            except (StepFailed, LinkError):
                sentence = _("The lock {path} on {host} could not be removed; it expires by itself after {seconds} s")
                left.append(sentence.format(path=lock.path, host=lock.on, seconds=self.seconds))
        return tuple(left)

    async def _take(self, lock: LockPath, *, again: bool = True) -> None:
        owner = f"token={self.token}\nwho={_one_line(self.who)}\n".encode()
        argv = ("sh", "-c", ACQUIRE, "sh", lock.path, str(self.seconds))
        try:
            answer = await self.hands.run(lock.on, argv, stdin=owner)
        except LinkError:
            self.held.append(lock)  # it may have been made; ours alone is removed again
            raise
        if answer.exit_code == HELD:
            token = _owner(answer).get("token", "")
            if not again or not token or token not in await self.left():
                raise Refused(_held_text(lock, answer))
            await self.hands.must(lock.on, ("sh", "-c", RELEASE, "sh", lock.path, token))
            return await self._take(lock, again=False)
        if answer.exit_code != 0:
            sentence = _("No lock could be made at {path} on {host}, so nothing was changed: {words}")
            raise Refused(sentence.format(path=lock.path, host=lock.on, words=words_of(answer)))
        self.held.append(lock)


def _held_text(lock: LockPath, answer: Answer) -> Text:
    lines = _owner(answer)
    until = lines.get("until", "")
    when = f"{datetime.fromtimestamp(int(until), UTC):%H:%M:%S} UTC" if until.isdigit() else "?"
    sentence = _("{who} is repairing this on {host} right now (lock {path}, expires {when}); wait, then look again")
    return sentence.format(who=lines.get("who") or _("somebody"), host=lock.on, path=lock.path, when=when)


def _owner(answer: Answer) -> dict[str, str]:
    return dict(line.partition("=")[::2] for line in answer.stdout.decode(errors="replace").splitlines())


def _one_line(text: str) -> str:
    return " ".join(text.split())
