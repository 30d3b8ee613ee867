"""Editing a YAML file of a host, and putting it back."""

from __future__ import annotations

import difflib
import hashlib
import re
import shlex
from collections.abc import Sequence
from datetime import datetime

from kedge.execute.base import Handler, Hands, LockPath, Refused, Shown, StepFailed, Tell, shown
from kedge.i18n import Text, _
from kedge.model import LinkError, Reason, Step
from kedge.sources.mask import masked
from kedge.steps import EditYaml, RestoreFile, Splice, Value, split_path
from kedge.yaml_edit import YamlEditError, apply_splices, edit, same, values

SECRET_KEYS = ("token", "password", "tokenSecret", "mqttPassword", "secret", "passwd")
_SECRET_NAME = re.compile(r"(?i)(token|password|passwd|secret)$")


class EditYamlHandler(Handler[EditYaml]):
    """Backup beside the file, edit, write beside and rename; mode and owner stay."""

    async def look(self, step: EditYaml, hands: Hands, at: datetime) -> Shown:
        before = await _read(hands, step.on, step.path)
        after, inverse = await hands.work(lambda: _edited(step, before))
        if after == before:
            note = _("{path} says so already; it is not written").format(path=step.path)
            return shown(step, "", "", pin={"sha256": digest(before)}, notes=(note,), idle=True)
        backup = backup_path(step.path, at)
        return shown(
            step,
            await hands.work(lambda: diff(step.path, before, after)),
            sed_script(step.path, backup, before, after),
            notes=(_backup_note(backup),),
            pin={"sha256": digest(before), "after": digest(after), "backup": backup},
            seen={"inverse": [list(splice) for splice in inverse]},
        )

    async def change(self, step: EditYaml, shown: Shown, hands: Hands, tell: Tell) -> None:
        before = await _read_pinned(hands, step, shown)
        after, _inverse = await hands.work(lambda: _edited(step, before))
        await replace(hands, step, shown, before, after, tell)

    async def settle(self, step: EditYaml, shown: Shown, hands: Hands) -> bool | None:
        return await _settle(step, shown, hands)

    def undo(self, step: EditYaml, shown: Shown) -> tuple[Step, ...]:
        pin, splices = shown.pin, tuple((int(a), str(b), str(c)) for a, b, c in shown.seen["inverse"])
        return (RestoreFile(step.on, step.path, pin["backup"], pin["sha256"], pin["after"], splices),)

    def locks(self, step: EditYaml) -> tuple[LockPath, ...]:
        return (LockPath(step.on, f"{step.path}.kedge-lock"),)


class RestoreFileHandler(Handler[RestoreFile]):
    """The undo of an edit; itself backed up first, so that it can be taken back too."""

    async def look(self, step: RestoreFile, hands: Hands, at: datetime) -> Shown:
        now = await _read(hands, step.on, step.path)
        if digest(now) == step.sha256:
            note = _("{path} is as it was before; it is not written").format(path=step.path)
            return shown(step, "", "", pin={"sha256": step.sha256}, notes=(note,), idle=True)
        if digest(now) != step.expect:
            sentence = _(
                "{path} on {host} was changed after the repair, so it is not overwritten. Its content before the "
                "repair is in {backup}"
            )
            raise Refused(sentence.format(path=step.path, host=step.on, backup=step.backup))
        old, source = await _old_content(step, hands, now)
        backup = backup_path(step.path, at)
        return shown(
            step,
            await hands.work(lambda: diff(step.path, now, old)),
            f"cp -p -- {shlex.quote(step.path)} {shlex.quote(backup)}\n{step.render()}",
            notes=(source, _backup_note(backup)),
            pin={"sha256": step.expect, "after": step.sha256, "backup": backup},
        )

    async def change(self, step: RestoreFile, shown: Shown, hands: Hands, tell: Tell) -> None:
        now = await _read_pinned(hands, step, shown)
        old, _source = await _old_content(step, hands, now)
        await replace(hands, step, shown, now, old, tell)

    async def settle(self, step: RestoreFile, shown: Shown, hands: Hands) -> bool | None:
        return await _settle(step, shown, hands)

    def undo(self, step: RestoreFile, shown: Shown) -> tuple[Step, ...]:
        splices = tuple((start, new, old) for start, old, new in reversed(step.splices))
        return (RestoreFile(step.on, step.path, shown.pin["backup"], step.expect, step.sha256, splices),)

    def locks(self, step: RestoreFile) -> tuple[LockPath, ...]:
        return (LockPath(step.on, f"{step.path}.kedge-lock"),)


# ---------------------------------------------------------------------------------------------- in common


def digest(data: bytes) -> str:
    """sha256 in hex."""
    return hashlib.sha256(data).hexdigest()


def backup_path(path: str, at: datetime) -> str:
    """Where the original is kept, beside the file."""
    return f"{path}.kedge-backup-{at:%Y%m%dT%H%M%SZ}"


