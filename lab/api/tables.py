"""`kubectl get` asks for tables: columns of the kinds that people look at; everything else stays a list."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from aiohttp import web

from lab.api.request import Target, world_of
from lab.api.respond import json_response
from lab.objects import Object

Cell = Callable[[Object, float], Any]


def wrap(request: web.Request, target: Target, response: web.Response) -> web.Response:
    """The answer as a Table if the client prefers one and this kind has columns."""
    wanted = "as=Table" in request.headers.get("Accept", "")
    if not wanted or request.method != "GET" or response.status != 200 or target.subresource:
        return response
    columns = _COLUMNS.get(target.resource, _DEFAULT)
    if not isinstance(response.body, bytes):
        return response
    body = json.loads(response.body)
    now = world_of(request).clock()
    items = body.get("items", [body])
    rows = [{"cells": [cell(item, now) for _, cell, _ in columns], "object": _partial(item)} for item in items]
    table = {
        "kind": "Table", "apiVersion": "meta.k8s.io/v1",
        "metadata": body["metadata"] if "items" in body else {"resourceVersion": body["metadata"]["resourceVersion"]},
        "columnDefinitions": [
            {
                "name": name, "type": "string", "format": "name" if name == "Name" else "", "description": "",
                "priority": priority,
            }
            for name, _, priority in columns
        ],
        "rows": rows,
    }  # fmt: skip
    return json_response(table)


def _partial(item: Object) -> Object:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]}


def _name(item: Object, now: float) -> str:
    return str(item["metadata"]["name"])


def _age(item: Object, now: float) -> str:
    return duration(now - datetime.fromisoformat(item["metadata"]["creationTimestamp"]).timestamp())


def duration(seconds: float) -> str:
    """A duration as kubectl shortens it."""
    whole = max(0, int(seconds))
    if whole < 120:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 10:
        return f"{minutes}m{rest}s" if rest else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    hours, minutes = divmod(minutes, 60)
    if hours < 8:
        return f"{hours}h{minutes}m" if minutes else f"{hours}h"
    return f"{hours}h" if hours < 48 else f"{hours // 24}d"


def _node_status(item: Object, now: float) -> str:
    ready = next((c["status"] for c in item["status"].get("conditions", ()) if c["type"] == "Ready"), "Unknown")
    words = ["Ready" if ready == "True" else "NotReady"]
    if item["spec"].get("unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def _roles(item: Object, now: float) -> str:
    prefix = "node-role.kubernetes.io/"
    found = sorted(key.removeprefix(prefix) for key in item["metadata"].get("labels", {}) if key.startswith(prefix))
    return ",".join(found) or "<none>"


def _address(type_: str) -> Cell:
    def cell(item: Object, now: float) -> str:
        entries = item["status"].get("addresses", ())
        return next((str(e["address"]) for e in entries if e["type"] == type_), "<none>")

    return cell


def _info(field: str) -> Cell:
    return lambda item, now: item["status"].get("nodeInfo", {}).get(field, "<unknown>")


def _kernel(item: Object, now: float) -> str:
    info = item["status"]["nodeInfo"]
    return f"{info['kernelVersion']} ({info['architecture']})"


def _pod_ready(item: Object, now: float) -> str:
    states = item["status"].get("containerStatuses", ())
    return f"{sum(1 for state in states if state['ready'])}/{len(item['spec']['containers'])}"


def _pod_status(item: Object, now: float) -> str:
    if "deletionTimestamp" in item["metadata"]:
        return "Terminating"
    for state in item["status"].get("containerStatuses", ()):
        reason = state["state"].get("waiting", {}).get("reason")
        if reason:
            return str(reason)
    return str(item["status"].get("phase", "Unknown"))


def _restarts(item: Object, now: float) -> str:
    return str(sum(state["restartCount"] for state in item["status"].get("containerStatuses", ())))


def _field(*path: str, default: Any = "<none>") -> Cell:
    def cell(item: Object, now: float) -> Any:
        found: Any = item
        for step in path:
            found = found.get(step) if isinstance(found, dict) else None
        return default if found is None else found

    return cell


def _deployment_ready(item: Object, now: float) -> str:
    return f"{item['status'].get('readyReplicas', 0)}/{item['spec']['replicas']}"


def _selector(item: Object, now: float) -> str:
    chosen = item["spec"].get("nodeSelector") or item["spec"]["template"]["spec"].get("nodeSelector") or {}
    return ",".join(f"{key}={value}" for key, value in chosen.items()) or "<none>"


def _api_service_target(item: Object, now: float) -> str:
    service = item["spec"].get("service")
    return f"{service['namespace']}/{service['name']}" if service else "Local"


def _api_service_available(item: Object, now: float) -> str:
    for condition in item.get("status", {}).get("conditions", ()):
        if condition["type"] == "Available":
            status = str(condition["status"])
            return status if status == "True" else f"{status} ({condition['reason']})"
    return "Unknown"


def _service_ports(item: Object, now: float) -> str:
    return ",".join(f"{port['port']}/{port['protocol']}" for port in item["spec"].get("ports", ())) or "<none>"


def _last_seen(item: Object, now: float) -> str:
    stamp = item.get("lastTimestamp") or item["metadata"]["creationTimestamp"]
    return duration(now - datetime.fromisoformat(stamp).timestamp())


def _event_object(item: Object, now: float) -> str:
    about = item["involvedObject"]
    return f"{about['kind'].lower()}/{about['name']}"


Columns = tuple[tuple[str, Cell, int], ...]
_DEFAULT: Columns = (("Name", _name, 0), ("Age", _age, 0))
_COLUMNS: dict[str, Columns] = {
    "nodes": (
        ("Name", _name, 0), ("Status", _node_status, 0), ("Roles", _roles, 0), ("Age", _age, 0),
        ("Version", _info("kubeletVersion"), 0), ("Internal-IP", _address("InternalIP"), 1),
        ("External-IP", _address("ExternalIP"), 1), ("OS-Image", _info("osImage"), 1), ("Kernel-Version", _kernel, 1),
        ("Container-Runtime", _info("containerRuntimeVersion"), 1),
    ),
    "pods": (
        ("Name", _name, 0), ("Ready", _pod_ready, 0), ("Status", _pod_status, 0), ("Restarts", _restarts, 0),
        ("Age", _age, 0), ("IP", _field("status", "podIP"), 1), ("Node", _field("spec", "nodeName"), 1),
        ("Nominated Node", _field("status", "nominatedNodeName"), 1), ("Readiness Gates", _field("none"), 1),
    ),
    "deployments": (
        ("Name", _name, 0), ("Ready", _deployment_ready, 0),
        ("Up-to-date", _field("status", "updatedReplicas", default=0), 0),
        ("Available", _field("status", "availableReplicas", default=0), 0), ("Age", _age, 0),
    ),
    "replicasets": (
        ("Name", _name, 0), ("Desired", _field("spec", "replicas", default=0), 0),
        ("Current", _field("status", "replicas", default=0), 0),
        ("Ready", _field("status", "readyReplicas", default=0), 0), ("Age", _age, 0),
    ),
    "daemonsets": (
        ("Name", _name, 0), ("Desired", _field("status", "desiredNumberScheduled", default=0), 0),
        ("Current", _field("status", "currentNumberScheduled", default=0), 0),
        ("Ready", _field("status", "numberReady", default=0), 0),
        ("Up-to-date", _field("status", "updatedNumberScheduled", default=0), 0),
        ("Available", _field("status", "numberAvailable", default=0), 0), ("Node Selector", _selector, 0),
        ("Age", _age, 0),
    ),
    "configmaps": (
        ("Name", _name, 0), ("Data", lambda item, now: len(item.get("data") or {}), 0), ("Age", _age, 0),
    ),
    "services": (
        ("Name", _name, 0), ("Type", _field("spec", "type"), 0), ("Cluster-IP", _field("spec", "clusterIP"), 0),
        ("External-IP", _field("none"), 0), ("Port(s)", _service_ports, 0), ("Age", _age, 0),
    ),
    "apiservices": (
        ("Name", _name, 0), ("Service", _api_service_target, 0), ("Available", _api_service_available, 0),
        ("Age", _age, 0),
    ),
    "leases": (("Name", _name, 0), ("Holder", _field("spec", "holderIdentity"), 0), ("Age", _age, 0)),
    "namespaces": (("Name", _name, 0), ("Status", _field("status", "phase"), 0), ("Age", _age, 0)),
    "events": (
        ("Last Seen", _last_seen, 0), ("Type", _field("type"), 0), ("Reason", _field("reason"), 0),
        ("Object", _event_object, 0), ("Message", _field("message"), 0),
    ),
}  # fmt: skip
