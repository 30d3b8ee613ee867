"""What stands in front of metrics-server: its EndpointSlice and the APIService."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.objects import API_SERVICES, ENDPOINT_SLICES, PODS, SERVICES, Object, timestamp
from lab.objects_pods import is_ready
from lab.objects_workloads import api_service_condition, metrics_slice

if TYPE_CHECKING:
    from lab.world import World

METRICS_API = "v1beta1.metrics.k8s.io"
_MANAGER = "kube-controller-manager"


class Services:
    """Keeps both in step with the pods; cheap enough to run at every tick."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen = -1

    def step(self) -> None:
        """Write what changed."""
        revision = self._world.store.revision
        if revision == self._seen:
            return
        self._slice()
        self._api_service()
        self._seen = self._world.store.revision

    def metrics_pods(self) -> list[Object]:
        """The pods behind Service metrics-server."""
        pods = self._world.store.list(PODS, "kube-system")
        return [pod for pod in pods if pod["metadata"].get("labels", {}).get("k8s-app") == "metrics-server"]

    def _slice(self) -> None:
        world = self._world
        slices = world.store.list(ENDPOINT_SLICES, "kube-system")
        mine = [s for s in slices if s["metadata"]["labels"].get("kubernetes.io/service-name") == "metrics-server"]
        service = world.store.find(SERVICES, "kube-system", "metrics-server")
        if service is None:
            for orphan in mine:
                world.store.delete(ENDPOINT_SLICES, "kube-system", orphan["metadata"]["name"])
            return
        if not mine:
            mine = [world.store.create(ENDPOINT_SLICES, metrics_slice(service["metadata"]["uid"]), _MANAGER)]
        ready = [pod for pod in self.metrics_pods() if "podIP" in pod["status"] and is_ready(pod)]
        endpoints = [_endpoint(pod) for pod in ready]
        wanted: Object = {
            "endpoints": endpoints or None,
            "ports": [{"name": "https", "protocol": "TCP", "port": _https_port(ready[0])}] if ready else None,
        }
        if {key: mine[0].get(key) for key in wanted} == wanted:
            return
        stamp = timestamp(world.clock())

        def edit(draft: Object) -> None:
            draft.update(wanted)
            key = "endpoints.kubernetes.io/last-change-trigger-time"
            draft["metadata"].setdefault("annotations", {})[key] = stamp

        world.store.change(ENDPOINT_SLICES, "kube-system", mine[0]["metadata"]["name"], edit, _MANAGER)

    def _api_service(self) -> None:
        world = self._world
        api_service = world.store.find(API_SERVICES, "", METRICS_API)
        if api_service is None or "service" not in api_service["spec"]:
            return
        target = api_service["spec"]["service"]
        name, namespace = target["name"], target["namespace"]
        slices = world.store.list(ENDPOINT_SLICES, namespace)
        mine = [s for s in slices if s["metadata"]["labels"].get("kubernetes.io/service-name") == name]
        if world.store.find(SERVICES, namespace, name) is None:
            wanted = ("False", "ServiceNotFound", f'service/{name} in "{namespace}" is not present')
        elif not any(s.get("endpoints") for s in mine):
            text = f'endpointslices for service/{name} in "{namespace}" have no addresses with port name "https"'
            wanted = ("False", "MissingEndpoints", text)
        else:
            wanted = ("True", "Passed", "all checks passed")
        old = (api_service.get("status", {}).get("conditions") or [{}])[0]
        if (old.get("status"), old.get("reason"), old.get("message")) == wanted:
            return
        condition = api_service_condition(*wanted, world.clock())
        if old.get("status") == wanted[0]:
            condition["lastTransitionTime"] = old["lastTransitionTime"]
        status = {"conditions": [condition]}
        world.store.put(API_SERVICES, "", METRICS_API, "kube-apiserver", status=status)

    def metrics_available(self) -> bool | None:
        """Whether metrics.k8s.io is served: None if the APIService does not exist."""
        api_service = self._world.store.find(API_SERVICES, "", METRICS_API)
        if api_service is None:
            return None
        conditions = api_service.get("status", {}).get("conditions", ())
        return any(c["type"] == "Available" and c["status"] == "True" for c in conditions)


def _https_port(pod: Object) -> int:
    ports = [port for item in pod["spec"]["containers"] for port in item.get("ports", ())]
    return next((int(port["containerPort"]) for port in ports if port.get("name") == "https"), 4443)


def _endpoint(pod: Object) -> Object:
    meta = pod["metadata"]
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": True, "serving": True, "terminating": False},
        "targetRef": {"kind": "Pod", "namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]},
        "nodeName": pod["spec"]["nodeName"],
    }
