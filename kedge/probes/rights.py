"""What the current user may do, asked of the API server itself."""

from __future__ import annotations

from kedge.asks import Rights
from kedge.facts.apiserver import Right, UserRights
from kedge.facts.cloudcore import NAMESPACE
from kedge.links.base import Access
from kedge.model import Observation
from kedge.plugins import probe

_WATCHED = (
    ("", "nodes", ""),
    ("", "pods", ""),
    ("apps", "deployments", ""),
    ("", "configmaps", NAMESPACE),
    ("", "services", NAMESPACE),
    ("discovery.k8s.io", "endpointslices", "default"),
    ("discovery.k8s.io", "endpointslices", "kube-system"),
)

READS = (
    *(Access(verb, group, name, namespace=where) for group, name, where in _WATCHED for verb in ("list", "watch")),
    Access("list", "coordination.k8s.io", "leases", namespace="kube-node-lease"),
    Access("get", "apiregistration.k8s.io", "apiservices"),
    Access("list", "metrics.k8s.io", "nodes"),
    Access("list", "metrics.k8s.io", "pods"),
    Access("get", "", "nodes", "proxy"),
    Access("get", "", "pods", "log"),
    Access("create", "", "pods", "exec"),
)
"""What probes ask the API for (a test compares this with what they really ask)."""

_METRICS = "kube-system"

CHANGES = (
    Access("patch", "", "configmaps", namespace=NAMESPACE),
    *(Access("patch", "apps", "deployments", namespace=where) for where in (NAMESPACE, _METRICS)),
    Access("patch", "apps", "daemonsets", namespace=NAMESPACE),
    *(Access("delete", "", "pods", namespace=where) for where in (NAMESPACE, _METRICS)),
)
"""What fixes change, those aside that only a cluster's admin may run."""


@probe()
def user_rights() -> Rights:
    """Some thirty small reviews, believed for a minute."""
    return Rights((*READS, *CHANGES))


@user_rights.parse
def read_user_rights(seen: Observation) -> UserRights:
    granted: set[Right] = set()
    denied: set[Right] = set()
    for line in seen.stdout.splitlines():
        words = ["" if word == "-" else word for word in line.split()]
        if len(words) == 5:
            answer, verb, resource, group, namespace = words
            (granted if answer == "yes" else denied).add(Right(verb, resource, group, namespace))
    return UserRights(frozenset(granted), frozenset(denied))
