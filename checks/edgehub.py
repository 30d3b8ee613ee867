"""EdgeHub: the connection over which the node reports and gets its pods. Not the tunnel."""

from __future__ import annotations

from checks.edgestream import is_ip, split
from checks.tunnel import is_stuck, queue
from kedge.facts.edgecore import EdgeCoreConfig
from kedge.facts.network import Established
from kedge.i18n import _
from kedge.model import Kind, Verdict
from kedge.plugins import check, failed, not_known, passed


@check(
    "KE216",
    _("EdgeHub connected"),
    on=Kind.EDGEHUB,
    needs=["KE205"],
    explained_by=["KE204", "KE110", "KE215", "KE210", "KE211", "KE303", "KE305"],
    fixes=["restart-edgecore"],
)
def hub_is_connected(target: str, config: EdgeCoreConfig, sockets: Established) -> Verdict:
    """An established connection to CloudHub. Ready travels over it, logs and exec do not (facts 9)."""
    if config.hub_quic_enable and not config.hub_websocket_enable:
        text = _("EdgeHub of {node} speaks QUIC, which shows no TCP connection; the node's Ready tells the rest")
        return not_known(text.format(node=target))
    host, port = split(config.hub_server)
    words = {"node": target, "server": config.hub_server or "-"}
    own = [
        s
        for s in sockets.sockets
        if s.peer_port == port and port and s.process in ("edgecore", "") and (s.peer_ip == host or not is_ip(host))
    ]
    if not own:
        text = _("EdgeHub of {node} is not connected to {server}: the node cannot report, nor get pods")
        return failed(text.format(**words), expected=_("an established connection"), seen=_("none"))
    if all(is_stuck(s, False) for s in own):
        text = _("The connection of EdgeHub of {node} to {server} is half-open: nothing is acknowledged any more")
        return failed(text.format(**words), expected="Send-Q 0", seen=queue(own[0]))
    return passed(_("EdgeHub of {node} is connected to {server}").format(**words), seen=queue(own[0]))
