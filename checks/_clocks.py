"""Clocks of edges and of the cloud: certificates are judged by both, so they must not lie far apart (facts 7)."""

from __future__ import annotations

from kedge.facts.hosts import CloudClock, HostClock
from kedge.i18n import _
from kedge.model import Unknown, Verdict
from kedge.plugins import All, warned


def clocks_differ(node: str, own: HostClock | Unknown, cloud: All[CloudClock]) -> Verdict | None:
    """A warning when the edge's clock is surely too far from one of the cloud's; None when it is not, or not known."""
    skew = None if isinstance(own, Unknown) else _skew(node, own, cloud)
    if skew is None:
        return None
    text = _("The clock of {node} differs by {seconds} s from that of {other}; certificates are judged by both")
    said = text.format(node=node, seconds=f"{skew[1]:+d}", other=skew[0])
    return warned(said, expected=_("less than {count} s").format(count=_MOST_SKEW))


def _skew(node: str, own: HostClock, cloud: All[CloudClock]) -> tuple[str, int] | None:
    """(cloud host, seconds ahead of it), when the edge's clock is surely too far from one of the cloud's."""
    for other, clock in sorted(cloud.known().items()):
        if other == node:
            continue
        if own.ahead is not None and clock.ahead is not None:
            least, most = own.ahead[0] - clock.ahead[1], own.ahead[1] - clock.ahead[0]
        elif own.at is not None and clock.at is not None:
            between = int((own.at - clock.at).total_seconds())
            least, most = between - _SIDE_BY_SIDE, between + _SIDE_BY_SIDE
        else:
            continue
        if least > _MOST_SKEW or most < -_MOST_SKEW:
            return other, (least + most) // 2
    return None


_MOST_SKEW = 30
"""Seconds that two clocks may differ by."""

_SIDE_BY_SIDE = 30
"""Seconds within which the hosts of a recording were asked, generously."""
