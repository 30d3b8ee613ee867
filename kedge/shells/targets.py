"""What a shell can be opened on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kedge.facts.pods import NodePods
from kedge.i18n import Text, _
from kedge.model import Status
from kedge.picture import Picture


class Way(StrEnum):
    """How the bytes travel."""

    HOST = "host"
    """The user's login shell on a machine, over SSH or right here."""
    EXEC = "exec"
    """Into a container through the API server and the tunnel, as ``kubectl exec`` does."""
    RUNTIME = "runtime"
    """Into a container by the runtime's own tool on its machine, over SSH: works without the tunnel."""


@dataclass(frozen=True, slots=True)
class OnHost:
    """A machine."""

    host: str

    @property
    def node(self) -> str:
        """The machine it runs on."""
        return self.host

    @property
    def name(self) -> str:
        """For titles and keys."""
        return self.host


@dataclass(frozen=True, slots=True)
class InContainer:
    """A container of a pod. ``uid`` finds it on its machine where Kubernetes cannot be asked."""

    namespace: str
    pod: str
    container: str
    node: str
    uid: str = ""
    running: bool = True
    state: str = ""

    @property
    def name(self) -> str:
        """For titles and keys."""
        return f"{self.namespace}/{self.pod}/{self.container}"


Target = OnHost | InContainer


def default_way(target: Target) -> Way:
    """The way that is tried first."""
    return Way.HOST if isinstance(target, OnHost) else Way.EXEC


def containers_of(pods: NodePods, node: str) -> tuple[InContainer, ...]:
    """Every container on a node, running ones first."""
    found = [
        InContainer(
            pod.namespace,
            pod.name,
            container.name,
            node,
            pod.uid,
            running=container.running,
            state=container.waiting or container.last_reason or pod.phase,
        )
        for pod in pods.pods
        for container in pod.containers
    ]
    return tuple(sorted(found, key=lambda one: (not one.running, one.name)))


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why exec through the tunnel of a node cannot work: the finding's code and its sentence."""

    code: str
    text: Text


def trouble_of(picture: Picture | None, node: str) -> Trouble | None:
    """What is known to be broken on the way that exec takes to a node; None when nothing is."""
    path = picture.path_of(node) if picture is not None else None
    if picture is None or path is None:
        return None
    broken = {hop.code for hop in path.hops if hop.status is Status.FAIL and hop.code}
    found = [f for f in picture.findings if f.code in broken and f.status is Status.FAIL]
    mine = [f for f in found if f.target == node] or found
    causes = {f.because for f in mine if f.because}
    roots = [f for f in picture.findings if f.is_cause and (f.code in causes or f in mine)]
    told = next((f for f in roots if f.target == node), None) or next(iter(roots or mine), None)
    return Trouble(told.code, told.text) if told is not None else None


CRASH_WARNING = _(
    "{node} runs KubeEdge {version}, whose EdgeCore can crash when an exec through the tunnel ends; every stream of "
    "the node then drops for some 15 s. Over SSH it cannot."
)
"""Facts 11: seen in 7 of 100 short execs."""
