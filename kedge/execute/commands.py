"""One command on a host, whose effect is looked for before and after."""

from __future__ import annotations

import shlex
from datetime import datetime

from kedge.execute.base import Handler, Hands, LockPath, Shown, StepFailed, Tell, shown
from kedge.execute.files import SECRET_KEYS, digest
from kedge.execute.running import wait_for_end
from kedge.execute.services import host_lock
from kedge.i18n import _
from kedge.model import Step
from kedge.sources.mask import masked
from kedge.steps import RunCommand


class RunCommandHandler(Handler[RunCommand]):
    """The exit code alone proves nothing: what the command should have brought about is looked for."""

    one_call = True

    async def look(self, step: RunCommand, hands: Hands, at: datetime) -> Shown:
        done = await _is_done(step, hands)
        notes = (_("it is so already; the command is not run"),) if done else ()
        body = f"$ {shlex.join(step.argv)}"
        pin: dict[str, object] = {"done": done}
        if step.shows:
            text = await hands.read(step.on, step.shows)
            body += f"\n# {step.shows}:\n{masked(text.decode(errors='replace'), SECRET_KEYS).rstrip()}"
            pin |= {"sha256": digest(text)}
        return shown(step, body, step.render(), notes=notes, pin=pin, idle=done)

    async def change(self, step: RunCommand, shown: Shown, hands: Hands, tell: Tell) -> None:
        answer = await hands.must(step.on, step.argv, seconds=step.seconds)
        for line in answer.stdout.decode(errors="replace").splitlines()[-3:]:
            tell(_("it says: {line}").format(line=line.strip()))

    async def settle(self, step: RunCommand, shown: Shown, hands: Hands) -> bool | None:
        if await _is_done(step, hands):
            return True
        await wait_for_end(hands, step.on, step.argv, step.seconds)
        return await _is_done(step, hands)

    async def follow(self, step: RunCommand, shown: Shown, hands: Hands, tell: Tell) -> None:
        if not await _is_done(step, hands):
            sentence = _("the command ended well, but {host} does not show its effect: {line}")
            raise StepFailed(sentence.format(host=step.on, line=step.line))

    def undo(self, step: RunCommand, shown: Shown) -> tuple[Step, ...]:
        if not step.undo:
            return ()
        return (RunCommand(step.on, step.undo, step.look, step.line, not step.present, step.argv, step.seconds),)

    def locks(self, step: RunCommand) -> tuple[LockPath, ...]:
        return (host_lock(step.on, step.argv[0]),)


async def _is_done(step: RunCommand, hands: Hands) -> bool:
    answer = await hands.must(step.on, step.look)
    lines = {line.strip() for line in answer.stdout.decode(errors="replace").splitlines()}
    return (step.line in lines) is step.present
