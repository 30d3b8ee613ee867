"""Reads a recorded site (``api/*.json``, ``host-NAME.json``, ``kubectl.json``) into observations.

The layout is an import format: hosts and files may be others than those known here; what no
ask asks for is left aside, what was not recorded stays ``unknown: not recorded``, and a file that is broken takes
nothing away but itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kedge import k8s
from kedge.asks import Api, Ask, Clock, File, Nat, PodExec, PodLog, Service, Sockets, recognise, recognise_kubectl
from kedge.i18n import Text, _
from kedge.model import HostPaths, Observation, Reason, Role, Unknown
from kedge.probes.answers import epoch_time
from kedge.sources.base import KUBERNETES, NoSource, Source
from kedge.sources.mask import masked
from kedge.sources.replay import ReplaySource


class RecordingError(Exception):
    """A recording cannot be read; carries the sentence with the file."""

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded site: what Kubernetes and each host answered.

    Attributes:
        problems: sentences about files that could not be read; the rest is judged all the same.
        roles: what each recorded host seems to be, by what it was asked and said; for where Kubernetes does not tell.
        nodes: names of the nodes that Kubernetes lists.
    """

    name: str
    kubernetes: ReplaySource
    hosts: Mapping[str, Source]
    recorded: datetime | None = None
    problems: tuple[Text, ...] = ()
    roles: Mapping[str, tuple[Role, ...]] = field(default_factory=dict)
    nodes: frozenset[str] = frozenset()


Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Files:
    """The content of a recording's files, as JSON gave it.

    Attributes:
        api: by the name of the file under ``api/``. hosts: the rows of ``host-NAME.json`` by NAME.
        broken: why a file could not be read, by its path in the folder.
    """

    api: Mapping[str, Any] = field(default_factory=dict)
    hosts: Mapping[str, Rows] = field(default_factory=dict)
    kubectl: Rows = ()
    meta: Mapping[str, Any] = field(default_factory=dict)
    broken: Mapping[str, Text] = field(default_factory=dict)


def open_recording(directory: Path) -> Recording:
    """Read a folder; raises RecordingError when there is nothing in it that can be used."""
    if not directory.is_dir():
        raise RecordingError(_("{folder} is not a folder").format(folder=directory))
    return recording_of(read_files(directory), directory.name)


def read_files(directory: Path) -> Files:
    """Everything in the folder that belongs to a recording; raises RecordingError when nothing can be used."""
    broken: dict[str, Text] = {}
    hosts = {
        path.stem.removeprefix("host-"): _rows(directory, path, broken)
        for path in sorted(directory.glob("host-*.json"))
    }
    api = {path.stem: _object(directory, path, broken) for path in sorted((directory / "api").glob("*.json"))}
    api = {name: body for name, body in api.items() if body}
    kubectl = _rows(directory, directory / "kubectl.json", broken)
    if not any(hosts.values()) and not api and not kubectl:
        if broken:
            raise RecordingError(next(iter(broken.values())))
        raise RecordingError(
            _("{folder} holds no recording: no api/*.json, host-*.json or kubectl.json").format(folder=directory)
        )
    return Files(api, hosts, kubectl, _object(directory, directory / "meta.json", broken), broken)


def recording_of(files: Files, name: str) -> Recording:
    """The recorded site that some files hold. ``name``: what it is called when its meta.json does not say."""
    told = {host: tuple(_host(host, rows)) for host, rows in files.hosts.items()}
    hosts: dict[str, Source] = {host: ReplaySource(host, seen) for host, seen in told.items()}
    for path, why in files.broken.items():
        if path.startswith("host-"):
            host = path.removeprefix("host-").removesuffix(".json")
            hosts[host] = NoSource(host, Unknown(Reason.NOT_RECORDED, why))
    unread = [
        Observation(Api(known), KUBERNETES, f"GET {known}", error=Unknown(Reason.NOT_RECORDED, why))
        for path, why in files.broken.items()
        if path.startswith("api/") and (known := _path(path.removeprefix("api/").removesuffix(".json")))
    ]
    pods: tuple[k8s.Pod, ...] = _decoded(files.api.get("pods") or {}, k8s.Pod)
    return Recording(
        name=str(files.meta.get("scenario") or name),
        kubernetes=ReplaySource(KUBERNETES, [*unread, *_api(files.api), *_kubectl(files.kubectl, pods)]),
        hosts=hosts,
        recorded=_time(files.meta.get("recorded")),
        problems=tuple(files.broken.values()),
        roles={host: tuple(_roles(seen)) for host, seen in told.items()},
        nodes=frozenset(node.metadata.name for node in _decoded(files.api.get("nodes") or {}, k8s.Node)),
    )


def _object(directory: Path, path: Path, broken: dict[str, Text]) -> Mapping[str, Any]:
    found = _read(directory, path, broken)
    if not found and path.exists():
        broken.setdefault(path.relative_to(directory).as_posix(), _("{file} holds no answer").format(file=path))
    return found if isinstance(found, dict) else {}


