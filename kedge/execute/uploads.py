"""Bringing a file of this machine to a host in pieces, so that a lost link costs one piece and not the whole."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

from kedge.execute.base import Handler, Hands, LockPath, Refused, Shown, StepFailed, Tell, patiently, shown
from kedge.i18n import Text, _
from kedge.model import Step
from kedge.steps import RunCommand, UploadFile

PIECE = 1 << 19
"""Bytes sent at once: half of what one script carries."""
PIECE_SECONDS = 120.0
"""For one piece: 4 kB a second is the slowest link that is waited for."""
_PART = ".kedge-part"
_HASH_SECONDS = 300.0

_WRITE = 'umask 077; dd of="$1" bs=65536 seek="$2" conv=notrunc 2>/dev/null && test "$(wc -c <"$1")" -ge "$3"'
"""Writes standard input at an offset (in blocks of 64 KiB): the same piece twice does no harm."""
_SIZE = 'if [ -f "$1" ]; then wc -c <"$1"; else echo 0; fi'
_BLOCK = 65536


class UploadFileHandler(Handler[UploadFile]):
    """Pieces go into a file beside the wanted one, which takes its name once the checksum is right."""

    async def look(self, step: UploadFile, hands: Hands, at: datetime) -> Shown:
        try:
            size, digest = await hands.work(lambda: _measure(step.source), _HASH_SECONDS)
        except StepFailed as error:
            raise Refused(error.text) from None
        there = await _digest(step, hands, step.path)
        idle = there == digest
        if there and not idle:
            raise Refused(_("{host} has another {path} already").format(host=step.on, path=step.path))
        note = _("{path} is there already; nothing is sent") if idle else _("{size} bytes are sent, sha256 {digest}")
        return shown(
            step,
            step.render(),
            step.render(),
            notes=(note.format(path=step.path, size=size, digest=digest),),
            pin={"sha256": digest, "size": size},
            idle=idle,
        )

    async def change(self, step: UploadFile, shown: Shown, hands: Hands, tell: Tell) -> None:
        size, part = int(shown.pin["size"]), f"{step.path}{_PART}"
        at = await _resume(step, hands, size)
        if at:
            tell(_("going on behind {done} bytes of an upload that broke off").format(done=at))
        while at < size:
            offset = at
            piece = await hands.work(lambda offset=offset: _piece(step.source, offset))  # type: ignore[misc]
            if not piece:
                raise StepFailed(_("{source} became shorter while it was sent").format(source=step.source))
            await patiently(hands, lambda offset=offset, piece=piece: _send(step, hands, part, offset, piece))  # type: ignore[misc]
            at += len(piece)
            tell(_("{done} of {size} bytes ({percent} %)").format(done=at, size=size, percent=at * 100 // size))
        if await _digest(step, hands, part) != shown.pin["sha256"]:
            await hands.must(step.on, ("rm", "-f", "--", part))
            raise StepFailed(_("what arrived on {host} is not what was sent; send it again").format(host=step.on))
        await hands.must(step.on, ("mv", "-f", "--", part, step.path))

    async def settle(self, step: UploadFile, shown: Shown, hands: Hands) -> bool | None:
        return await _digest(step, hands, step.path) == str(shown.pin["sha256"])

    def undo(self, step: UploadFile, shown: Shown) -> tuple[Step, ...]:
        look = ("sh", "-c", '[ ! -e "$1" ] || echo "$1"', "sh", step.path)
        return (RunCommand(step.on, ("rm", "-f", "--", step.path), look, step.path, present=False),)

    def locks(self, step: UploadFile) -> tuple[LockPath, ...]:
        return (LockPath(step.on, f"{step.path}.kedge-lock"),)


async def _send(step: UploadFile, hands: Hands, part: str, offset: int, piece: bytes) -> None:
    words = ("sh", "-c", _WRITE, "sh", part, str(offset // _BLOCK), str(offset + len(piece)))
    answer = await hands.run(step.on, words, seconds=PIECE_SECONDS, stdin=piece)
    if answer.exit_code != 0:
        sentence = _("{host} could not write {path}: is its disk full, or read-only?")
        raise StepFailed(sentence.format(host=step.on, path=part))


async def _resume(step: UploadFile, hands: Hands, size: int) -> int:
    """How many bytes of an earlier upload can stay: whole blocks that are the same as here."""
    part = f"{step.path}{_PART}"
    found = await hands.must(step.on, ("sh", "-c", _SIZE, "sh", part))
    text = found.stdout.decode(errors="replace").strip()
    there = min(int(text) if text.isdigit() else 0, size) // PIECE * PIECE
    if not there:
        return 0
    words = ("sh", "-c", 'head -c "$2" "$1" | sha256sum', "sh", part, str(there))
    said = (await hands.must(step.on, words, seconds=_HASH_SECONDS)).stdout.decode(errors="replace")
    same = said.split()[:1] == [(await hands.work(lambda: _measure(step.source, there), _HASH_SECONDS))[1]]
    return there if same else 0


async def _digest(step: UploadFile, hands: Hands, path: str) -> str:
    """sha256 of a file of the host; "" when there is none."""
    words = ("sh", "-c", '[ ! -e "$1" ] || sha256sum <"$1"', "sh", path)
    answer = await hands.must(step.on, words, seconds=_HASH_SECONDS)
    return (answer.stdout.decode(errors="replace").split() or [""])[0]


def _measure(source: str, most: int = -1) -> tuple[int, str]:
    """Bytes and sha256 of a file of this machine, or of its beginning; raises StepFailed when it cannot be read."""
    found, size = hashlib.sha256(), 0
    try:
        with Path(source).open("rb") as file:
            while piece := file.read(PIECE if most < 0 else min(PIECE, most - size)):
                found.update(piece)
                size += len(piece)
    except OSError as error:
        raise StepFailed(_unreadable(source, error)) from None
    return size, found.hexdigest()


def _piece(source: str, offset: int) -> bytes:
    try:
        with Path(source).open("rb") as file:
            file.seek(offset)
            return file.read(PIECE)
    except OSError as error:
        raise StepFailed(_unreadable(source, error)) from None


def _unreadable(source: str, error: OSError) -> Text:
    return _("{source} cannot be read on this machine: {why}").format(source=source, why=error.strerror or error)
