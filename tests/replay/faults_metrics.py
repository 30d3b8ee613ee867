"""What goes wrong behind ``kubectl top``: Metrics Server, the APIService, and their place on the site."""

from __future__ import annotations

from typing import Any

from tests.replay.recorded import CLOUD, EDGES, Change, Recorded

UNAVAILABLE = "Error from server (ServiceUnavailable): the server is currently unable to handle the request"


def unavailable(reason: str, message: str) -> Change:
    """The APIService is not available, for this reason; nobody gets numbers."""

    def change(rec: Recorded) -> None:
        status = rec.api["apiservices-metrics"]["status"]["conditions"][0]
        status.update(status="False", reason=reason, message=message, lastTransitionTime="2026-11-22T09:41:00Z")
        rec.refuse("metrics-nodes", UNAVAILABLE)
        rec.refuse("metrics-pods", UNAVAILABLE)

    return change


def no_endpoints(rec: Recorded) -> None:
    """The Service has no ready address."""
    for one in rec.items("endpointslices-kube-system"):
        if one["metadata"]["name"].startswith("metrics-server"):
            for endpoint in one.get("endpoints") or ():
                endpoint["conditions"] = {"ready": False, "serving": False, "terminating": False}
    message = 'endpointslices for service/metrics-server in "kube-system" have no addresses with port name "https"'
    unavailable("MissingEndpoints", message)(rec)


def scaled_to_zero(rec: Recorded) -> None:
    """``kubectl scale deployment/metrics-server --replicas=0``."""
    rec.item("deployments", "metrics-server")["spec"]["replicas"] = 0
    rec.without("pods", "metrics-server")
    rec.items("endpointslices-kube-system")[0]["endpoints"] = None
    no_endpoints(rec)


def args(*wanted: str, without: tuple[str, ...] = ()) -> Change:
    """Flags of Metrics Server's Deployment and pod."""

    def change(rec: Recorded) -> None:
        for listed in ("deployments", "pods"):
            spec: Any = rec.item(listed, "metrics-server")["spec"]
            container = (spec["template"]["spec"] if listed == "deployments" else spec)["containers"][0]
            container["args"] = [a for a in container["args"] if not a.startswith(without or ("\0",))] + list(wanted)

    return change


def image(name: str) -> Change:
    """The image that the Deployment names and the node has."""

    def change(rec: Recorded) -> None:
        for listed in ("deployments", "pods"):
            spec: Any = rec.item(listed, "metrics-server")["spec"]
            container = (spec["template"]["spec"] if listed == "deployments" else spec)["containers"][0]
            old, container["image"] = container["image"], name
        rec.replace(CLOUD, "ctr -n k8s.io images ls -q", old, name)

    return change


def crashing(log: str, *, image_there: bool = True) -> Change:
    """Metrics Server ends right after every start."""

    def change(rec: Recorded) -> None:
        status = rec.item("pods", "metrics-server")["status"]
        for one in status["conditions"]:
            if one["type"] in ("Ready", "ContainersReady"):
                one["status"] = "False"
        waiting = {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container=metrics-server"}
        status["containerStatuses"][0].update(
            ready=False,
            restartCount=6,
            state={"waiting": waiting},
            lastState={"terminated": {"exitCode": 2, "reason": "Error", "finishedAt": "2026-11-22T09:44:00Z"}},
        )
        for row in rec.kubectl:
            if "k8s-app=metrics-server" in row["cmd"] and " logs " in row["cmd"]:
                row.update(out=log, rc=0, err="")
        no_endpoints(rec)

    return change


def on_pod_network(rec: Recorded) -> None:
    """Metrics Server in the pod network: its connections pass PREROUTING, not OUTPUT."""
    rec.item("deployments", "metrics-server")["spec"]["template"]["spec"]["hostNetwork"] = False
    pod = rec.item("pods", "metrics-server")
    pod["spec"]["hostNetwork"] = False
    pod["status"]["podIP"] = "10.42.0.9"


def on_an_edge(rec: Recorded) -> None:
    """The scheduler placed Metrics Server on an edge."""
    pod = rec.item("pods", "metrics-server")
    pod["spec"]["nodeName"] = "edge1"
    pod["status"]["hostIP"] = pod["status"]["podIP"] = "10.99.0.21"


def nobody_scraped(rec: Recorded) -> None:
    """The metrics API is there and has rows of cloud nodes only."""
    rec.no_numbers(*EDGES)


def absent(rec: Recorded) -> None:
    """No Metrics Server was ever installed here."""
    rec.without("deployments", "metrics-server")
    rec.without("pods", "metrics-server")
    rec.without("endpointslices-kube-system", "metrics-server")
    rec.refuse(
        "apiservices-metrics", 'Error from server (NotFound): apiservices.apiregistration.k8s.io "v1beta1" not found'
    )
    rec.refuse("metrics-nodes", "Error from server (NotFound): the server could not find the requested resource")
    rec.refuse("metrics-pods", "Error from server (NotFound): the server could not find the requested resource")
