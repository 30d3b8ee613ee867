"""The logs of CloudCore and Metrics Server, through the API server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kedge.asks import PodLog
from kedge.facts.cloudcore import CloudCore
from kedge.facts.logs import CloudCoreLog, LogHit, MetricsServerLog
from kedge.facts.metrics import MetricsServer
from kedge.facts.pods import Container, Pod
from kedge.i18n import _
from kedge.logs.classify import classify
from kedge.logs.signatures import CLOUDCORE, METRICS_SERVER, Signature
from kedge.model import Observation, Reason, Unknown
from kedge.plugins import probe

LINES = 120
"""As many as fit into what a link keeps of one log: cut off is the end, and the end is what matters."""

_LAST = 5
_NOTHING = Unknown(Reason.MISSING, _("The log is empty"))


@probe(every=60.0, reads_errors=True)
def cloudcore_log(core: CloudCore) -> Sequence[PodLog] | None:
    """The last lines of every CloudCore that serves; where none does, of those that try, and of how they ended."""
    asks = [PodLog(pod.namespace, pod.name, one.name, LINES) for pod in core.serving for one in pod.containers]
    return asks or [ask for pod in core.pods for one in pod.containers for ask in _attempts(pod, one)] or None


def _attempts(pod: Pod, container: Container) -> Iterator[PodLog]:
    if container.running or container.restarts:
        yield PodLog(pod.namespace, pod.name, container.name, LINES)
    if container.restarts:
        yield PodLog(pod.namespace, pod.name, container.name, LINES, previous=True)


@cloudcore_log.parse
def read_cloudcore_log(*seen: Observation) -> CloudCoreLog | Unknown:
    texts, why = _texts(seen)
    if not texts:
        return why
    return CloudCoreLog(_hits(texts, CLOUDCORE), sum(len(one.stdout.splitlines()) for one in texts))


@probe(every=60.0, reads_errors=True)
def metrics_server_log(server: MetricsServer) -> Sequence[PodLog] | None:
    """The last lines of Metrics Server, and of the container before it where it was restarted."""
    asks = []
    for pod in server.pods:
        for one in pod.containers:
            if one.ready:
                asks.append(PodLog(pod.namespace, pod.name, one.name, LINES))
            else:
                asks += _attempts(pod, one)
    return asks or None


@metrics_server_log.parse
def read_metrics_server_log(*seen: Observation) -> MetricsServerLog | Unknown:
    texts, why = _texts(seen)
    if not texts:
        return why
    lines = [line for one in texts for line in one.stdout.splitlines() if line.strip()]
    return MetricsServerLog(_hits(texts, METRICS_SERVER), len(lines), tuple(lines[-_LAST:]))


def _texts(seen: Sequence[Observation]) -> tuple[list[Observation], Unknown]:
    """The logs that came, and why none did."""
    good = [one for one in seen if one.error is None and one.exit_code in (0, 200) and one.stdout.strip()]
    reasons = [one.error for one in seen if one.error is not None]
    return good, reasons[0] if reasons else _NOTHING


def _hits(texts: Sequence[Observation], table: Sequence[Signature]) -> tuple[LogHit, ...]:
    return tuple(hit for one in texts for hit in classify(one.stdout, table, one.at))
