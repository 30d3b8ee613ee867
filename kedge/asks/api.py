"""Asks of the Kubernetes API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from kedge.asks.base import Ask
from kedge.links.base import Access


@dataclass(frozen=True, slots=True)
class Api(Ask):
    """GET of one path.

    Attributes:
        path: without query, e.g. ``/api/v1/nodes``.
        of: msgspec type of one object, or of one list item when ``watched``; None keeps the body as text.
        watched: a list kept live by list+watch instead of being asked for again.
        seconds: how often it is asked again when it is not watched.
        access: the right it needs.
    """

    path: str
    of: Any = field(default=None, compare=False)
    watched: bool = field(default=False, compare=False)
    seconds: float = field(default=30.0, compare=False)
    access: Access | None = field(default=None, compare=False)

    def what(self) -> str:
        return f"GET {self.path}"


@dataclass(frozen=True, slots=True)
class PodLog(Ask):
    """Some last lines of a container's log, asked through the API server (so through the tunnel for an edge)."""

    namespace: str
    pod: str
    container: str
    lines: int = field(default=3, compare=False)
    previous: bool = False

    @property
    def path(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/pods/{self.pod}/log"

    @property
    def query(self) -> Mapping[str, str]:
        asked = {"container": self.container, "tailLines": str(self.lines)}
        return asked | ({"previous": "true"} if self.previous else {})

    @property
    def access(self) -> Access:
        return Access("get", "", "pods", "log", self.namespace)

    def what(self) -> str:
        flags = " --previous" if self.previous else ""
        return f"kubectl logs -n {self.namespace} {self.pod} -c {self.container} --tail={self.lines}{flags}"


@dataclass(frozen=True, slots=True)
class Events(Ask):
    """The events about one object, by a field selector; ``namespace`` is where they are kept."""

    namespace: str
    kind: str
    name: str

    @property
    def path(self) -> str:
        return f"/api/v1/namespaces/{quote(self.namespace, safe='')}/events"

    @property
    def query(self) -> Mapping[str, str]:
        return {"fieldSelector": f"involvedObject.kind={self.kind},involvedObject.name={self.name}"}

    @property
    def access(self) -> Access:
        return Access("list", "", "events", "", self.namespace)

    def what(self) -> str:
        return f"kubectl events -n {self.namespace} --for {self.kind.lower()}/{self.name}"


@dataclass(frozen=True, slots=True)
class PodExec(Ask):
    """One harmless command in a container. Intrusive: see facts 11."""

    namespace: str
    pod: str
    container: str
    command: tuple[str, ...] = field(default=("hostname",), compare=False)

    def what(self) -> str:
        return f"kubectl exec -n {self.namespace} {self.pod} -c {self.container} -- {' '.join(self.command)}"


@dataclass(frozen=True, slots=True)
class Rights(Ask):
    """Which of some rights this user has, one SelfSubjectAccessReview each.

    The answer has one line for each: ``yes`` or ``no``, verb, resource (``pods/log``), group and namespace, each
    ``-`` where there is none, separated by blanks.
    """

    accesses: tuple[Access, ...] = field(default=(), compare=False)

    def what(self) -> str:
        return "kubectl auth can-i …"


def is_api(ask: Ask) -> bool:
    """True for asks that the Kubernetes link answers."""
    return isinstance(ask, Api | Events | PodLog | PodExec | Rights)
