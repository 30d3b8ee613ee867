"""Deployments, DaemonSets, services and the rest of what a KubeEdge installation brings, as recorded on a real site."""

from __future__ import annotations

import json
from typing import Any

from lab.objects import Object, timestamp
from lab.world_settings import METRICS_IMAGE, NAT_MANAGER_IMAGE, WORKLOAD_IMAGE, Ports

_NOT_ON_EDGE = {
    "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [
                {"matchExpressions": [{"key": "node-role.kubernetes.io/edge", "operator": "DoesNotExist"}]}
            ]
        }
    }
}


def metrics_args(port: int) -> list[str]:
    """The flags of metrics-server that an edge site needs (facts 8)."""
    return [
    "--cert-dir=/tmp", f"--secure-port={port}", "--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname",
    "--kubelet-use-node-status-port", "--kubelet-insecure-tls", "--metric-resolution=15s",
]  # fmt: skip


def container(name: str, image: str, **more: Any) -> Object:
    """A container with the defaults that an API server fills in."""
    return {
        "name": name, "image": image, **more, "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File", "imagePullPolicy": "IfNotPresent",
    }  # fmt: skip


def cloudcore_deployment(ports: Ports) -> Object:
    """CloudCore as keadm's chart installs it: host network, one replica, RollingUpdate (facts 2, 11)."""
    labels = {"k8s-app": "kubeedge", "kubeedge": "cloudcore"}
    numbers = {
        "cloudhub": ports.hub, "cloudhub-quic": ports.quic, "cloudhub-https": ports.https,
        "cloudstream": ports.stream, "tunnelport": ports.tunnel,
    }  # fmt: skip
    mounts = [
        {"name": "conf", "mountPath": "/etc/kubeedge/config"},
        {"name": "certs", "mountPath": "/etc/kubeedge"},
        {"name": "sock", "mountPath": "/var/lib/kubeedge"},
        {"name": "host-time", "readOnly": True, "mountPath": "/etc/localtime"},
    ]
    core = container(
        "cloudcore", "kubeedge/cloudcore:v1.23.1",
        ports=[{"name": name, "containerPort": port, "protocol": "TCP"} for name, port in numbers.items()],
        resources={"limits": {"cpu": "200m", "memory": "1Gi"}, "requests": {"cpu": "100m", "memory": "512Mi"}},
        volumeMounts=mounts,
    )  # fmt: skip
    core["securityContext"] = {"privileged": True}
    items = [
        ("stream.crt", "certs/stream.crt"),
        ("stream.key", "certs/stream.key"),
        ("streamCA.crt", "ca/streamCA.crt"),
    ]
    volumes = [
        {"name": "conf", "configMap": {"name": "cloudcore", "defaultMode": 420}},
        {
            "name": "certs",
            "secret": {
                "secretName": "cloudcore",
                "items": [{"key": key, "path": path} for key, path in items],
                "defaultMode": 420,
            },
        },
        {"name": "sock", "hostPath": {"path": "/var/lib/kubeedge", "type": "DirectoryOrCreate"}},
        {"name": "host-time", "hostPath": {"path": "/etc/localtime", "type": ""}},
    ]
    spec = {
        "volumes": volumes, "containers": [core], "restartPolicy": "Always", "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirstWithHostNet", "serviceAccountName": "cloudcore", "serviceAccount": "cloudcore",
        "hostNetwork": True, "securityContext": {}, "affinity": _NOT_ON_EDGE, "schedulerName": "default-scheduler",
    }  # fmt: skip
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}
    helm = {"meta.helm.sh/release-name": "cloudcore", "meta.helm.sh/release-namespace": "kubeedge"}
    meta = {
        "name": "cloudcore", "namespace": "kubeedge",
        "labels": {"app.kubernetes.io/managed-by": "Helm", **labels}, "annotations": helm,
    }  # fmt: skip
    return deployment(meta, labels, spec, strategy)


def metrics_deployment(port: int) -> Object:
    """metrics-server on the host network of a cloud node, with the flags an edge site needs (facts 8)."""
    labels = {"k8s-app": "metrics-server"}

    def probe(path: str) -> Object:
        return {
            "httpGet": {"path": path, "port": "https", "scheme": "HTTPS"}, "timeoutSeconds": 1, "periodSeconds": 10,
            "successThreshold": 1, "failureThreshold": 3,
        }  # fmt: skip

    args = metrics_args(port)
    server = container(
        "metrics-server", METRICS_IMAGE, args=args,
        ports=[{"name": "https", "containerPort": port, "protocol": "TCP"}], resources={},
        livenessProbe=probe("/livez"), readinessProbe=probe("/readyz"),
    )  # fmt: skip
    spec = {
        "containers": [server], "restartPolicy": "Always", "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst", "serviceAccountName": "metrics-server", "serviceAccount": "metrics-server",
        "hostNetwork": True, "securityContext": {}, "affinity": _NOT_ON_EDGE, "schedulerName": "default-scheduler",
        "tolerations": [{"operator": "Exists"}],
    }  # fmt: skip
    meta = {"name": "metrics-server", "namespace": "kube-system", "labels": labels}
    return deployment(meta, labels, spec, {"type": "Recreate"})


def deployment(meta: Object, labels: dict[str, str], pod: Object, strategy: Object, replicas: int = 1) -> Object:
    """A Deployment without status; revision 1."""
    annotations = {"deployment.kubernetes.io/revision": "1", **meta.get("annotations", {})}
    return {
        "metadata": {**meta, "annotations": annotations},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod}, "strategy": strategy,
            "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
        },
        "status": {},
    }  # fmt: skip


