"""Whether a machine lets us look at it at all, and as whom."""

from __future__ import annotations

from kedge.asks import Login, Root
from kedge.facts.hosts import HostAccess
from kedge.i18n import Text, _
from kedge.model import Host, Observation, Reason, Role, Unknown
from kedge.plugins import probe

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
