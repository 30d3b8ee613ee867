"""Keeping NAT rules over a reboot: a file that is read at boot, and for a unit of our own its enabling."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import datetime

from kedge.execute.base import Handler, Hands, LockPath, Refused, Shown, StepFailed, Tell, shown
from kedge.execute.files import backup_path, diff, digest
from kedge.execute.services import host_lock
from kedge.i18n import _
from kedge.model import LinkError, Reason, Step
from kedge.nat_files import commands_of, unit, with_rules, without_rules
from kedge.steps_keep import KeepRules


class KeepRulesHandler(Handler[KeepRules]):
    """Nothing of the running table is saved: only our own rule goes into the file, beside what is there."""

    async def look(self, step: KeepRules, hands: Hands, at: datetime) -> Shown:
        before = await _read(hands, step)
        try:
            after = _edited(step, before)
        except ValueError:
            raise Refused(_("The rule cannot be written into {path} safely").format(path=step.path)) from None
        enabled = step.kind != "systemd" or await _is_enabled(hands, step)
        if after == before and enabled == (step.op == "keep" or step.kind != "systemd"):
            note = _("{path} says so already").format(path=step.path)
            return shown(step, "", "", pin={"sha256": digest(before), "enabled": enabled}, notes=(note,), idle=True)
        commands = _commands(step, after)
        backup = backup_path(step.path, at) if before else ""
        body = "\n".join(filter(None, (diff(step.path, before, after), *(f"$ {shlex.join(one)}" for one in commands))))
        note = _("the original is kept as {path}").format(path=backup) if backup else _("the file is new")
        return shown(
            step,
            body,
            _shell(step, backup, after, commands),
            notes=(note,),
            pin={"sha256": digest(before), "after": digest(after), "backup": backup, "enabled": enabled},
        )

    async def change(self, step: KeepRules, shown: Shown, hands: Hands, tell: Tell) -> None:
        before = await _read(hands, step)
        after = _edited(step, before)
        if digest(before) != shown.pin["sha256"] or digest(after) != shown.pin["after"]:
            raise StepFailed(_("{path} changed since it was shown; look again").format(path=step.path))
        if shown.pin["backup"]:
            await hands.must(step.on, ("cp", "-p", "--", step.path, str(shown.pin["backup"])))
        if after:
            writer = await hands.writers.host(step.on)
            await writer.write(step.path, after, deadline=hands.settings.command)
        for argv in _commands(step, after):
            await hands.must(step.on, argv, seconds=hands.settings.service)

    async def settle(self, step: KeepRules, shown: Shown, hands: Hands) -> bool | None:
        found = digest(await _read(hands, step))
        enabled = step.kind != "systemd" or await _is_enabled(hands, step) == (step.op == "keep")
        if found == shown.pin["after"] and enabled:
            return True
        return False if found == shown.pin["sha256"] else None

    def undo(self, step: KeepRules, shown: Shown) -> tuple[Step, ...]:
        return (replace(step, op="forget" if step.op == "keep" else "keep"),)

    def locks(self, step: KeepRules) -> tuple[LockPath, ...]:
        return (host_lock(step.on, "nat"),)


async def _read(hands: Hands, step: KeepRules) -> bytes:
    try:
        return await hands.read(step.on, step.path)
    except LinkError as error:
        if error.unknown.reason is Reason.MISSING:
            return b""
        raise


def _edited(step: KeepRules, before: bytes) -> bytes:
    text = before.decode("utf-8", "surrogateescape")
    if step.kind == "systemd":
        known = commands_of(text)
        own = list(step.commands)
        wanted = [*known, *(one for one in own if one not in known)]
        return unit(wanted if step.op == "keep" else [one for one in known if one not in own]).encode()
    edit = with_rules if step.op == "keep" else without_rules
    return edit(text, step.lines).encode("utf-8", "surrogateescape")


def _commands(step: KeepRules, after: bytes) -> list[tuple[str, ...]]:
    if step.kind != "systemd":
        return []
    if not after:
        return [("systemctl", "disable", step.unit), ("rm", "-f", "--", step.path), ("systemctl", "daemon-reload")]
    reload = ("systemctl", "daemon-reload")
    return [reload, ("systemctl", "enable", step.unit)] if step.op == "keep" else [reload]


async def _is_enabled(hands: Hands, step: KeepRules) -> bool:
    answer = await hands.run(step.on, ("systemctl", "is-enabled", step.unit))
    return answer.exit_code == 0


def _shell(step: KeepRules, backup: str, after: bytes, commands: list[tuple[str, ...]]) -> str:
    path = shlex.quote(step.path)
    lines = [f"cp -p -- {path} {shlex.quote(backup)}"] if backup else []
    if after:
        lines.append(f"cat >{path} <<'KEDGE_END'\n{after.decode(errors='replace').rstrip()}\nKEDGE_END")
    return "\n".join([*lines, *(shlex.join(one) for one in commands)])
