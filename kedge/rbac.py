"""The rights that the product needs in Kubernetes, and the roles that grant exactly them.

What probes read is taken from the probes themselves: each is asked what it would ask, of a site made of specimens.
What fixes change is taken from the steps that they are made of: a step's handler names its rights. Both lists are
held against what really goes over the wire by a test on the practice site.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kedge import objects
from kedge.asks import Api, Ask, PodExec, PodLog
from kedge.execute.permission import rights_of
from kedge.facts.cloudcore import NAMESPACE, CloudCore
from kedge.facts.kubectl import KubectlLogs, Outcome, Try
from kedge.facts.metrics import MetricsServer
from kedge.facts.pods import Container, NodePods, Pod
from kedge.i18n import _
from kedge.links.base import Access
from kedge.links.kube_exec import exec_accesses
from kedge.model import Host, Reason, Role, Step, Unknown
from kedge.plugins import Fix, Need, Probe, Registry
from kedge.probes.rights import READS
from kedge.steps import (
    KUBERNETES,
    CreatePod,
    EditConfigMap,
    EditDeployment,
    PatchObject,
    RolloutRestart,
    TryPod,
    UpdateEdges,
)

NAME = "kedge-tui"
METRICS = ("kube-system", "metrics-server")
TEST = "functional-test"
TEST_NAMESPACE = "default"
"""Where its pods run unless --namespace or the context says otherwise."""

_NOT_KNOWN = Unknown(Reason.NOT_ASKED, _("This is a specimen"))
_POD = Pod("default", "pod", phase="Running", ready=True, containers=(Container("main", running=True, restarts=1),))
SPECIMENS: dict[type, object] = {
    Host: Host("node", frozenset(Role), "192.0.2.1"),
    NodePods: NodePods((_POD,)),
    CloudCore: CloudCore(pods=(_POD,)),
    MetricsServer: MetricsServer(pods=(_POD,)),
    KubectlLogs: KubectlLogs((Try("default", "pod", "other", Outcome.EMPTY),)),
}
"""Facts without which some probes would not know what to ask."""


def _scale(namespace: str, name: str) -> PatchObject:
    return PatchObject(KUBERNETES, f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}", "{}")


def _test_pod(namespace: str) -> tuple[Step, ...]:
    return CreatePod(KUBERNETES, namespace, "pod", "node", "image"), TryPod(KUBERNETES, namespace, "pod")


_CLOUDCORE = RolloutRestart(KUBERNETES, NAMESPACE, "deployment", "cloudcore")
_METRICS = RolloutRestart(KUBERNETES, METRICS[0], "deployment", METRICS[1])
STEPS: Mapping[str, tuple[Step, ...]] = {
    "enable-cloudstream": (EditConfigMap(KUBERNETES, NAMESPACE, "cloudcore", "cloudcore.yaml", ()), _CLOUDCORE),
    "restart-cloudcore": (_scale(NAMESPACE, "cloudcore"), _CLOUDCORE),
    "restart-nat-manager": (
        RolloutRestart(KUBERNETES, NAMESPACE, "daemonset", "cloud-iptables-manager", replace=False),
        _CLOUDCORE,
    ),
    "restart-metrics-server": (_scale(*METRICS), _METRICS),
    TEST: _test_pod(TEST_NAMESPACE),
    "update-edges-by-job": (UpdateEdges(KUBERNETES, (), ()),),
    "patch-metrics-server": (EditDeployment(KUBERNETES, *METRICS, METRICS[1]),),
}
"""By fix, the steps through Kubernetes that it may be made of; fixes on hosts need no right there."""

ADMIN_ONLY = frozenset({"deploy-metrics-server"})
"""Fixes that create roles: Kubernetes lets only somebody do that who has all their rights, a cluster's admin."""


# ------------------------------------------------------------------------------------------------ rights


