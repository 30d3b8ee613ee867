"""Reads a recorded site (``api/*.json``, ``host-NAME.json``, ``kubectl.json``) into observations.

The layout is an import format (contracts.md): hosts and files may be others than those known here; what no
ask asks for is left aside, and what was not recorded stays ``unknown: not recorded``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kedge.asks import Api, Ask, Clock, PodExec, PodLog, recognise, recognise_kubectl
from kedge.i18n import Text, _
from kedge.model import Observation, Reason, Unknown
from kedge.sources.base import KUBERNETES
from kedge.sources.mask import masked
from kedge.sources.replay import ReplaySource


class RecordingError(Exception):
    """A recording cannot be read; carries the sentence with the file."""

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded site: what Kubernetes and each host answered."""

    name: str
    kubernetes: ReplaySource
    hosts: Mapping[str, ReplaySource]
    recorded: datetime | None = None


def open_recording(directory: Path) -> Recording:
    """Read a folder; raises RecordingError when it is none or a file in it is broken."""
    if not directory.is_dir():
        raise RecordingError(_("{folder} is not a folder").format(folder=directory))
    meta = _read(directory / "meta.json", {})
    hosts = {
        path.stem.removeprefix("host-"): ReplaySource(
            path.stem.removeprefix("host-"), _host(path.stem.removeprefix("host-"), _read(path, []))
        )
        for path in sorted(directory.glob("host-*.json"))
    }
    bodies = {path.stem: _read(path, {}) for path in sorted((directory / "api").glob("*.json"))}
    api = list(_api(bodies))
    kubectl = list(_kubectl(_read(directory / "kubectl.json", []), bodies.get("pods", {})))
    if not hosts and not api and not kubectl:
        raise RecordingError(
            _("{folder} holds no recording: no api/*.json, host-*.json or kubectl.json").format(folder=directory)
        )
    return Recording(
        name=str(meta.get("scenario") or directory.name),
        kubernetes=ReplaySource(KUBERNETES, [*api, *kubectl]),
        hosts=hosts,
        recorded=_time(meta.get("recorded")),
    )


def _read(path: Path, default: Any) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return default
    except (OSError, UnicodeDecodeError) as error:
        raise RecordingError(_("{file} cannot be read: {error}").format(file=path, error=error)) from None
    except ValueError as error:
        raise RecordingError(_("{file} is not valid JSON: {error}").format(file=path, error=error)) from None


# ----------------------------------------------------------------------------------------------------- hosts


