"""One change from its preview to its verification. It lives on when the dialog that shows it is closed.

It decides nothing: what may be done, and what came of it, is the executor's to say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from enum import Enum

from kedge.executor import Outcome, Preview, Progress, Refused, Result, StepState, Verification
from kedge.i18n import Text, _
from kedge.model import Approval, Plan
from kedge.steps import script
from kedge.workbench import NothingOpen, Workbench


class Stage(Enum):
    """Where a change stands."""

    LOOKING = "looking"
    REFUSED = "refused"
    """Nothing was changed; it may be looked at again."""
    SHOWN = "shown"
    APPLYING = "applying"
    VERIFYING = "verifying"
    ENDED = "ended"


class Repair:
    """A plan, or the undoing of an earlier change, on its way.

    Args:
        plan: what is to be done; None when ``undo`` names a change of the audit log to take back.
    """

    def __init__(self, workbench: Workbench, plan: Plan | None, undo: str = "") -> None:
        self._workbench = workbench
        self._plan = plan
        self._undo = undo
        self._stop = False
        self._applied = asyncio.Event()
        self.stage = Stage.LOOKING
        self.preview: Preview | None = None
        self.problem: Text | None = None
        self.steps: dict[int, Progress] = {}
        self.outcome: Outcome | None = None
        self.verification: Verification | None = None
        self.waiting: Text | None = None
        self.on_change: Callable[[], None] | None = None
        """Called on the event loop whenever there is more to show; None while nobody looks."""

    @property
    def plan(self) -> Plan | None:
        """What is done, as far as it is known yet."""
        return self.preview.plan if self.preview is not None else self._plan

    @property
    def name(self) -> str:
        """What is typed to consent to a high risk."""
        if self.preview is not None:
            return self.preview.name
        return self.plan.target if self.plan is not None else ""

    @property
    def running(self) -> bool:
        """True from the first step to the end of the verification."""
        return self.stage in (Stage.APPLYING, Stage.VERIFYING)

    @property
    def stopping(self) -> bool:
        """True after :meth:`stop`."""
        return self._stop

    @property
    def digest(self) -> str:
        """What an approval is for; "" before anything is shown."""
        return self.preview.digest if self.preview is not None else ""

    @property
    def idle(self) -> bool:
        """True when everything is as wanted already."""
        return self.preview is not None and self.preview.idle

    @property
    def may_apply(self) -> bool:
        """True when what is shown would change something, and changing is allowed here."""
        return self.stage is Stage.SHOWN and not self.idle and not self._workbench.read_only

    @property
    def only_shown(self) -> bool:
        """True for somebody who may look and not touch."""
        return self._workbench.read_only

    @property
    def script(self) -> str:
        """What a person could run by hand instead; "" while nothing is known of it."""
        if self.preview is not None:
            return self.preview.script()
        return script(self._plan) if self._plan is not None else ""

    @property
    def can_undo(self) -> bool:
        """True when it changed something that can be taken back."""
        return self.stage is Stage.ENDED and self.outcome is not None and self.outcome.can_undo

    @property
    def text(self) -> Text:
        """How it ended, in a sentence."""
        if self.verification is not None and self.verification.after:
            return self.verification.text
        if self.outcome is not None:
            return self.outcome.text
        return self.problem or _("nothing was changed")

    @property
    def ended_well(self) -> bool:
        """True when what it was made for is so now."""
        done = self.outcome is not None and self.outcome.result is Result.DONE
        return done and (self.verification is None or self.verification.result.is_good)

    # ------------------------------------------------------------------------------------------------ the way

    async def look(self) -> None:
        """Read the present state: what exactly would be done, or why it is refused."""
        self._to(Stage.LOOKING)
        self.preview = self.problem = None
        try:
            if self._undo:
                self.preview = await self._workbench.undo_preview(self._undo)
            elif self._plan is not None:
                self.preview = await self._workbench.preview(self._plan)
        except (Refused, NothingOpen) as error:
            self.problem = _sentence(error)
            self._to(Stage.REFUSED)
            return
        self._to(Stage.SHOWN)

    async def apply(self, approval: Approval) -> None:
        """Do what was shown, then measure whether it helped. Whatever happens, it ends."""
        preview = self.preview
        if preview is None or not self.may_apply:
            return
        ended = Stage.ENDED
        before = self._workbench.site.picture().findings if self._workbench.site is not None else ()
        self._to(Stage.APPLYING)
        try:
            self.outcome = await self._workbench.apply(preview, approval, self._progress, lambda: self._stop)
            self._applied.set()
            if self.outcome.result is Result.DONE and (self.outcome.plan.verify or self.outcome.plan.expect):
                self._to(Stage.VERIFYING)
                self.verification = await self._workbench.verify(self.outcome, before, self._wait)
        except (Refused, NothingOpen) as error:
            ended, self.problem = Stage.REFUSED, _sentence(error)
        finally:
            if self.outcome is None and self.problem is None:
                self.problem = _("It is not known how this ended; :history has what is known")
            self._applied.set()
            self._to(ended)

    async def applied(self) -> None:
        """Wait until the last step has ended; what is verified afterwards changes nothing."""
        if self.stage is Stage.APPLYING:
            await self._applied.wait()

    def stop(self) -> None:
        """Begin no further step."""
        self._stop = True
        self._changed()

    def undoing(self) -> Repair:
        """The change that takes this one back."""
        if self.outcome is None:
            raise ValueError("nothing was applied")
        return Repair(self._workbench, None, self.outcome.id)

    def _progress(self, progress: Progress) -> None:
        before = self.steps.get(progress.position)
        if before is not None and progress.text is None and progress.state is StepState.DONE:
            progress = replace(progress, text=before.text)  # what it said last is what came of it
        self.steps[progress.position] = progress
        self._changed()

    def _wait(self, text: Text) -> None:
        self.waiting = text
        self._changed()

    def _to(self, stage: Stage) -> None:
        self.stage = stage
        self._changed()

    def _changed(self) -> None:
        if self.on_change is not None:
            self.on_change()


def _sentence(error: Refused | NothingOpen) -> Text:
    return error.text if isinstance(error, Refused) else _("{text}").format(text=error)