async def replace(
    hands: Hands, step: EditYaml | RestoreFile, shown: Shown, before: bytes, after: bytes, tell: Tell
) -> None:
    """Back up ``before`` on the host, put ``after`` in its place, and read both back."""
    if digest(after) != shown.pin["after"]:
        raise StepFailed(_("the new content of {path} is not what was shown").format(path=step.path))
    backup = str(shown.pin["backup"])
    await hands.must(step.on, ("cp", "-p", "--", step.path, backup))
    if await hands.read(step.on, backup) != before:
        raise StepFailed(_("the backup {path} is not a faithful copy; nothing was changed").format(path=backup))
    tell(_("backed up as {path}").format(path=backup))
    writer = await hands.writers.host(step.on)
    await writer.write(step.path, after, deadline=hands.settings.command)
    if await hands.read(step.on, step.path) != after:
        raise StepFailed(_("{path} does not hold what was written to it").format(path=step.path))
    tell(_("wrote {path}").format(path=step.path))


async def _settle(step: EditYaml | RestoreFile, shown: Shown, hands: Hands) -> bool | None:
    found = digest(await hands.read(step.on, step.path))
    if found == shown.pin.get("after"):
        return True
    return False if found == shown.pin["sha256"] else None


async def _read(hands: Hands, on: str, path: str) -> bytes:
    try:
        return await hands.read(on, path)
    except LinkError as error:
        if error.unknown.reason is Reason.MISSING:
            raise Refused(_("There is no {path} on {host}").format(path=path, host=on)) from None
        raise


async def _read_pinned(hands: Hands, step: EditYaml | RestoreFile, shown: Shown) -> bytes:
    found = await hands.read(step.on, step.path)
    if digest(found) != shown.pin["sha256"]:
        raise StepFailed(_("{path} changed since it was shown; look again").format(path=step.path))
    return found


def _edited(step: EditYaml, before: bytes) -> tuple[bytes, tuple[Splice, ...]]:
    return edited(_("{path} on {host}").format(path=step.path, host=step.on), before, step.changes, step.was)


def edited(
    what: Text, before: bytes, changes: Sequence[tuple[str, Value]], was: Sequence[tuple[str, Value | None]]
) -> tuple[bytes, tuple[Splice, ...]]:
    """The edited text and the splices that take it back.

    Raises:
        Refused: it does not parse, holds another value than the plan was made for, or a secret would be written.
    """
    for path, _value in changes:
        if _SECRET_NAME.search(split_path(path)[-1]):
            raise Refused(_("{key} is a secret; the program does not write secrets").format(key=path))
    try:
        found = values(before, [path for path, _value in was])
        for path, value in was:
            if not same(found[path], value):
                words = {"key": path, "what": what, "now": _value_text(found[path]), "was": _value_text(value)}
                sentence = _("{key} in {what} is {now}, not {was} as the plan was made for; look again")
                raise Refused(sentence.format(**words))
        done = edit(before, changes)
    except YamlEditError as error:
        raise Refused(_("{what} is not touched: {problem}").format(what=what, problem=error.text)) from None
    return done.after, done.inverse


def _value_text(value: object) -> Text | str:
    return _("absent") if value is None else repr(value) if not isinstance(value, bool) else str(value).lower()


async def _old_content(step: RestoreFile, hands: Hands, now: bytes) -> tuple[bytes, Text]:
    try:
        kept = await hands.read(step.on, step.backup)
    except LinkError as error:
        if error.unknown.reason is not Reason.MISSING:
            raise
    else:
        if digest(kept) == step.sha256:
            return kept, _("taken from {backup}").format(backup=step.backup)
    try:
        old = apply_splices(now, step.splices)
    except YamlEditError:
        old = b""
    if digest(old) != step.sha256:
        sentence = _("The backup {backup} on {host} is gone or was changed, so {path} cannot be restored byte for byte")
        raise Refused(sentence.format(backup=step.backup, host=step.on, path=step.path))
    return old, _("the backup is gone; the edit itself is taken back, which gives the same bytes")


def _backup_note(backup: str) -> Text:
    return _("the present content is kept in {path}").format(path=backup)


# -------------------------------------------------------------------------------------- as people read it


def diff(path: str, before: bytes, after: bytes) -> str:
    """A unified diff with secrets masked."""
    old, new = (masked(data.decode(errors="replace"), SECRET_KEYS).splitlines() for data in (before, after))
    return "\n".join(difflib.unified_diff(old, new, path, path, lineterm=""))


def sed_script(path: str, backup: str, before: bytes, after: bytes) -> str:
    """The same change by hand: refuse another file than the one shown, back up, edit by line number (GNU, busybox)."""
    old, new = before.decode().split("\n"), after.decode().split("\n")
    commands = []
    for tag, start, end, low, high in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        text = "\\n".join(_sed_text(line) for line in new[low:high])
        if tag == "insert":
            commands.append(f"{start}s/$/\\n{text}/" if start else f"1s/^/{text}\\n/")
            continue
        commands += [f"{number}d" for number in range(start + 2, end + 1)]
        commands.append(f"{start + 1}s/.*/{text}/" if tag == "replace" else f"{start + 1}d")
    file = shlex.quote(path)
    check = shlex.quote(f"{digest(before)}  {path}")
    edits = " ".join(f"-e {shlex.quote(command)}" for command in commands)
    return f"echo {check} | sha256sum -c -\ncp -p -- {file} {shlex.quote(backup)}\nsed -i {edits} {file}"


def _sed_text(line: str) -> str:
    return re.sub(r"([\\/&])", r"\\\1", line).replace("\r", "\\r")
