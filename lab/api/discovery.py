"""/version, /healthz, /api, /apis and the resource lists below them."""

from __future__ import annotations

from aiohttp import web

from lab.api.respond import json_response, text_response
from lab.objects import KINDS, Kind, Object
from lab.world import World
from lab.world_settings import CLOUD_ADDRESS

VERSION = {
    "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36", "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35", "gitVersion": "v1.36.2", "gitCommit": "1e8b8a3c8f9b5d2a7c6e4f0d1b3a5968c7d2e4f1",
    "gitTreeState": "clean", "buildDate": "2026-10-14T12:00:00Z", "goVersion": "go1.26.6", "compiler": "gc",
    "platform": "linux/amd64",
}  # fmt: skip

_SUBRESOURCES = {
    "nodes": (("proxy", "NodeProxyOptions", ("get",)), ("status", "Node", ("get", "patch", "update"))),
    "pods": (
        ("exec", "PodExecOptions", ("create", "get")), ("log", "Pod", ("get",)),
        ("status", "Pod", ("get", "patch", "update")),
    ),
    "deployments": (
        ("scale", "Scale", ("get", "patch", "update")), ("status", "Deployment", ("get", "patch", "update")),
    ),
}  # fmt: skip
_REVIEWS = {
    "authorization.k8s.io": (("selfsubjectaccessreviews", "SelfSubjectAccessReview"),),
    "authentication.k8s.io": (("selfsubjectreviews", "SelfSubjectReview"),),
}
_METRICS = (("nodes", "NodeMetrics", False), ("pods", "PodMetrics", True))


def answer(path: str, world: World) -> web.Response:
    """GET of a path that names no resource."""
    parts = [part for part in path.split("/") if part]
    if parts == ["version"]:
        return json_response(VERSION)
    if parts[:1] in (["healthz"], ["livez"], ["readyz"]):
        return text_response("ok")
    if parts == ["api"]:
        addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": f"{CLOUD_ADDRESS}:{world.ports.api}"}]
        return json_response({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses})
    if parts == ["apis"]:
        groups = [_group(name, version) for name, version in _groups(world)]
        return json_response({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
    if parts == ["api", "v1"]:
        return json_response(_resource_list("", "v1"))
    if parts[:1] == ["apis"] and len(parts) == 3:
        return _group_version(parts[1], parts[2], world)
    if parts[:1] == ["apis"] and len(parts) == 2 and parts[1] in dict(_groups(world)):
        return json_response(
            {"kind": "APIGroup", "apiVersion": "v1", **_group(parts[1], dict(_groups(world))[parts[1]])}
        )
    return text_response("404 page not found\n", 404)


def _groups(world: World) -> list[tuple[str, str]]:
    groups = {kind.group: kind.version for kind in KINDS if kind.group} | dict.fromkeys(_REVIEWS, "v1")
    if world.services.metrics_available():
        groups["metrics.k8s.io"] = "v1beta1"
    return list(groups.items())


def _group(name: str, version: str) -> Object:
    offered = {"groupVersion": f"{name}/{version}", "version": version}
    return {"name": name, "versions": [offered], "preferredVersion": offered}


def _group_version(group: str, version: str, world: World) -> web.Response:
    if group == "metrics.k8s.io" and version == "v1beta1":
        available = world.services.metrics_available()
        if available is None:
            return text_response("404 page not found\n", 404)
        if not available:
            return text_response("service unavailable\n", 503)
    elif (group, version) not in _groups(world):
        return text_response("404 page not found\n", 404)
    return json_response(_resource_list(group, version))


def _resource_list(group: str, version: str) -> Object:
    resources: list[Object] = []
    for kind in KINDS:
        if (kind.group, kind.version) == (group, version):
            resources += _entries(kind)
    if group == "metrics.k8s.io":
        resources = [
            {"name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": ["get", "list"]}
            for name, kind, namespaced in _METRICS
        ]
    for name, kind_name in _REVIEWS.get(group, ()):
        entry = {"name": name, "singularName": kind_name.lower(), "namespaced": False, "kind": kind_name}
        resources.append({**entry, "verbs": ["create"]})
    name = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": resources}


def _entries(kind: Kind) -> list[Object]:
    entry: Object = {
        "name": kind.plural, "singularName": kind.kind.lower(), "namespaced": kind.namespaced, "kind": kind.kind,
        "verbs": list(kind.verbs),
    }  # fmt: skip
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    entries = [entry]
    for name, sub_kind, verbs in _SUBRESOURCES.get(kind.plural, ()):
        sub: Object = {"name": f"{kind.plural}/{name}", "singularName": "", "namespaced": kind.namespaced}
        if sub_kind == "Scale":
            sub |= {"group": "autoscaling", "version": "v1"}
        entries.append({**sub, "kind": sub_kind, "verbs": list(verbs)})
    return entries