def accesses(
    registry: Registry, *, read_only: bool = False, exec_too: bool = True, namespace: str = TEST_NAMESPACE
) -> tuple[Access, ...]:
    """Every right that the product may use, a cluster-wide one standing for itself in every namespace.

    Args:
        read_only: leave out what only fixes need.
        exec_too: include running a command in a container, which no sweep ever does.
        namespace: where test pods run.
    """
    found = [*READS, *objects.READS, *asked(registry.probes)]
    if not read_only:
        found += changes(registry.fixes, namespace)
    if not exec_too:
        found = [access for access in found if access.subresource != "exec"]
    unique = dict.fromkeys(found)
    return tuple(a for a in unique if not a.namespace or _everywhere(a) not in unique)


def _everywhere(access: Access) -> Access:
    return Access(access.verb, access.group, access.resource, access.subresource)


def asked(probes: Iterable[Probe]) -> tuple[Access, ...]:
    """What probes read. One that needs facts of a kind unknown here says nothing; its rights are its author's care."""
    found = (access for probe in probes for ask in _asks(probe) for access in _of_ask(ask))
    return tuple(dict.fromkeys(found))


def _asks(probe: Probe) -> tuple[Ask, ...]:
    if any(need.mode == "plain" and need.type not in SPECIMENS for need in probe.needs):
        return ()
    wanted = probe.ask(*(_specimen(need) for need in probe.needs))
    return (wanted,) if isinstance(wanted, Ask) else tuple(wanted or ())


def _specimen(need: Need) -> object:
    return SPECIMENS.get(need.type, _NOT_KNOWN) if need.mode != "all" else {}


def _of_ask(ask: Ask) -> Iterator[Access]:
    """The pods that logs and commands are asked of may be in any namespace."""
    if isinstance(ask, Api) and ask.access is not None:
        yield ask.access
        if ask.watched:
            yield Access("watch", ask.access.group, ask.access.resource, ask.access.subresource, ask.access.namespace)
    elif isinstance(ask, PodLog):
        yield _everywhere(ask.access)
    elif isinstance(ask, PodExec):
        yield from exec_accesses("")


def changes(fixes: Iterable[Fix], namespace: str = TEST_NAMESPACE) -> tuple[Access, ...]:
    """What the steps of these fixes read and change; test pods run in ``namespace``."""
    steps = {**STEPS, TEST: _test_pod(namespace)}
    return tuple(dict.fromkeys(access for fix in fixes for access in rights_of(steps.get(fix.id, ()))))


# ------------------------------------------------------------------------------------------------- roles


def manifests(needed: Iterable[Access], name: str = NAME) -> list[dict[str, Any]]:
    """A ClusterRole for what is needed everywhere, and a Role in each namespace where more is needed."""
    by_namespace: dict[str, list[Access]] = {"": []}
    for access in needed:
        by_namespace.setdefault(access.namespace, []).append(access)
    return [_role(name, namespace, by_namespace[namespace]) for namespace in sorted(by_namespace)]


def _role(name: str, namespace: str, needed: Iterable[Access]) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role" if namespace else "ClusterRole",
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
        "rules": _rules(needed),
    }


def _rules(needed: Iterable[Access]) -> list[dict[str, Any]]:
    """One rule for all resources of a group that need the same verbs."""
    verbs: dict[tuple[str, str], set[str]] = {}
    for access in needed:
        resource = f"{access.resource}/{access.subresource}" if access.subresource else access.resource
        verbs.setdefault((access.group, resource), set()).add(access.verb)
    alike: dict[tuple[str, tuple[str, ...], bool], list[str]] = {}
    for (group, resource), own in sorted(verbs.items()):
        alike.setdefault((group, tuple(sorted(own)), resource.startswith("/")), []).append(resource)
    return [
        {"nonResourceURLs": resources, "verbs": list(own)}
        if is_url
        else {"apiGroups": [group], "resources": resources, "verbs": list(own)}
        for (group, own, is_url), resources in alike.items()
    ]
