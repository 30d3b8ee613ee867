"""Everything behind ``kubectl top``: Metrics Server, the APIService, its endpoints, and the numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kedge.facts.pods import Pod, Workload

METRICS_API = "v1beta1.metrics.k8s.io"


@dataclass(frozen=True, slots=True)
class MetricsServer:
    """The Metrics Server (site fact).

    Attributes:
        workload: its Deployment, None when there is none.
        pods: its pods, oldest first.
        at: when the pods were listed.
    """

    workload: Workload | None = None
    pods: tuple[Pod, ...] = ()
    at: datetime | None = None

    @property
    def serving(self) -> tuple[Pod, ...]:
        """Pods that are Running and Ready."""
        return tuple(pod for pod in self.pods if pod.is_serving)

    @property
    def newest(self) -> Pod | None:
        """The pod that decides: the newest one that is not on its way out."""
        staying = [pod for pod in self.pods if pod.deleting is None]
        return staying[-1] if staying else None


@dataclass(frozen=True, slots=True)
class MetricsApi:
    """APIService v1beta1.metrics.k8s.io (site fact); Unknown ``missing`` when it does not exist.

    Attributes:
        available: the condition Available; None when it carries none.
        namespace, service, port: the Service behind it, "" for a local one.
    """

    available: bool | None = None
    reason: str = ""
    message: str = ""
    namespace: str = ""
    service: str = ""
    port: int = 443
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class MetricsEndpoints:
    """EndpointSlices of the Service behind the metrics API (site fact).

    Attributes:
        ready, not_ready: addresses. slices: how many slices the Service has.
    """

    namespace: str
    service: str
    ready: tuple[str, ...] = ()
    not_ready: tuple[str, ...] = ()
    slices: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """What a node or a pod used at one moment.

    Attributes:
        cpu: millicores. memory: bytes.
        at: when it was measured; window: over how many seconds.
    """

    cpu: float = 0.0
    memory: float = 0.0
    at: datetime | None = None
    window: float = 0.0


@dataclass(frozen=True, slots=True)
class NodeUsage:
    """``kubectl top node`` (site fact): usage by node name.

    Attributes:
        rows: (node, usage). at: when the answer was made, by metrics-server's clock.
    """

    rows: tuple[tuple[str, Usage], ...] = ()
    at: datetime | None = None

    def of(self, node: str) -> Usage | None:
        """The row of one node, None when it is missing (``<unknown>`` in kubectl)."""
        return next((usage for name, usage in self.rows if name == node), None)


@dataclass(frozen=True, slots=True)
class PodUsage:
    """``kubectl top pod -A`` (site fact): usage by (namespace, pod)."""

    rows: tuple[tuple[tuple[str, str], Usage], ...] = ()
    at: datetime | None = None

    def by_pod(self) -> dict[tuple[str, str], Usage]:
        """All rows by (namespace, pod)."""
        return dict(self.rows)
