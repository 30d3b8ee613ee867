"""What a front end works with to see who uses what: the metrics API and the machines of one open site."""

from __future__ import annotations

from kedge.i18n import _
from kedge.links.base import HostStreams
from kedge.model import LinkError, Reason, Unknown
from kedge.top.hosts import HostTops
from kedge.top.metrics import MetricsFeed
from kedge.workbench import NothingOpen, Workbench


class TopDesk:
    """Feeds of one site; they ask and stream only while somebody looks.

    Attributes:
        metrics: what ``kubectl top`` would print. hosts: what machines say themselves.
    """

    def __init__(self, workbench: Workbench) -> None:
        site = workbench.site
        if site is None:
            raise NothingOpen(str(_("No site is open")))
        self._workbench = workbench
        self.site = site
        self.metrics = MetricsFeed(site.engine.kubernetes)
        self.hosts = HostTops(self._streams)

    def _streams(self, name: str) -> HostStreams:
        try:
            return self._workbench.streams(name)
        except NothingOpen:
            text = _("{host} cannot be watched here: this is no live site")
            raise LinkError(Unknown(Reason.NO_SSH, text.format(host=name))) from None

    async def close(self) -> None:
        """Stop asking and end every stream; safe to call twice."""
        await self.metrics.close()
        await self.hosts.close()