def _rows(directory: Path, path: Path, broken: dict[str, Text]) -> Rows:
    found = _read(directory, path, broken)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _read(directory: Path, path: Path, broken: dict[str, Text]) -> Any:
    """What a file holds, None when it is absent or cannot be read; then ``broken`` says why."""
    name = path.relative_to(directory).as_posix()
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        broken[name] = _("{file} cannot be read: {error}").format(file=path, error=error)
    except (ValueError, RecursionError) as error:
        broken[name] = _("{file} is not valid JSON: {error}").format(file=path, error=error)
    return None


# ----------------------------------------------------------------------------------------------------- hosts


def _host(name: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[Observation]:
    """A host's rows, dated by its own clock: its ``date`` row, then as the seconds went by."""
    now: datetime | None = None
    for row in rows:
        ask = recognise(str(row.get("cmd", "")))
        if isinstance(ask, Clock):
            now = epoch_time(str(row.get("out") or "").strip()) or now
        if ask is not None:
            yield _row(ask, name, row, now, ask.secrets())
        if now is not None:
            now += timedelta(seconds=_seconds(row))


def _roles(told: Sequence[Observation]) -> Iterator[Role]:
    """What a host is, by its own answers alone."""
    good = [seen for seen in told if seen.exit_code == 0]
    if any(seen.ask == Service("edgecore") or seen.ask == File(HostPaths().edgecore_config) for seen in good):
        yield Role.EDGE
    if any(isinstance(seen.ask, Nat) for seen in good):
        yield Role.APISERVER
    if any(seen.ask == Sockets("listening") and '"cloudcore"' in seen.stdout for seen in good):
        yield Role.CLOUDCORE


def _row(ask: Any, source: str, row: Mapping[str, Any], at: datetime | None, secrets: Sequence[str]) -> Observation:
    return Observation(
        ask=ask,
        source=source,
        what=str(row.get("cmd", "")),
        at=at,
        seconds=_seconds(row),
        exit_code=rc if isinstance(rc := row.get("rc"), int) else None,
        stdout=masked(str(row.get("out") or ""), secrets),
        stderr=masked(str(row.get("err") or ""), secrets),
    )


def _seconds(row: Mapping[str, Any]) -> float:
    """How long it took; 0 for what is no such number."""
    took = row.get("seconds")
    return float(took) if isinstance(took, int | float) and 0 <= took < _LONGEST else 0.0


_LONGEST = 86_400.0

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
        (str(one.get("kind")), *_place(one)): one
        for one in bodies.values()
        if isinstance(one, dict) and isinstance(one.get("metadata"), dict) and one["metadata"].get("managedFields")
    }
    items = body.get("items")
    if not copies or not isinstance(items, list):
        return body
    kind = str(body.get("kind", "")).removesuffix("List")
    return {**body, "items": [copies.get((kind, *_place(item)), item) for item in items]}


def _place(item: Any) -> tuple[Any, Any]:
    """(namespace, name) of an object; Nones for what is none."""
    meta = item.get("metadata") if isinstance(item, dict) else None
    return (str(meta.get("namespace")), str(meta.get("name"))) if isinstance(meta, dict) else (None, None)


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
    """The newest timestamp in an answer: the nearest thing to the server's clock that it holds.

    A build date of the epoch, as of a reproducible build, tells nothing of it.
    """
    return max((t for t in map(_time, _STAMP.findall(text)) if t and t.year > _EPOCH_YEAR), default=None)


_EPOCH_YEAR = 1970


def _time(text: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text).replace("Z", "+00:00")) if text else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found


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


def _kubectl(rows: Rows, pods: Sequence[k8s.Pod]) -> Iterator[Observation]:
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


def _with_container(ask: Ask, pods: Sequence[k8s.Pod]) -> Ask:
    """A kubectl command that named no container asked the pod's default one: the annotated, else the first."""
    if not isinstance(ask, PodLog | PodExec) or ask.container:
        return ask
    for pod in pods:
        meta = pod.metadata
        if (meta.namespace, meta.name) == (ask.namespace, ask.pod):
            names = [one.name for one in pod.spec.containers or ()]
            chosen = (meta.annotations or {}).get(_DEFAULT_CONTAINER) or (names[0] if names else "")
            return replace(ask, container=chosen)
    return ask


def _decoded(listed: Mapping[str, Any], of: Any) -> tuple[Any, ...]:
    """The objects of a recorded list; none when it is not one."""
    try:
        return k8s.decode_list(json.dumps(listed).encode(), of)[0] if listed.get("items") else ()
    except k8s.DecodeError:
        return ()


_SELECTOR = re.compile(r"kubectl\b.*\blogs\b.*(?:-l|--selector)[ =](?P<label>[\w./-]+=[\w./-]*)")


def _selected(command: str, pods: Sequence[k8s.Pod]) -> list[PodLog]:
    """``kubectl logs -l label``: the pods it spoke of, found in the recorded pod list."""
    found = _SELECTOR.search(command)
    if not found:
        return []
    key, _sep, value = found["label"].partition("=")
    namespace = re.search(r"(?:-n|--namespace)[ =]([\w-]+)", command)
    previous = bool(re.search(r"\s(-p|--previous)\b", command))
    return [
        PodLog(pod.metadata.namespace, pod.metadata.name, container.name, previous=previous)
        for pod in pods
        if (pod.metadata.labels or {}).get(key) == value
        and (namespace is None or pod.metadata.namespace == namespace[1])
        and pod.status.phase != "Pending"
        for container in pod.spec.containers or ()
    ]
