"""Steps that change objects of Kubernetes and wait for what follows. Part of :mod:`kedge.steps`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import ClassVar, Literal

from kedge.i18n import Text, _, ngettext
from kedge.model import Step
from kedge.steps_text import Value, comment, here_document, kubectl_words, yq_value

MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"


@dataclass(frozen=True, slots=True)
class EditConfigMap(Step):
    """Set values in a YAML file that a ConfigMap holds, everything else in it kept byte for byte.

    Attributes:
        key: name of the file in the ConfigMap's data. changes, was: as in :class:`EditYaml`.
    """

    namespace: str
    name: str
    key: str
    changes: tuple[tuple[str, Value], ...]
    was: tuple[tuple[str, Value | None], ...] = ()

    @property
    def title(self) -> Text:
        """What it does, in a line."""
        return _("Edit {key} in ConfigMap {namespace}/{name}").format(
            key=self.key, namespace=self.namespace, name=self.name
        )

    @property
    def path(self) -> str:
        """API path of the ConfigMap."""
        return f"/api/v1/namespaces/{self.namespace}/configmaps/{self.name}"

    def render(self) -> str:
        """With kubectl and an editor; a preview renders the exact patch."""
        wanted = ", ".join(f"{path}: {yq_value(value)}" for path, value in self.changes)
        edit = f"kubectl -n {shlex.quote(self.namespace)} edit configmap {shlex.quote(self.name)}"
        return f"{comment(f'in {self.key} set {wanted}')}\n{edit}"


@dataclass(frozen=True, slots=True)
class RolloutRestart(Step):
    """``kubectl rollout restart`` of a workload, waited for until its new pods serve.

    Attributes:
        kind: ``deployment`` or ``daemonset``.
        seconds: how long the new pods may take.
        replace: delete the old pods once a new one waits for host ports that they hold, which a rolling update
            never resolves (facts 11); otherwise that is a failure.
    """

    activates: ClassVar[bool] = True

    namespace: str
    kind: Literal["deployment", "daemonset"]
    name: str
    seconds: float = 120.0
    replace: bool = True

    @property
    def title(self) -> Text:
        """What it does, in a line."""
        return _("Restart {kind} {namespace}/{name} and wait until it is ready").format(
            kind=self.kind, namespace=self.namespace, name=self.name
        )

    @property
    def path(self) -> str:
        """API path of the workload."""
        return f"/apis/apps/v1/namespaces/{self.namespace}/{self.kind}s/{self.name}"

    def render(self) -> str:
        """With kubectl."""
        kubectl, what = f"kubectl -n {shlex.quote(self.namespace)}", shlex.quote(f"{self.kind}/{self.name}")
        status = f"{kubectl} rollout status {what} --timeout={self.seconds:.0f}s"
        if not self.replace or self.kind != "deployment":
            return f"{kubectl} rollout restart {what}\n{status}"
        return "\n".join(
            [
                f"{kubectl} rollout restart {what}",
                f"{status} || {{  # the old pods may hold host ports that the new ones wait for",
                f"  replicas=$({kubectl} get {what} -o 'jsonpath={{.spec.replicas}}')",
                f"  {kubectl} scale {what} --replicas=0",
                f'  {kubectl} scale {what} --replicas="$replicas"',
                f"  {status}",
                "}",
            ]
        )


@dataclass(frozen=True, slots=True)
class PatchObject(Step):
    """Patch one Kubernetes object.

    Attributes:
        body: JSON text. content_type: one of the three patch types.
        was: JSON in the shape of a merge patch: values the object must hold, else the plan is refused.
    """

    path: str
    body: str
    content_type: str = MERGE_PATCH
    was: str = ""

    @property
    def title(self) -> Text:
        """What it does, in a line."""
        return _("Patch {object}").format(object=self.path.rpartition("/namespaces/")[2] or self.path)

    def render(self) -> str:
        """With kubectl."""
        kind = {MERGE_PATCH: "merge", STRATEGIC_MERGE_PATCH: "strategic", JSON_PATCH: "json"}[self.content_type]
        return f"kubectl {kubectl_words(self.path, 'patch')} --type={kind} -p {shlex.quote(self.body)}"


@dataclass(frozen=True, slots=True)
class EditDeployment(Step):
    """Give a container of a Deployment flags and its pods a place; waited for until the new pods serve.

    Attributes:
        container: name of the container.
        flags: (flag, value); a bare boolean flag has the value "".
        port: what its port named ``https`` becomes; 0 leaves it.
        host_network: put its pods on the host network; False leaves them where they are.
        avoid: label of nodes on which its pods must not be placed, "" for none.
        nodes: the only nodes on which they may be placed; none given means any.
        seconds: how long the new pods may take.
    """

    namespace: str
    name: str
    container: str
    flags: tuple[tuple[str, str], ...] = ()
    port: int = 0
    host_network: bool = False
    avoid: str = ""
    nodes: tuple[str, ...] = ()
    seconds: float = 120.0

    @property
    def title(self) -> Text:
        """What it does, in a line."""
        return _("Edit Deployment {namespace}/{name} and wait until it is ready").format(
            namespace=self.namespace, name=self.name
        )

    @property
    def path(self) -> str:
        """API path of the Deployment."""
        return f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{self.name}"

    def render(self) -> str:
        """With kubectl and an editor; a preview renders the exact patch."""
        wanted = [f"{flag}={value}" if value else flag for flag, value in self.flags]
        wanted += [f"port https {self.port}"] if self.port else []
        wanted += ["hostNetwork: true"] if self.host_network else []
        wanted += [f"nodeAffinity: {self.avoid} DoesNotExist"] if self.avoid else []
        wanted += [f"nodeAffinity: kubernetes.io/hostname In {','.join(self.nodes)}"] if self.nodes else []
        kubectl, what = f"kubectl -n {shlex.quote(self.namespace)}", shlex.quote(f"deployment/{self.name}")
        return "\n".join(
            [
                comment(f"in container {self.container} set {', '.join(wanted)}"),
                f"{kubectl} edit {what}",
                self.wait(),
            ]
        )

    def wait(self) -> str:
        """The waiting alone, with kubectl."""
        what = shlex.quote(f"deployment/{self.name}")
        return f"kubectl -n {shlex.quote(self.namespace)} rollout status {what} --timeout={self.seconds:.0f}s"


@dataclass(frozen=True, slots=True)
class ApplyManifest(Step):
    """Create the objects of a manifest that are missing, and bring those that exist to what it says.

    A workload that exists is left as it is, so that nothing restarts unasked, unless its kind is in ``replace``.

    Attributes:
        text: YAML of one or several documents, each with its namespace.
        source: where the text comes from, for people.
        replace: kinds that are deleted and created anew, e.g. ``Deployment``.
        seconds: how long the pods of a new Deployment may take.
    """

    text: str
    source: str
    replace: tuple[str, ...] = ()
    seconds: float = 120.0

    @property
    def title(self) -> Text:
        """What it does, in a line."""
        return _("Apply {source}").format(source=self.source)

    def render(self) -> str:
        """With kubectl; a preview renders only what is needed."""
        return f"kubectl apply -f - {here_document(self.text)}"


@dataclass(frozen=True, slots=True)
class DeleteObjects(Step):
    """Delete Kubernetes objects; what depends on them goes with them. One that is gone already is left out.

    Attributes:
        paths: API paths, in order.
    """

    paths: tuple[str, ...]

    @property
    def title(self) -> Text:
        """What it does, in a line."""
        return ngettext("Delete {count} object: {names}", "Delete {count} objects: {names}", "count").format(
            count=len(self.paths), names=", ".join("/".join(path.split("/")[-2:]) for path in self.paths)
        )

    def render(self) -> str:
        """With kubectl."""
        return "\n".join(f"kubectl {kubectl_words(path, 'delete')} --ignore-not-found" for path in self.paths)
