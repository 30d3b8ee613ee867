"""The documents of a manifest: which objects they are, and where the API keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from kedge.execute.base import Refused
from kedge.i18n import _

_KINDS = {
    ("v1", "Namespace"): ("namespaces", False),
    ("v1", "ServiceAccount"): ("serviceaccounts", True),
    ("v1", "ConfigMap"): ("configmaps", True),
    ("v1", "Service"): ("services", True),
    ("apps/v1", "Deployment"): ("deployments", True),
    ("apps/v1", "DaemonSet"): ("daemonsets", True),
    ("rbac.authorization.k8s.io/v1", "Role"): ("roles", True),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): ("rolebindings", True),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): ("clusterroles", False),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): ("clusterrolebindings", False),
    ("apiregistration.k8s.io/v1", "APIService"): ("apiservices", False),
    ("policy/v1", "PodDisruptionBudget"): ("poddisruptionbudgets", True),
}
"""(apiVersion, kind): resource, namespaced. Secrets are left out on purpose."""
WORKLOADS = frozenset({"Deployment", "DaemonSet"})


@dataclass(frozen=True, slots=True)
class Document:
    """One object of a manifest.

    Attributes:
        folder: API path that it is created under. path: its own.
    """

    kind: str
    folder: str
    path: str
    body: dict[str, Any]

    @property
    def label(self) -> str:
        """``Deployment kube-system/metrics-server``."""
        meta = self.body["metadata"]
        place = f"{meta['namespace']}/" if meta.get("namespace") else ""
        return f"{self.kind} {place}{meta['name']}"


def documents(text: str, source: str) -> tuple[Document, ...]:
    """Read a manifest; raises Refused for one that is none, or holds what the program does not apply."""
    try:
        found = [one for one in yaml.safe_load_all(text) if one is not None]
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise Refused(_("{source} is not valid YAML: {problem}").format(source=source, problem=problem)) from None
    read = tuple(_document(one, source) for one in _flat(found))
    if not read:
        raise Refused(_("{source} holds no object").format(source=source))
    return read


def _flat(found: list[Any]) -> Iterator[Any]:
    for one in found:
        if isinstance(one, dict) and one.get("kind") == "List":
            yield from one.get("items") or ()
        else:
            yield one


def _document(one: Any, source: str) -> Document:
    meta = one.get("metadata") if isinstance(one, dict) else None
    if not isinstance(meta, dict) or not isinstance(meta.get("name"), str):
        raise Refused(_("{source} holds a document that is no Kubernetes object with a name").format(source=source))
    version, kind = str(one.get("apiVersion")), str(one.get("kind"))
    if (version, kind) not in _KINDS:
        sentence = _("{source} holds a {kind} of {version}, which the program does not apply; use kubectl")
        raise Refused(sentence.format(source=source, kind=kind, version=version))
    resource, namespaced = _KINDS[version, kind]
    root = f"/api/{version}" if "/" not in version else f"/apis/{version}"
    if namespaced:
        namespace = meta.get("namespace")
        if not isinstance(namespace, str) or not namespace:
            sentence = _("{kind} {name} in {source} names no namespace")
            raise Refused(sentence.format(kind=kind, name=meta["name"], source=source))
        root = f"{root}/namespaces/{namespace}"
    folder = f"{root}/{resource}"
    return Document(kind, folder, f"{folder}/{meta['name']}", one)
