"""metrics.k8s.io/v1beta1, served through the aggregator."""

from __future__ import annotations

from aiohttp import web

from lab import errors
from lab.api.request import Target, world_of
from lab.api.respond import json_response, text_response
from lab.api.selection import matcher
from lab.metrics import node_metrics, pod_metrics
from lab.objects import NODES, PODS, Object

_VERSION = "metrics.k8s.io/v1beta1"


def answer(request: web.Request, target: Target) -> web.Response:
    """Lists and single objects; 503 while the APIService is not available, 404 while there is none."""
    world = world_of(request)
    available = world.services.metrics_available()
    if available is None or target.version != "v1beta1" or target.resource not in ("nodes", "pods"):
        return text_response("404 page not found\n", 404)
    if not available or world.metrics is None:
        return text_response("service unavailable\n", 503)
    kind = "NodeMetrics" if target.resource == "nodes" else "PodMetrics"
    if target.resource == "nodes":
        items = node_metrics(world, world.metrics)
    else:
        items = pod_metrics(world, world.metrics, target.namespace)
    if target.name:
        found = next((item for item in items if item["metadata"]["name"] == target.name), None)
        if found is None:
            raise errors.not_found(kind.lower(), "metrics.k8s.io", target.name)
        return json_response({"kind": kind, "apiVersion": _VERSION, **found})
    stored = NODES if target.resource == "nodes" else PODS
    match = matcher(stored, request.query.get("labelSelector", ""), "")
    body: Object = {"kind": f"{kind}List", "apiVersion": _VERSION, "metadata": {}}
    return json_response({**body, "items": [item for item in items if match(item)]})