def workload_daemonset(name: str, *, containers: int) -> Object:
    """A workload of the plant that runs on every edge."""
    labels = {"app": name}
    names = ("gateway", "sidecar") if containers > 1 else (name,)
    requests = {"requests": {"cpu": "10m", "memory": "8Mi"}}
    spec = {
        "containers": [container(item, WORKLOAD_IMAGE, resources=requests) for item in names],
        "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
        "nodeSelector": {"node-role.kubernetes.io/edge": ""}, "hostNetwork": True, "securityContext": {},
        "schedulerName": "default-scheduler", "tolerations": [{"operator": "Exists"}],
    }  # fmt: skip
    return {
        "metadata": {
            "name": name, "namespace": "factory", "labels": labels,
            "annotations": {"deprecated.daemonset.template.generation": "1"},
        },
        "spec": {
            "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
            "revisionHistoryLimit": 10,
        },
        "status": {},
    }  # fmt: skip


def nat_manager_daemonset() -> Object:
    """KubeEdge's manager of NAT rules as its chart renders it for external mode: on the host network, on no edge."""
    labels = {"k8s-app": "iptables-manager", "kubeedge": "iptables-manager"}
    spec = {
        "containers": [container("iptables-manager", NAT_MANAGER_IMAGE, resources={})],
        "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
        "serviceAccountName": "iptables-manager-sa", "serviceAccount": "iptables-manager-sa", "hostNetwork": True,
        "securityContext": {}, "affinity": _NOT_ON_EDGE, "schedulerName": "default-scheduler",
    }  # fmt: skip
    return {
        "metadata": {
            "name": "cloud-iptables-manager", "namespace": "kubeedge", "labels": labels,
            "annotations": {"deprecated.daemonset.template.generation": "1"},
        },
        "spec": {
            "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
            "revisionHistoryLimit": 10,
        },
        "status": {},
    }  # fmt: skip


def service(name: str, namespace: str, address: str, selector: dict[str, str], ports: list[Object]) -> Object:
    """A ClusterIP Service."""
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": selector},
        "spec": {
            "ports": ports, "selector": selector, "clusterIP": address, "clusterIPs": [address], "type": "ClusterIP",
            "sessionAffinity": "None", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
            "internalTrafficPolicy": "Cluster",
        },
        "status": {"loadBalancer": {}},
    }  # fmt: skip


def cloudcore_service(ports: Ports) -> Object:
    """The Service in front of CloudCore."""
    rows = (
        ("cloudhub", "TCP", ports.hub), ("cloudhub-quic", "UDP", ports.quic), ("cloudhub-https", "TCP", ports.https),
        ("cloudstream", "TCP", ports.stream), ("tunnelport", "TCP", ports.tunnel),
    )  # fmt: skip
    listed = [{"name": name, "protocol": proto, "port": port, "targetPort": port} for name, proto, port in rows]
    return service("cloudcore", "kubeedge", "10.43.114.60", {"k8s-app": "kubeedge", "kubeedge": "cloudcore"}, listed)


def metrics_service() -> Object:
    """The Service that the metrics APIService points at."""
    port = {"name": "https", "protocol": "TCP", "port": 443, "targetPort": "https"}
    return service("metrics-server", "kube-system", "10.43.173.66", {"k8s-app": "metrics-server"}, [port])


def metrics_api_service(now: float) -> Object:
    """APIService v1beta1.metrics.k8s.io, available."""
    return {
        "metadata": {"name": "v1beta1.metrics.k8s.io", "labels": {"k8s-app": "metrics-server"}},
        "spec": {
            "service": {"namespace": "kube-system", "name": "metrics-server", "port": 443}, "group": "metrics.k8s.io",
            "version": "v1beta1", "insecureSkipTLSVerify": True, "groupPriorityMinimum": 100, "versionPriority": 100,
        },
        "status": {"conditions": [api_service_condition("True", "Passed", "all checks passed", now)]},
    }  # fmt: skip


def api_service_condition(status: str, reason: str, message: str, now: float) -> Object:
    """The one condition an APIService has."""
    return {
        "type": "Available", "status": status, "lastTransitionTime": timestamp(now), "reason": reason,
        "message": message,
    }  # fmt: skip


def tunnel_record(entries: dict[str, int]) -> str:
    """The JSON of annotation `tunnelportrecord.kubeedge.io` (facts 1.3)."""
    record = {"ipTunnelPort": entries, "port": {str(port): True for port in entries.values()}}
    return json.dumps(record, separators=(",", ":"))


def tunnelport_configmap(entries: dict[str, int]) -> Object:
    """ConfigMap `tunnelport`: no data, all in one annotation."""
    annotations = {"tunnelportrecord.kubeedge.io": tunnel_record(entries)}
    return {"metadata": {"name": "tunnelport", "namespace": "kubeedge", "annotations": annotations}}


def kubernetes_slice(address: str, port: int) -> Object:
    """The EndpointSlice by which the API servers are found."""
    labels = {"kubernetes.io/service-name": "kubernetes"}
    return {
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "protocol": "TCP", "port": port}],
    }


def metrics_slice(service_uid: str) -> Object:
    """The EndpointSlice of metrics-server, without endpoints yet."""
    owner = {
        "apiVersion": "v1", "kind": "Service", "name": "metrics-server", "uid": service_uid, "controller": True,
        "blockOwnerDeletion": True,
    }  # fmt: skip
    labels = {
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io", "k8s-app": "metrics-server",
        "kubernetes.io/service-name": "metrics-server",
    }  # fmt: skip
    return {
        "metadata": {
            "generateName": "metrics-server-", "namespace": "kube-system", "labels": labels,
            "ownerReferences": [owner],
        },
        "addressType": "IPv4", "endpoints": None, "ports": None,
    }  # fmt: skip
