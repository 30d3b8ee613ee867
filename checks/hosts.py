"""Whether an edge can be looked at from inside: without that, half of the checks are blind."""

from __future__ import annotations

from kedge.facts.hosts import HostAccess
from kedge.i18n import _
from kedge.model import Kind, Reason, Unknown, Verdict
from kedge.plugins import Maybe, check, not_known, passed, warned


@check("KE203", _("Access to the edge"), on=Kind.EDGE_NODE)
def edge_can_be_looked_at(target: str, access: Maybe[HostAccess]) -> Verdict:
    """The edge answers over SSH with a verified host key, and commands may be run as root.

    No SSH is a normal site (edges behind NAT): what only the machine itself can tell then stays unknown, and says so.
    """
    if isinstance(access, Unknown):
        if access.reason in (Reason.NO_SSH, Reason.NOT_ASKED, Reason.NOT_RECORDED):
            return not_known(access)
        text = _(
            "{node} cannot be looked at from inside: {why}. Until then its service, configuration, journal, sockets "
            "and certificates stay unknown; `kedge-tui probe-script {node}` prints what to run there by hand"
        )
        return not_known(text.format(node=target, why=access.text))
    if access.root is False:
        text = _(
            "{user} may log in to {node}, but not run commands as root: EdgeCore's configuration, certificates and "
            "journal and the owners of sockets stay unknown"
        )
        said = text.format(user=access.user or "-", node=target)
        return warned(said, expected=_("root, or sudo for this user"), seen=access.why)
    if not access.user:
        return passed(_("{node} answers").format(node=target))
    return passed(_("{node} answers; commands run as {user}").format(node=target, user=access.user))
