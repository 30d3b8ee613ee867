"""kubectl logs and kubectl exec, measured end to end for every edge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from checks._causes import EXEC_CAUSES, PATH_CAUSES
from checks._outcomes import meaning
from checks._unseen import with_what_would_settle
from kedge.facts.edgecore import EdgeCoreConfig
from kedge.facts.hosts import HostAccess
from kedge.facts.kubectl import KubectlExec, KubectlLogs, MoreKubectlLogs, NodeProxy, Outcome, Try
from kedge.facts.network import Established, NatTables
from kedge.facts.pods import NodePods
from kedge.i18n import Text, _
from kedge.model import Cost, Kind, Reason, Unknown, Verdict
from kedge.plugins import All, Maybe, check, failed, not_known, passed, skipped

_TUNNEL_PORT = 10004


@check(
    "KE501",
    _("kubectl logs"),
    on=Kind.KUBECTL,
    needs=["KE101"],
    explained_by=PATH_CAUSES,
    fixes=["functional-test"],
    cost=Cost.ACTIVE,
)
def logs_come_back(
    target: str,
    first: Maybe[KubectlLogs],
    more: Maybe[MoreKubectlLogs],
    pods: Maybe[NodePods],
    proxy: Maybe[NodeProxy],
    sockets: Maybe[Established],
    config: Maybe[EdgeCoreConfig],
    access: Maybe[HostAccess],
    tables: All[NatTables],
) -> Verdict:
    """A real line of a real container comes back. Exit codes prove nothing: a dead session gives 0 and no text."""
    if isinstance(first, Unknown):
        return _nothing_tried(target, first, pods)
    tries = (*first.tries, *(more.tries if isinstance(more, MoreKubectlLogs) else ()))
    if not tries:
        return not_known(_recorded_nothing(target))
    if good := _first(tries, Outcome.ANSWERED):
        text = _("kubectl logs works for {node}: {place} answered")
        return passed(text.format(node=target, place=_place(good)), seen=good.text)
    bad = next((one for one in tries if one.outcome not in (Outcome.EMPTY, Outcome.NOT_FOUND)), None)
    if bad is not None:
        failure = _fails(_("kubectl logs fails for {node}: {why}"), target, bad)
        return replace(failure, text=with_what_would_settle(failure.text, target, bad.outcome, access, tables))
    quiet = _first(tries, Outcome.EMPTY)
    if quiet is None:
        return not_known(_("The pods of {node} that were asked are gone by now").format(node=target))
    witness = _second_witness(target, proxy, sockets, config)
    if witness is None:
        text = _("{place} has logged nothing, and nothing else tells whether the path to {node} works")
        return not_known(text.format(place=_place(quiet), node=target))
    if not witness:
        text = _("The path to {node} works, but no container that was asked has logged anything")
        return not_known(text.format(node=target))
    text = _("kubectl logs prints nothing for {node} and reports success; {witness}")
    said = with_what_would_settle(text.format(node=target, witness=witness), target, Outcome.EMPTY, access, tables)
    return failed(said, expected=_wanted(quiet), seen=_("nothing"))


def _second_witness(
    node: str, proxy: NodeProxy | Unknown, sockets: Established | Unknown, config: EdgeCoreConfig | Unknown
) -> Text | None:
    """What else says that the path is dead; an empty text when it lives, None when nothing tells."""
    if isinstance(proxy, NodeProxy):
        if proxy.outcome is Outcome.ANSWERED:
            return Text("")
        if proxy.outcome is Outcome.EMPTY:
            return _("the metrics of the node are empty on the same path too: CloudCore's session of it is dead")
        text = _("the metrics of the node fail on the same path: {why}")
        return text.format(why=meaning(proxy.outcome, node, proxy.text))
    if isinstance(sockets, Established):
        port = config.edge_stream.port if isinstance(config, EdgeCoreConfig) else 0
        ports = {port or _TUNNEL_PORT, _TUNNEL_PORT}
        if not any(socket.peer_port in ports for socket in sockets.sockets):
            return _("the edge has no connection to the tunnel port {port}").format(port=port or _TUNNEL_PORT)
    return None


@check(
    "KE502",
    _("kubectl exec"),
    on=Kind.KUBECTL,
    needs=["KE101"],
    explained_by=EXEC_CAUSES,
    fixes=["functional-test"],
    cost=Cost.INTRUSIVE,
)
def exec_comes_back(target: str, ran: Maybe[KubectlExec], pods: Maybe[NodePods]) -> Verdict:
    """A harmless command's output comes back. Every exec opens a new connection, so it meets the NAT rules of now."""
    if isinstance(ran, Unknown):
        return _nothing_tried(target, ran, pods)
    tried = ran.tried
    if tried.outcome is Outcome.ANSWERED:
        text = _("kubectl exec works for {node}: {place} answered").format(node=target, place=_place(tried))
        if tried.at is not None:
            text = _("{said}; last tried {at} UTC").format(said=text, at=f"{tried.at:%F %T}")
        return passed(text, seen=tried.text)
    if tried.outcome is Outcome.NOT_FOUND:
        return not_known(_("The pod of {node} that was asked is gone by now").format(node=target))
    failure = _fails(_("kubectl exec fails for {node}: {why}"), target, tried)
    if tried.at is None:
        return failure
    text = _("{said}; last tried {at} UTC").format(said=failure.text, at=f"{tried.at:%F %T}")
    return replace(failure, text=text)


def _nothing_tried(node: str, why: Unknown, pods: NodePods | Unknown) -> Verdict:
    """No request was made: because nothing runs there, or because it could not be made."""
    if isinstance(pods, NodePods) and not any(_runs(pods)):
        return skipped(_("No running pod on {node} to ask").format(node=node))
    if why.reason is Reason.NOT_RECORDED:
        return not_known(_recorded_nothing(node))
    return not_known(why)


def _runs(pods: NodePods) -> Sequence[bool]:
    return [one.running for pod in pods.pods if pod.phase == "Running" and not pod.deleting for one in pod.containers]


def _recorded_nothing(node: str) -> Text:
    return _("The recording holds no such request to a pod of {node}").format(node=node)


def _first(tries: Sequence[Try], outcome: Outcome) -> Try | None:
    return next((one for one in tries if one.outcome is outcome), None)


def _fails(text: Text, node: str, tried: Try) -> Verdict:
    why = meaning(tried.outcome, node, tried.text)
    seen = tried.text or _("no answer after {seconds} s").format(seconds=f"{tried.seconds:.0f}")
    return failed(text.format(node=node, why=why), expected=_wanted(tried), seen=seen)


def _wanted(tried: Try) -> Text:
    return _("output of {place}").format(place=_place(tried))


def _place(tried: Try) -> str:
    return f"{tried.namespace}/{tried.pod} ({tried.container})"
