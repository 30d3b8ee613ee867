"""The tunnel itself: a connection that EdgeCore holds open, through which every request comes."""

from __future__ import annotations

from checks._unseen import with_what_would_settle
from checks.edgestream import is_ip
from kedge.facts.edgecore import EdgeCoreConfig
from kedge.facts.hosts import HostAccess
from kedge.facts.kubectl import NodeProxy, Outcome
from kedge.facts.network import Established, Reach, Socket, TunnelReach
from kedge.i18n import Text, _
from kedge.model import Cost, Hop, Kind, Unknown, Verdict
from kedge.plugins import All, Maybe, check, failed, not_known, passed, warned

_STUCK_BYTES = 1024
"""A healthy tunnel shows Send-Q 0; one whose peer was gone showed 3743 after some seconds (facts 11)."""

_STUCK_RETRANSMITS = 3
"""More than a lossy line needs: the third repetition of one segment comes after about 1.5 s."""


@check(
    "KE306",
    _("Tunnel connection"),
    on=Kind.TUNNEL,
    needs=["KE205"],
    explained_by=["KE204", "KE206", "KE207", "KE303", "KE112", "KE110", "KE113", "KE305", "KE208"],
    fixes=["restart-edgecore"],
    hops=[Hop.TUNNEL],
)
def tunnel_stands(
    target: str,
    config: EdgeCoreConfig,
    sockets: Established,
    reach: Maybe[TunnelReach],
    proxy: Maybe[NodeProxy],
) -> Verdict:
    """An established connection of EdgeCore to its edgeStream server whose data is acknowledged.

    A stopped network or a firewall leaves it ESTABLISHED with a Send-Q that only grows; EdgeCore may take many
    minutes to notice (facts 11). Some bytes on their way are normal while a log is being sent.
    """
    stream = config.edge_stream
    own = [s for s in sockets.sockets if s.peer_port == stream.port and s.process in ("edgecore", "")]
    there = [s for s in own if s.peer_ip == stream.host or not is_ip(stream.host)]
    if not there and own:
        text = _(
            "EdgeCore on {node} holds a tunnel to {peer}, but edgecore.yaml names {server}: changed since its start?"
        )
        return warned(
            text.format(node=target, peer=f"{own[0].peer_ip}:{own[0].peer_port}", server=stream.server),
            expected=stream.server,
            seen=f"{own[0].peer_ip}:{own[0].peer_port}",
        )
    if not there:
        text = _("EdgeCore on {node} holds no tunnel to {server}")
        return failed(
            text.format(node=target, server=stream.server),
            expected=_("an established connection"),
            seen=_("none"),
            explained_by=_own_causes(reach),
        )
    silent = isinstance(reach, TunnelReach) and reach.outcome is not Reach.OPEN
    silent = silent or (isinstance(proxy, NodeProxy) and proxy.outcome is Outcome.HANG)
    alive = [s for s in there if not is_stuck(s, silent)]
    if alive:
        text = _("EdgeCore on {node} holds a tunnel to {server}")
        return passed(text.format(node=target, server=stream.server), seen=queue(alive[0]))
    text = _(
        "The tunnel of {node} to {server} is half-open: it looks established, but nothing is acknowledged any more"
    )
    return failed(
        text.format(node=target, server=stream.server),
        expected="Send-Q 0",
        seen=queue(there[0]),
        explained_by=_own_causes(reach),
    )


def _own_causes(reach: TunnelReach | Unknown) -> tuple[str, ...] | None:
    """Where the tunnel port is open, neither the network nor the cloud explains that there is no tunnel."""
    is_open = isinstance(reach, TunnelReach) and reach.outcome is Reach.OPEN
    return ("KE204", "KE206", "KE207", "KE305", "KE208") if is_open else None


def is_stuck(socket: Socket, silent: bool) -> bool:
    """Whether a connection only looks established. ``silent``: something else says that its peer does not answer."""
    if socket.send_queue == 0:
        return False
    if silent:
        return True
    if socket.retransmits is not None:
        return socket.retransmits >= _STUCK_RETRANSMITS
    return socket.send_queue >= _STUCK_BYTES


def queue(socket: Socket) -> str:
    """A connection's peer and what it has not acknowledged."""
    peer = f"{socket.peer_ip}:{socket.peer_port}"
    again = "" if not socket.retransmits else f", {socket.retransmits} retransmissions"
    return f"{peer}, Send-Q {socket.send_queue}{again}"


@check(
    "KE307",
    _("Session in CloudStream"),
    on=Kind.TUNNEL,
    needs=["KE301", "KE302", "KE304"],
    explained_by=[
        "KE204",
        "KE206",
        "KE207",
        "KE303",
        "KE112",
        "KE110",
        "KE113",
        "KE305",
        "KE306",
        "KE208",
        "KE209",
        "KE201",
    ],
    fixes=["restart-edgecore", "update-edges-by-job"],
    hops=[Hop.TUNNEL],
    cost=Cost.ACTIVE,
)
def cloudstream_has_a_session(target: str, proxy: NodeProxy, access: Maybe[HostAccess]) -> Verdict:
    """CloudStream holds a live session of the node: metrics asked for through it come back (facts 1.5, 1.6).

    A 500 means that no tunnel of it was accepted since CloudCore started; an empty answer, that it was and is gone:
    CloudStream never forgets a session.
    """
    words = {"node": target}
    if proxy.outcome is Outcome.ANSWERED:
        return passed(_("CloudStream has a live session of {node}").format(**words))
    if proxy.outcome not in _NO_SESSION:
        text = _("The request did not come as far as CloudStream, so nothing is known of its session of {node}: {why}")
        return not_known(text.format(why=proxy.text or proxy.outcome.value, **words))
    text, nothing = _NO_SESSION[proxy.outcome]
    said = with_what_would_settle(text.format(**words), target, proxy.outcome, access, All({}))
    return failed(said, expected=_("metrics of the node"), seen=proxy.text or nothing)


_CLOSED = (_("CloudStream's session of {node} is closed: its tunnel was up and dropped"), _("an empty answer"))
_NO_SESSION = {
    Outcome.NO_SESSION: (
        _("CloudStream has no session of {node}: no tunnel of it was accepted since CloudCore started"),
        Text("500"),
    ),
    Outcome.EMPTY: _CLOSED,
    Outcome.EOF: _CLOSED,
    Outcome.HANG: (
        _("CloudStream's session of {node} does not answer: its tunnel is half-open, or edged is dead"),
        _("no answer"),
    ),
}
