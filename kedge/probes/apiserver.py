"""The API server: version, and the machines it runs on."""

from __future__ import annotations

from kedge import k8s
from kedge.asks import Api
from kedge.facts.apiserver import ApiServer
from kedge.facts.inventory import ApiEndpoints
from kedge.links.base import Access
from kedge.model import Observation
from kedge.plugins import probe
from kedge.probes._objects import fetched, listed, objects, one


@probe(volatile=True)
def api_server() -> Api:
    """``/version`` is open to everybody who may reach the server."""
    return fetched("/version", k8s.Version, Access("get", "", "/version"))


@api_server.parse
def read_version(seen: Observation) -> ApiServer:
    version: k8s.Version = one(seen, k8s.Version)
    return ApiServer(version.git_version, version.platform, seen.seconds, seen.address)


@probe()
def api_endpoints() -> Api:
    """EndpointSlice default/kubernetes: where API servers run."""
    path = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
    return listed(path, k8s.EndpointSlice, "discovery.k8s.io", "endpointslices", "default")


@api_endpoints.parse
def read_api_endpoints(seen: Observation) -> ApiEndpoints:
    slices: tuple[k8s.EndpointSlice, ...] = objects(seen, k8s.EndpointSlice)
    addresses = [
        address
        for piece in slices
        if (piece.metadata.labels or {}).get("kubernetes.io/service-name", piece.metadata.name) == "kubernetes"
        for endpoint in piece.endpoints or ()
        for address in endpoint.addresses or ()
    ]
    return ApiEndpoints(tuple(dict.fromkeys(addresses)))
