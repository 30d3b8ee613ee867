"""One change on an open site from what it would do to whether it helped; for the screen and for the command line."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from kedge.i18n import Text, _
from kedge.model import Approval, Finding, Plan

if TYPE_CHECKING:
    from kedge.executor import Executor, Outcome, Preview, Progress, Verification
    from kedge.live import LiveSite


class Repairs(ABC):
    """Carries out changes; who inherits it says on which site. A :class:`kedge.campaign.Actor`."""

    @property
    @abstractmethod
    def executor(self) -> Executor:
        """The only writer."""

    @abstractmethod
    def _site(self) -> LiveSite: ...

    async def preview(self, plan: Plan) -> Preview:
        """Read the present state and say exactly what would be done; raises kedge.executor.Refused."""
        return await self.executor.preview(plan)

    async def undo_preview(self, id: str) -> Preview:
        """What would take a change back; raises kedge.executor.Refused."""
        return await self.executor.undo_preview(id)

    async def apply(
        self,
        preview: Preview,
        approval: Approval,
        progress: Callable[[Progress], None],
        stop: Callable[[], bool] = lambda: False,
    ) -> Outcome:
        """Apply what was shown; raises kedge.executor.Refused."""
        site = self._site()
        with site.doing(_("{title} on {target}").format(title=preview.plan.title, target=preview.plan.target)):
            try:
                return await self.executor.apply(preview, approval, progress, stop)
            finally:
                site.forget_pace()

    async def verify(
        self, outcome: Outcome, before: tuple[Finding, ...], tell: Callable[[Text], None] = lambda text: None
    ) -> Verification:
        """Measure the plan's checks until they are green or its time is up."""
        site = self._site()
        with site.doing(_("verifying {title}").format(title=outcome.plan.title)):
            found = await self.executor.verify(outcome, site.recheck, before, tell)
        site.forget_pace()  # what is not verified, such as logs, has caught up meanwhile
        return found
