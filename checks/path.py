"""The network between edge, CloudCore and API server, and the ports at its ends."""

from __future__ import annotations

from kedge.facts.cloudcore import CloudCore, CloudCoreConfig, CloudCoreOnHost
from kedge.facts.in_use import config_in_use
from kedge.facts.network import Listening, Reach, StreamReach, TcpReach, TunnelReach
from kedge.i18n import Text, _
from kedge.model import Cost, Each, Hop, Kind, Unknown, Verdict
from kedge.plugins import All, Maybe, check, failed, not_known, passed, skipped

_CLOUD = ("KE112", "KE110", "KE113", "KE117")
"""Why nothing listens in the cloud: CloudStream is off, CloudCore is down, or its configuration is not loaded."""


@check(
    "KE303",
    _("Edge reaches the tunnel port"),
    on=Kind.PATH,
    needs=["KE205"],
    explained_by=["KE207", *_CLOUD],
    hops=[Hop.TUNNEL],
    cost=Cost.ACTIVE,
)
def edge_reaches_the_tunnel_server(target: str, reach: TunnelReach, listening: All[Listening]) -> Verdict:
    """TCP from the edge to its edgeStream server. Guides often open 10000 and 10002 only (facts 4.3).

    Where CloudCore is seen to listen on that port, nothing in the cloud explains it: something on the way does.
    """
    if reach.outcome is Reach.OPEN:
        return passed(_("{host} reaches {address}").format(host=target, address=_address(reach)))
    served = any(
        socket.local_port == reach.port and socket.process == "cloudcore"
        for host in listening.known().values()
        for socket in host.sockets
    )
    return failed(
        _refusal(target, reach),
        expected=_("a connection is accepted"),
        seen=_said(reach),
        explained_by=("KE207",) if served else None,
    )


@check(
    "KE304",
    _("API-server host reaches CloudStream"),
    on=Kind.CLOUDSTREAM,
    each=Each.APISERVER_HOST,
    explained_by=_CLOUD,
    hops=[Hop.CLOUDSTREAM],
    cost=Cost.ACTIVE,
)
def apiserver_host_reaches_cloudstream(
    target: str, reach: StreamReach, config: Maybe[CloudCoreConfig], on_hosts: All[CloudCoreOnHost]
) -> Verdict:
    """TCP from the host of the API server to the stream port of every CloudCore, where its NAT rules lead."""
    closed = [attempt for attempt in reach.attempts if attempt.outcome is not Reach.OPEN]
    why = config_in_use(config, on_hosts)
    if closed and isinstance(why, Unknown):
        text = _("{address} is closed to {host}; whether it is CloudCore's stream port is not known: {why}")
        return not_known(text.format(address=_address(closed[0]), host=target, why=why.text))
    if closed:
        return failed(_refusal(target, closed[0]), expected=_("a connection is accepted"), seen=_said(closed[0]))
    addresses = ", ".join(map(_address, reach.attempts))
    return passed(_("{host} reaches {address}").format(host=target, address=addresses))


@check(
    "KE117",
    _("CloudCore listens"),
    on=Kind.CLOUDCORE,
    each=Each.CLOUDCORE_HOST,
    explained_by=["KE112", "KE110", "KE113"],
)
def cloudcore_listens(
    target: str,
    listening: Listening,
    mapped: Maybe[CloudCoreConfig],
    on_hosts: All[CloudCoreOnHost],
    core: Maybe[CloudCore],
    reach: All[StreamReach],
) -> Verdict:
    """Sockets on the stream and tunnel port, as CloudCore's host shows them; one in the pod network by its answer."""
    if inside := _pod_addresses(core, target):
        return _listens_inside(target, inside, reach)
    config = config_in_use(mapped, on_hosts)
    stream = (CloudCoreConfig("") if isinstance(config, Unknown) else config).cloud_stream
    wanted = {stream.stream_port: _("stream port"), stream.tunnel_port: _("tunnel port")}
    open_ports = {socket.local_port for socket in listening.sockets}
    missing = [port for port in wanted if port not in open_ports]
    ports = ", ".join(map(str, wanted))
    if not missing:
        return passed(_("{host} listens on {ports}").format(host=target, ports=ports))
    text = _("Nothing listens on port {ports} of {host}, where CloudStream should")
    own = sorted({socket.local_port for socket in listening.sockets if socket.process == "cloudcore"})
    if isinstance(config, Unknown):
        text = _(
            "CloudCore on {host} listens on {own}, not on {ports}; whether it should is not known without its "
            "configuration: {why}"
        )
        return not_known(text.format(host=target, own=", ".join(map(str, own)) or "-", ports=ports, why=config.text))
    seen = _("CloudCore listens on {ports}").format(ports=", ".join(map(str, own)) or "-")
    return failed(text.format(ports=", ".join(map(str, missing)), host=target), expected=ports, seen=seen)


def _pod_addresses(core: CloudCore | Unknown, host: str) -> frozenset[str]:
    """Addresses of the CloudCores of a host that have a network of their own; none when one is on the host's."""
    own = [] if isinstance(core, Unknown) else [pod for pod in core.serving if pod.node == host]
    return frozenset() if any(pod.host_network for pod in own) else frozenset(pod.pod_ip for pod in own if pod.pod_ip)


def _listens_inside(host: str, addresses: frozenset[str], reach: All[StreamReach]) -> Verdict:
    """A host does not show the sockets of the pod network; whether one answers is seen from the API server's host."""
    tried = [one for seen in reach.known().values() for one in seen.attempts if one.host in addresses]
    answered = next((one for one in tried if one.outcome is Reach.OPEN), None)
    if answered is not None:
        text = _("CloudCore on {host} answers at {address}, in the pod network")
        return passed(text.format(host=host, address=_address(answered)))
    text = _("CloudCore on {host} runs in the pod network, whose sockets the host does not show")
    return skipped(text.format(host=host))


def _refusal(host: str, reach: TcpReach) -> Text:
    return _REFUSALS[reach.outcome].format(host=host, address=_address(reach), name=reach.host)


_REFUSALS = {
    Reach.REFUSED: _("{address} refuses connections of {host}: the machine is there, and nothing listens on that port"),
    Reach.FILTERED: _("{address} does not answer {host} at all: a firewall on the way drops it, or the machine is off"),
    Reach.NO_ROUTE: _("{host} has no route to {address}: no network leads there"),
    Reach.UNRESOLVED: _("{host} cannot resolve the name {name}"),
}


def _address(reach: TcpReach) -> str:
    return f"[{reach.host}]:{reach.port}" if ":" in reach.host else f"{reach.host}:{reach.port}"


def _said(reach: TcpReach) -> str:
    return f"{reach.outcome.value}: {reach.detail}" if reach.detail else reach.outcome.value