def _host(name: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[Observation]:
    """A host's rows, dated by its own clock: its ``date`` row, then as the seconds went by."""
    now: datetime | None = None
    for row in rows:
        ask = recognise(str(row.get("cmd", "")))
        if isinstance(ask, Clock) and str(row.get("out", "")).strip().isdigit():
            now = datetime.fromtimestamp(int(row["out"]), UTC)
        if ask is not None:
            yield _row(ask, name, row, now, ask.secrets())
        if now is not None:
            now += timedelta(seconds=float(row.get("seconds") or 0))


def _row(ask: Any, source: str, row: Mapping[str, Any], at: datetime | None, secrets: Sequence[str]) -> Observation:
    return Observation(
        ask=ask,
        source=source,
        what=str(row.get("cmd", "")),
        at=at,
        seconds=float(row.get("seconds") or 0),
        exit_code=row.get("rc"),
        stdout=masked(str(row.get("out") or ""), secrets),
        stderr=masked(str(row.get("err") or ""), secrets),
    )


# ------------------------------------------------------------------------------------------------------- API

_PATHS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), path)
    for pattern, path in (
        (r"version", "/version"),
        (r"apiservices-metrics", "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io"),
        (r"metrics-(?P<a>nodes|pods)", "/apis/metrics.k8s.io/v1beta1/{a}"),
        (r"proxy-stats-(?P<a>.+)", "/api/v1/nodes/{a}/proxy/metrics/resource"),
        (r"(?P<a>nodes|pods|events|namespaces)", "/api/v1/{a}"),
        (r"(?P<a>configmaps|services|pods|events)-(?P<b>.+)", "/api/v1/namespaces/{b}/{a}"),
        (r"endpointslices-(?P<b>.+)", "/apis/discovery.k8s.io/v1/namespaces/{b}/endpointslices"),
        (r"endpointslices", "/apis/discovery.k8s.io/v1/endpointslices"),
        (r"(?P<a>deployments|daemonsets|replicasets)", "/apis/apps/v1/{a}"),
        (r"leases", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"),
        (r"crds", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"),
    )
)


def _api(bodies: Mapping[str, Any]) -> Iterator[Observation]:
    for name, body in bodies.items():
        path = _path(name)
        if path is not None and isinstance(body, dict):
            yield _body(path, _fuller(body, bodies))


def _path(name: str) -> str | None:
    for pattern, path in _PATHS:
        if found := pattern.fullmatch(name):
            return path.format(**found.groupdict())
    return None


def _fuller(body: Mapping[str, Any], bodies: Mapping[str, Any]) -> Mapping[str, Any]:
    """A list whose items are replaced by copies recorded with managedFields, where such a copy exists."""
    copies = {
        (one.get("kind"), one["metadata"].get("namespace"), one["metadata"].get("name")): one
        for one in bodies.values()
        if isinstance(one, dict) and isinstance(one.get("metadata"), dict) and one["metadata"].get("managedFields")
    }
    items = body.get("items")
    if not copies or not isinstance(items, list):
        return body
    kind = str(body.get("kind", "")).removesuffix("List")
    swapped = []
    for item in items:
        meta = item.get("metadata") or {}
        swapped.append(copies.get((kind, meta.get("namespace"), meta.get("name")), item))
    return {**body, "items": swapped}


def _body(path: str, body: Mapping[str, Any]) -> Observation:
    what = f"GET {path}"
    if "_rc" not in body:
        text = json.dumps(body)
        return Observation(Api(path), KUBERNETES, what, _newest(text), exit_code=200, stdout=text)
    raw, stderr = str(body.get("_raw") or ""), str(body.get("_stderr") or "")
    if body["_rc"] == 0:
        return Observation(Api(path), KUBERNETES, what, _newest(raw), exit_code=200, stdout=raw)
    return Observation(
        Api(path), KUBERNETES, what, stdout=raw, stderr=stderr, error=_kubectl_problem(path, stderr or raw)
    )


_STAMP = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


def _newest(text: str) -> datetime | None:
    """The newest timestamp in an answer: the nearest thing to the server's clock that it holds."""
    return max((t for t in map(_time, _STAMP.findall(text)) if t), default=None)


def _time(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00")) if text else None
    except ValueError:
        return None


# --------------------------------------------------------------------------------------------------- kubectl

_KUBECTL_REASONS: tuple[tuple[str, Reason], ...] = (
    (r"\(NotFound\)|could not find the requested resource|not found", Reason.MISSING),
    (r"\(Forbidden\)|is forbidden", Reason.DENIED),
    (r"\(Unauthorized\)|must be logged in", Reason.CREDENTIALS),
    (r"deadline exceeded|Client\.Timeout|recorder timed out|timed out|i/o timeout", Reason.TIMED_OUT),
    (r"Unable to connect|connection refused|no such host|no route to host", Reason.UNREACHABLE),
    (r"\(BadRequest\)|\(Invalid\)", Reason.INVALID),
)


def _kubectl_problem(what: str, said: str) -> Unknown:
    reason = next((r for pattern, r in _KUBECTL_REASONS if re.search(pattern, said)), Reason.SERVER_ERROR)
    message = said.strip().splitlines()[-1] if said.strip() else "no answer"
    return Unknown(reason, _("{what}: {message}").format(what=what, message=message))


def _kubectl(rows: Sequence[Mapping[str, Any]], pods: Mapping[str, Any]) -> Iterator[Observation]:
    for row in rows:
        command, stderr = str(row.get("cmd", "")), str(row.get("err") or "")
        raw = re.search(r"\bget --raw[ =]['\"]?(/[^\s'\"?]+)", command)
        if raw:
            yield _body(raw[1], {"_raw": row.get("out"), "_stderr": stderr, "_rc": row.get("rc")})
            continue
        ask = recognise_kubectl(command, stderr)
        asks = [_with_container(ask, pods)] if ask is not None else _selected(command, pods)
        for one in asks:
            yield _row(one, KUBERNETES, row, _newest(str(row.get("out") or "")), ())


_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


def _with_container(ask: Ask, pods: Mapping[str, Any]) -> Ask:
    """A kubectl command that named no container asked the pod's default one: the annotated, else the first."""
    if not isinstance(ask, PodLog | PodExec) or ask.container:
        return ask
    for pod in pods.get("items") or ():
        meta = pod.get("metadata") or {}
        if (meta.get("namespace"), meta.get("name")) == (ask.namespace, ask.pod):
            names = [c.get("name", "") for c in (pod.get("spec") or {}).get("containers") or ()]
            chosen = (meta.get("annotations") or {}).get(_DEFAULT_CONTAINER) or (names[0] if names else "")
            return replace(ask, container=chosen)
    return ask


_SELECTOR = re.compile(r"kubectl\b.*\blogs\b.*(?:-l|--selector)[ =](?P<label>[\w./-]+=[\w./-]*)")


def _selected(command: str, pods: Mapping[str, Any]) -> list[PodLog]:
    """``kubectl logs -l label``: the pods it spoke of, found in the recorded pod list."""
    found = _SELECTOR.search(command)
    if not found:
        return []
    key, _sep, value = found["label"].partition("=")
    namespace = re.search(r"(?:-n|--namespace)[ =]([\w-]+)", command)
    previous = bool(re.search(r"\s(-p|--previous)\b", command))
    logs = []
    for pod in pods.get("items") or ():
        meta = pod.get("metadata") or {}
        if (meta.get("labels") or {}).get(key) != value or (namespace and meta.get("namespace") != namespace[1]):
            continue
        if (pod.get("status") or {}).get("phase") == "Pending":
            continue
        for container in (pod.get("spec") or {}).get("containers") or ():
            logs.append(
                PodLog(meta.get("namespace", ""), meta.get("name", ""), container.get("name", ""), previous=previous)
            )
    return logs
