"""The API server itself."""

from __future__ import annotations

from kedge.facts.apiserver import ApiServer
from kedge.i18n import _
from kedge.model import Hop, Kind, Reason, Verdict
from kedge.plugins import Maybe, check, failed, info, not_known, passed

_BROKEN = frozenset(
    {Reason.UNREACHABLE, Reason.TIMED_OUT, Reason.CREDENTIALS, Reason.SERVER_ERROR, Reason.UNPARSABLE, Reason.MISSING}
)
_SLOW = 2.0
"""Seconds for ``/version``, which no server has to think about."""


@check("KE101", _("API server reachable"), on=Kind.API_SERVER, hops=[Hop.APISERVER])
def api_server_is_reachable(server: Maybe[ApiServer]) -> Verdict:
    """``/version`` is answered, and how fast. Without it nothing of the cluster can be judged."""
    if isinstance(server, ApiServer):
        seconds = _("{seconds} s").format(seconds=f"{server.seconds:.2f}")
        if server.seconds > _SLOW:
            slow = _("The API server answers slowly, version {version}")
            return info(slow.format(version=server.version), seen=seconds)
        return passed(_("The API server answers, version {version}").format(version=server.version), seen=seconds)
    if server.reason is Reason.DENIED:
        return info(_("The API server answers, but this user may not read its version"))
    if server.reason in _BROKEN:
        return failed(server.text, expected=_("an answer to /version"))
    return not_known(server)
