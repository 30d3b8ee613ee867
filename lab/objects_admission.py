"""What an API server does to new objects: defaults, admission, validation of what the practice site's users change."""

from __future__ import annotations

from typing import Any

from lab import errors
from lab.objects import API_SERVICES, CONFIGMAPS, DAEMONSETS, DEPLOYMENTS, PODS, SERVICES, Kind, Object, clone
from lab.objects_pods import admit, pending_status

_POD_DEFAULTS: dict[str, Any] = {
    "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
    "serviceAccountName": "default", "serviceAccount": "default", "securityContext": {},
    "schedulerName": "default-scheduler",
}  # fmt: skip


def admit_new(kind: Kind, obj: Object, volume_suffix: str) -> Object:
    """A copy of a new object with everything that a server fills in."""
    obj = clone(obj)
    meta = obj["metadata"]
    for field in ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"):
        meta.pop(field, None)
    if kind is PODS:
        _require_containers(kind, obj, obj.get("spec") or {}, "spec")
        _pod_defaults(obj["spec"])
        obj["spec"] = admit(obj["spec"], volume_suffix)
        obj["status"] = pending_status(obj["spec"])
    elif kind in (DEPLOYMENTS, DAEMONSETS):
        _workload_defaults(kind, obj)
    elif kind is SERVICES:
        _service_defaults(obj["spec"])
        obj["status"] = {"loadBalancer": {}}
    elif kind is API_SERVICES:
        obj["spec"].get("service", {}).setdefault("port", 443)
        obj["status"] = {}
    return obj


def _pod_defaults(spec: Object) -> None:
    for key, value in _POD_DEFAULTS.items():
        spec.setdefault(key, clone(value))
    for item in spec["containers"]:
        item.setdefault("resources", {})
        item.setdefault("terminationMessagePath", "/dev/termination-log")
        item.setdefault("terminationMessagePolicy", "File")
        latest = ":" not in item["image"].rpartition("/")[2] or item["image"].endswith(":latest")
        item.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")


def _workload_defaults(kind: Kind, obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    template = spec.setdefault("template", {})
    template.setdefault("metadata", {})
    _require_containers(kind, obj, template.get("spec") or {}, "spec.template.spec")
    _pod_defaults(template["spec"])
    obj["metadata"].setdefault("annotations", {})
    obj["status"] = {}
    spec.setdefault("revisionHistoryLimit", 10)
    if kind is DEPLOYMENTS:
        spec.setdefault("replicas", 1)
        spec.setdefault("progressDeadlineSeconds", 600)
        strategy = spec.setdefault("strategy", {"type": "RollingUpdate"})
        if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
            strategy.setdefault("rollingUpdate", {"maxUnavailable": "25%", "maxSurge": "25%"})


def _service_defaults(spec: Object) -> None:
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("clusterIP", "10.43.173.66")
    spec.setdefault("clusterIPs", [spec["clusterIP"]])
    spec.setdefault("sessionAffinity", "None")
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    spec.setdefault("internalTrafficPolicy", "Cluster")
    for port in spec.get("ports", ()):
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port["port"])


def _require_containers(kind: Kind, obj: Object, spec: Object, where: str) -> None:
    name = obj["metadata"].get("name", "")
    containers = spec.get("containers")
    if not containers:
        raise errors.invalid(kind.kind, kind.group, name, [(f"{where}.containers", "Required value")])
    for number, item in enumerate(containers):
        for field in ("name", "image"):
            if not item.get(field):
                raise errors.invalid(
                    kind.kind, kind.group, name, [(f"{where}.containers[{number}].{field}", "Required value")]
                )


def check(kind: Kind, obj: Object) -> None:
    """Validate what people change here. Raises 422 with the server's wording."""
    name = obj["metadata"].get("name", "")
    if kind is DEPLOYMENTS:
        replicas = obj["spec"].get("replicas", 1)
        if not isinstance(replicas, int) or isinstance(replicas, bool) or replicas < 0:
            message = f"Invalid value: {replicas}: must be greater than or equal to 0"
            raise errors.invalid(kind.kind, kind.group, name, [("spec.replicas", message)])
    if kind in (DEPLOYMENTS, DAEMONSETS):
        template = obj["spec"]["template"]
        _require_containers(kind, obj, template.get("spec") or {}, "spec.template.spec")
        wanted = obj["spec"]["selector"].get("matchLabels", {})
        labels = template.get("metadata", {}).get("labels") or {}
        if any(labels.get(key) != value for key, value in wanted.items()):
            message = f"Invalid value: {labels}: `selector` does not match template `labels`"
            raise errors.invalid(kind.kind, kind.group, name, [("spec.template.metadata.labels", message)])
    if kind is CONFIGMAPS:
        for key, value in (obj.get("data") or {}).items():
            if not isinstance(value, str):
                raise errors.bad_request(
                    f'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal value of '
                    f"data.{key} into Go struct field ConfigMap.data of type string"
                )
