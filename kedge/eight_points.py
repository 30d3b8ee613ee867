"""The eight points of a working site: what a person tests by hand after an installation or a repair.

CloudCore, CloudStream, edge nodes, ``kubectl logs``, ``kubectl exec``, Metrics Server, ``kubectl top``, NAT rules.
Each is a reading of findings: a point holds where its checks were measured and passed, never where nothing failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from kedge.i18n import Text, _
from kedge.model import SITE, Finding, Status
from kedge.picture import Picture

_BADNESS = (Status.PASS, Status.INFO, Status.WARN, Status.SKIP, Status.UNKNOWN, Status.FAIL)
"""From proven to broken. What was skipped or is unknown was not proven, and that is what is asked for here."""

PROVEN = frozenset({Status.PASS, Status.INFO, Status.WARN})


@dataclass(frozen=True, slots=True)
class Point:
    """One point: what it is called, the checks that prove it, and others whose failure disproves it."""

    number: int
    id: str
    title: Text
    proofs: tuple[str, ...]
    others: tuple[str, ...] = ()


POINTS = (
    Point(1, "cloudcore", _("CloudCore"), ("KE110",)),
    Point(2, "cloudstream", _("CloudStream"), ("KE112",), ("KE113", "KE117", "KE304")),
    Point(3, "edge-node", _("Edge node"), ("KE201",), ("KE204", "KE206", "KE207")),
    Point(4, "logs", _("kubectl logs"), ("KE501",)),
    Point(5, "exec", _("kubectl exec"), ("KE502",)),
    Point(6, "metrics-server", _("Metrics Server"), ("KE401",), ("KE402", "KE404", "KE405")),
    Point(7, "top", _("kubectl top"), ("KE503", "KE504")),
    Point(8, "iptables", _("iptables"), ("KE302",)),
)

CODES = tuple(code for point in POINTS for code in (*point.proofs, *point.others))
"""Every code that some point reads."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one point says of one target; ``finding`` decides it."""

    point: Point
    finding: Finding

    @property
    def is_proven(self) -> bool:
        """True when it was measured and works."""
        return self.finding.status in PROVEN


def results(picture: Picture) -> tuple[Result, ...]:
    """Every point for every target that it speaks of, in the order of the points."""
    return tuple(result for point in POINTS for result in _of(point, picture.findings))


def _of(point: Point, findings: Sequence[Finding]) -> Iterator[Result]:
    targets = sorted({finding.target for finding in findings if finding.code in point.proofs})
    for target in targets:
        own = [finding for finding in findings if finding.code in point.proofs and finding.target == target]
        own += [
            f for f in findings if f.code in point.others and f.status is Status.FAIL and f.target in (target, SITE)
        ]
        yield Result(point, _through(max(own, key=_badness), findings))


def _badness(finding: Finding) -> tuple[int, bool]:
    return _BADNESS.index(finding.status), finding.because is None


def _through(finding: Finding, findings: Sequence[Finding]) -> Finding:
    """NAT rules that nobody could look at, but through which every edge's logs came, do what they are for."""
    logs = [other for other in findings if other.code == "KE501"]
    came = logs and all(other.status is Status.PASS for other in logs)
    if finding.code != "KE302" or finding.status is not Status.UNKNOWN or not came:
        return finding
    text = _("The rules themselves were not seen, but the logs of every edge came through them: {why}")
    return replace(finding, status=Status.INFO, text=text.format(why=finding.text))


def counted(found: Iterable[Result]) -> tuple[int, int, int]:
    """How many points hold everywhere, fail somewhere, or could not be tested somewhere; the sum is all points."""
    by_point: dict[int, list[Result]] = {}
    for result in found:
        by_point.setdefault(result.point.number, []).append(result)
    failed = sum(any(one.finding.status is Status.FAIL for one in own) for own in by_point.values())
    works = sum(all(one.is_proven for one in own) for own in by_point.values())
    return works, failed, len(POINTS) - works - failed
