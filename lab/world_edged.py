"""The kubelet's HTTP handlers: edged's read-only server on an edge (127.0.0.1:10350), the kubelet of the cloud node."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from lab.objects import PODS, Object
from lab.world_exec import ExecResult, run_in_container
from lab.world_host import Host
from lab.world_logs import LogOptions, LogSource, render, select
from lab.world_usage import resource_metrics, stats_summary

if TYPE_CHECKING:
    from lab.world import World

PLAIN = "text/plain; charset=utf-8"
_RUNTIME_DOWN = (
    'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix '
    '/run/containerd/containerd.sock: connect: connection refused"'
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer.

    Attributes:
        lines: set for logs that may be followed.
        until: the moment up to which the body holds their lines.
    """

    status: int
    body: str
    content_type: str = PLAIN
    lines: LogSource | None = None
    until: float = 0.0


def not_found_page() -> Answer:
    """Go's answer to an unknown path."""
    return Answer(404, "404 page not found\n")


class Edged:
    """What one machine's kubelet answers, with real status codes."""

    def __init__(self, world: World, host: Host) -> None:
        self._world = world
        self._host = host

    def get(self, target: str) -> Answer:
        """GET `target` (path and query)."""
        parts = urlsplit(target)
        path = parts.path
        query = {key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        if path.startswith("/containerLogs/") and path.count("/") == 4:
            _, _, namespace, pod, container = path.split("/")
            return self.logs(namespace, pod, container, options_of(query, self._world.clock()))
        if path == "/metrics/resource":
            return Answer(200, resource_metrics(self._pods(), self._host, self._world.clock()))
        if path.rstrip("/") in ("/stats/summary", "/stats"):
            body = stats_summary(self._pods(), self._host, self._world.clock())
            return Answer(200, body, "application/json")
        if path in ("/healthz", "/healthz/ping", "/healthz/syncloop"):
            return Answer(200, "ok")
        return not_found_page()

    def _pods(self) -> list[Object]:
        return self._world.pods_on(self._host.name)

    @property
    def _runtime_up(self) -> bool:
        return self._host.is_active("containerd")

    def logs(self, namespace: str, name: str, container: str, options: LogOptions) -> Answer:
        """Logs of one container; the kubelet's errors have status 400 or 404 and are plain text."""
        pod = self._world.store.find(PODS, namespace, name)
        if pod is None or pod["spec"].get("nodeName") != self._host.name:
            return Answer(404, f'pod "{name}" does not exist')
        status = next((s for s in pod["status"].get("containerStatuses", ()) if s["name"] == container), None)
        if status is None:
            return Answer(400, f'container "{container}" in pod "{name}" is waiting to start: ContainerCreating')
        source = self._source(pod, status, options)
        if options.previous and source is None:
            return Answer(400, f'previous terminated container "{container}" in pod "{name}" not found')
        if source is None:
            why = _waiting_text(status["state"].get("waiting", {}).get("reason", "ContainerCreating"))
            return Answer(400, f'container "{container}" in pod "{name}" is waiting to start: {why}')
        if not self._runtime_up:
            return Answer(200, f"unable to retrieve container logs for {status['containerID']}")
        now = self._world.clock()
        body = render(select(source, options, now), options)
        if options.limit_bytes is not None:
            body = body.encode()[: options.limit_bytes].decode(errors="ignore")
        return Answer(200, body, lines=source, until=now)

    def _source(self, pod: Object, status: Object, options: LogOptions) -> LogSource | None:
        if options.previous:
            return self._world.previous_log(pod, status["name"])
        source = self._world.log_of(pod, status["name"])
        if source is None and "terminated" in status["state"]:
            return self._world.previous_log(pod, status["name"])  # until it is started again, its last words
        return source

    def exec(self, namespace: str, name: str, container: str, argv: list[str]) -> ExecResult:
        """Run a command in a container; raises ExecRefused with the runtime's complaint."""
        pod = self._world.store.find(PODS, namespace, name)
        if pod is None or pod["spec"].get("nodeName") != self._host.name:
            raise ExecRefused("unable to upgrade connection: pod does not exist")
        if not self._runtime_up:
            raise ExecRefused(f"unable to upgrade connection: {_RUNTIME_DOWN}")
        if self._world.log_of(pod, container) is None:
            raise ExecRefused(f'unable to upgrade connection: container not found ("{container}")')
        hostname = self._host.name if pod["spec"].get("hostNetwork") else name
        result = run_in_container(argv, hostname, self._world.clock())
        if result.ends_container:
            self._world.exit_container(namespace, name, container, code=0)
        return result


class ExecRefused(Exception):
    """An exec that the kubelet or the runtime turned down; the text is what follows `Internal error occurred: `."""


def options_of(query: dict[str, str], now: float) -> LogOptions:
    """Query parameters of containerLogs; values that are not numbers count as not given."""

    def number(name: str) -> int | None:
        value = query.get(name, "")
        return int(value) if value.lstrip("-").isdigit() else None

    seconds = number("sinceSeconds")
    since = now - seconds if seconds is not None else _parse_time(query.get("sinceTime", ""))
    return LogOptions(
        tail=number("tailLines"), follow=query.get("follow") == "true", timestamps=query.get("timestamps") == "true",
        previous=query.get("previous") == "true", since=since, limit_bytes=number("limitBytes"),
    )  # fmt: skip


def _parse_time(text: str) -> float | None:
    """A `sinceTime`; the API server hands it on without fractions of a second."""
    try:
        return math.floor(datetime.fromisoformat(text).timestamp()) if text else None
    except ValueError:
        return None


def _waiting_text(reason: str) -> str:
    return {
        "ErrImagePull": "image can't be pulled",
        "ImagePullBackOff": "trying and failing to pull image",
    }.get(reason, reason)
