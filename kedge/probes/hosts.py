"""Whether a machine lets us look at it at all, and as whom."""

from __future__ import annotations

from kedge.asks import Clock, Login, Root
from kedge.facts.hosts import CloudClock, HostAccess, HostClock
from kedge.i18n import Text, _
from kedge.model import Host, Observation, Reason, Role, Unknown
from kedge.plugins import probe
from kedge.probes.answers import epoch_time, failure

_STEP = 5
"""Seconds; a network's jitter is no news of a clock."""

_NOT_ASKED = frozenset({Reason.NOT_RECORDED, Reason.NOT_ASKED})


@probe(Role.EDGE, Role.CLOUDCORE, Role.APISERVER, Role.METRICS, reads_errors=True)
def host_access(host: Host) -> tuple[Login, Root]:
    """Who we are there, and a command that does nothing, as root."""
    return Login(), Root()


@host_access.parse
def read_host_access(login: Observation, root: Observation) -> HostAccess | Unknown:
    """The outcome of the link itself is the fact here."""
    errors = [seen.error for seen in (login, root) if seen.error is not None]
    if login.error is not None and (login.error.reason not in _NOT_ASKED or len(errors) == 2):
        return login.error
    user = login.stdout.strip().partition("\n")[0] if login.error is None and login.exit_code == 0 else ""
    allowed, why = _root(root)
    return HostAccess(user, True if user == "root" and allowed is None else allowed, why, login.at or root.at)


def _root(seen: Observation) -> tuple[bool | None, Text | None]:
    if seen.error is not None:
        refused = seen.error.reason is Reason.NEEDS_ROOT
        return (False, seen.error.text) if refused else (None, None)
    if seen.exit_code == 0:
        return True, None
    return False, _("sudo says: {said}").format(said=seen.stderr.strip().partition("\n")[0])


@probe(Role.CLOUDCORE, Role.APISERVER, every=60.0)
def cloud_clock(host: Host) -> Clock:
    """The clock of a cloud host, which edges are compared with."""
    return Clock()


@cloud_clock.parse
def read_cloud_clock(seen: Observation) -> CloudClock | Unknown:
    """As :func:`read_host_clock` reads it."""
    found = read_host_clock(seen)
    return found if isinstance(found, Unknown) else CloudClock(found.ahead, found.at)


@probe(Role.EDGE, every=60.0)
def host_clock(host: Host) -> Clock:
    """The host's clock, to compare with others."""
    return Clock()


@host_clock.parse
def read_host_clock(seen: Observation) -> HostClock | Unknown:
    """Ours are the moments between which it was read: what lies between them is not known better than that."""
    said = epoch_time(seen.stdout.strip())
    if seen.exit_code != 0 or said is None:
        return failure(seen, "date")
    if seen.ours is None:
        return HostClock(at=said)
    least, most = (said - moment for moment in reversed(seen.ours))
    low, high = least.total_seconds() // _STEP * _STEP, -(-most.total_seconds() // _STEP) * _STEP
    return HostClock((int(low), int(high) + 1))
