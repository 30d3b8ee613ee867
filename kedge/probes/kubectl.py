"""What a person at kubectl gets from each edge: logs, exec, and metrics through the node proxy.

All three are asked of the API server, so they travel the very path that breaks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from kedge.asks import Api, PodExec, PodLog
from kedge.facts.kubectl import KubectlExec, KubectlLogs, MoreKubectlLogs, NodeProxy, Outcome, Try
from kedge.facts.pods import Container, NodePods, Pod
from kedge.i18n import _
from kedge.links.base import Access
from kedge.logs.kubectl import last_line, outcome_of_body, outcome_of_error
from kedge.model import Cost, Host, Observation, Reason, Role, Unknown
from kedge.plugins import Maybe, probe
from kedge.probes._objects import segment

FURTHER = 8
"""How many more containers are asked where the first one settled nothing."""

_SYSTEM = frozenset({"kube-system", "kubeedge"})
_NOTHING_SETTLED = frozenset({Outcome.EMPTY, Outcome.NOT_FOUND, Outcome.KUBELET_ERROR})
_NO_ANSWER = frozenset(
    {
        Reason.NOT_RECORDED,
        Reason.NOT_ASKED,
        Reason.DENIED,
        Reason.CREDENTIALS,
        Reason.HOST_KEY,
        Reason.NO_SSH,
        Reason.NO_API,
    }
)
_SEEN_ENOUGH = 300
_UNREACHABLE = _("The API server could not be reached: {error}")
_RELAYED = re.compile(r"error trying to reach service|Error from server|error dialing backend|error sending request")
"""Words of an API server that answered and speaks of what is behind it."""


# -------------------------------------------------------------------------------------------- candidates


def candidates(pods: NodePods) -> Iterator[tuple[Pod, Container]]:
    """Running containers, the ones most likely to have logged first: ready workload pods, first containers."""
    running = [pod for pod in pods.pods if pod.phase == "Running" and pod.deleting is None]
    running.sort(key=lambda pod: (not pod.ready, pod.namespace in _SYSTEM, pod.namespace, pod.name))
    places = [(position, pod, one) for pod in running for position, one in enumerate(pod.containers) if one.running]
    for _position, pod, container in sorted(places, key=lambda place: place[0]):
        yield pod, container


def _log(pod: Pod, container: Container) -> PodLog:
    return PodLog(pod.namespace, pod.name, container.name)


# -------------------------------------------------------------------------------------------------- logs


@probe(Role.EDGE, cost=Cost.ACTIVE, reads_errors=True)
def kubectl_logs(host: Host, pods: NodePods) -> PodLog | None:
    """Some last lines of one real container; None when nothing runs there."""
    first = next(candidates(pods), None)
    return _log(*first) if first else None


@kubectl_logs.parse
def read_kubectl_logs(seen: Observation) -> KubectlLogs | Unknown:
    tried = read_log(seen)
    if isinstance(tried, Unknown):
        return KubectlLogs() if tried.reason is Reason.NOT_RECORDED else tried
    return KubectlLogs((tried,))


@probe(Role.EDGE, cost=Cost.ACTIVE, reads_errors=True)
def more_kubectl_logs(host: Host, pods: NodePods, first: KubectlLogs) -> Sequence[PodLog] | None:
    """Further containers, where the first one was silent: a dead path looks just like a quiet container."""
    if any(tried.outcome not in _NOTHING_SETTLED for tried in first.tries):
        return None
    asked = {(tried.namespace, tried.pod, tried.container) for tried in first.tries}
    others = [_log(*one) for one in candidates(pods) if (one[0].namespace, one[0].name, one[1].name) not in asked]
    return others[:FURTHER] or None


@more_kubectl_logs.parse
def read_more_kubectl_logs(*seen: Observation) -> MoreKubectlLogs | Unknown:
    tries = [read_log(one) for one in seen]
    known = tuple(tried for tried in tries if isinstance(tried, Try))
    problems = [tried for tried in tries if isinstance(tried, Unknown)]
    return problems[0] if problems and not known else MoreKubectlLogs(known)


def read_log(seen: Observation) -> Try | Unknown:
    """What came of one log request: out of kubectl's exit code and texts, or of the API's answer."""
    ask: PodLog = seen.ask
    if seen.error is None and seen.exit_code in (0, 200):
        outcome, line = outcome_of_body(seen.stdout)
        return Try(ask.namespace, ask.pod, ask.container, outcome, line[:_SEEN_ENOUGH], seen.seconds, seen.at)
    return _failed(seen, ask.namespace, ask.pod, ask.container)


def _failed(seen: Observation, namespace: str, pod: str, container: str) -> Try | Unknown:
    outcome, line = _error(seen)
    if isinstance(outcome, Unknown):
        return outcome
    return Try(namespace, pod, container, outcome, line[:_SEEN_ENOUGH], seen.seconds, seen.at)


def _error(seen: Observation) -> tuple[Outcome | Unknown, str]:
    """What a request that failed says about the path; the reason itself where it says nothing about it."""
    error = seen.error
    if error is not None and error.reason in _NO_ANSWER:
        return error, ""
    said = seen.stderr or (str(error.text) if error is not None else seen.stdout)
    if not said and seen.exit_code == 124:
        return Outcome.HANG, ""
    outcome = outcome_of_error(said)
    if error is not None and error.reason is Reason.TIMED_OUT:
        outcome = Outcome.HANG if outcome is Outcome.OTHER else outcome
    if outcome is None or (error is not None and error.reason is Reason.UNREACHABLE and not _RELAYED.search(said)):
        return error or Unknown(Reason.UNREACHABLE, _UNREACHABLE.format(error=last_line(said))), ""
    return outcome, last_line(said)


# -------------------------------------------------------------------------------------------------- exec

_RAN = re.compile(r"executable file not found|OCI runtime exec failed|command terminated with exit code")
"""Whether the image holds the command is not the question: the runtime on the edge has answered."""


@probe(Role.EDGE, cost=Cost.INTRUSIVE, reads_errors=True)
def kubectl_exec(host: Host, pods: NodePods, logs: Maybe[KubectlLogs]) -> PodExec | None:
    """``hostname`` in one container. Intrusive: it can crash EdgeCore v1.23.1 (facts 11)."""
    tried = logs.tries if isinstance(logs, KubectlLogs) else ()
    if tried:
        return PodExec(tried[0].namespace, tried[0].pod, tried[0].container)
    first = next(candidates(pods), None)
    return PodExec(first[0].namespace, first[0].name, first[1].name) if first else None


@kubectl_exec.parse
def read_kubectl_exec(seen: Observation) -> KubectlExec | Unknown:
    ask: PodExec = seen.ask
    said = f"{seen.stdout}\n{seen.stderr}\n{seen.error.text if seen.error else ''}"
    if seen.stdout.strip() or _RAN.search(said) or (seen.error is None and seen.exit_code in (126, 127)):
        tried = Try(ask.namespace, ask.pod, ask.container, Outcome.ANSWERED, last_line(said)[:_SEEN_ENOUGH])
        return KubectlExec(replace(tried, seconds=seen.seconds, at=seen.at))
    if seen.error is None and seen.exit_code == 0:
        return KubectlExec(Try(ask.namespace, ask.pod, ask.container, Outcome.EMPTY, "", seen.seconds, seen.at))
    failed = _failed(seen, ask.namespace, ask.pod, ask.container)
    return failed if isinstance(failed, Unknown) else KubectlExec(failed)


# -------------------------------------------------------------------------------------------- node proxy


@probe(Role.EDGE, cost=Cost.ACTIVE, reads_errors=True)
def node_proxy(host: Host) -> Api:
    """``/metrics/resource`` of the node: the same path as logs, looked up by node name (facts 1.5)."""
    path = f"/api/v1/nodes/{segment(host.name)}/proxy/metrics/resource"
    return Api(path, access=Access("get", "", "nodes", "proxy"), seconds=60.0)


@node_proxy.parse
def read_node_proxy(seen: Observation) -> NodeProxy | Unknown:
    if seen.error is None and seen.exit_code in (0, 200):
        samples = sum(1 for line in seen.stdout.splitlines() if line.strip() and not line.startswith("#"))
        came = Outcome.ANSWERED if samples else Outcome.EMPTY
        return NodeProxy(came, "", samples, seen.seconds, seen.at)
    outcome, line = _error(seen)
    if isinstance(outcome, Unknown):
        return outcome
    return NodeProxy(outcome, line[:_SEEN_ENOUGH], 0, seen.seconds, seen.at)
