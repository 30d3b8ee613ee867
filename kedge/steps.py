"""The steps a plan is made of: plain frozen data that is shown, confirmed, applied, undone and audited.

A step says *what*, never how: the handlers of :mod:`kedge.execute` read the present state, show the exact
change and carry it out. Every step renders itself as POSIX shell, so that a person can do by hand what the
program would do (:func:`script`).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from kedge.i18n import Text, _, ngettext
from kedge.model import Plan, Step
from kedge.steps_hosts import RunCommand as RunCommand  # noqa: PLC0414 - every step is found here
from kedge.steps_hosts import UploadFile as UploadFile  # noqa: PLC0414
from kedge.steps_jobs import UpdateEdges as UpdateEdges  # noqa: PLC0414
from kedge.steps_keep import KeepRules as KeepRules  # noqa: PLC0414
from kedge.steps_pods import CreatePod as CreatePod  # noqa: PLC0414
from kedge.steps_pods import DeletePod as DeletePod  # noqa: PLC0414
from kedge.steps_pods import TryPod as TryPod  # noqa: PLC0414

KUBERNETES = "kubernetes"
"""``on`` of a step that goes through the Kubernetes API instead of a host."""

Value = bool | int | float | str
"""What an edit may write into a YAML file."""

Splice = tuple[int, str, str]
"""At this character offset the old text is replaced by the new one."""

Backend = Literal["default", "nft", "legacy"]
IPTABLES = {"default": "iptables", "nft": "iptables-nft", "legacy": "iptables-legacy"}
"""The program that edits the rules of a backend; ``default`` is whatever plain ``iptables`` is on that host."""

MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"


@dataclass(frozen=True, slots=True)
class EditYaml(Step):
    """Set values in a YAML file of a host, everything else kept byte for byte.

    Attributes:
        changes: (dotted path, value); a dot inside a key is written ``\\.``. A missing key is inserted.
        was: (dotted path, value) that the plan was built on; None when the key was absent or null. Another
            value found there at preview refuses the plan.
    """

    path: str
    changes: tuple[tuple[str, Value], ...]
    was: tuple[tuple[str, Value | None], ...] = ()

    @property
    def title(self) -> Text:
        """What it does, in a line."""
        return _("Edit {path} on {host}").format(path=self.path, host=self.on)

    def render(self) -> str:
        """With yq (https://github.com/mikefarah/yq); a preview renders the exact lines with sed instead."""
        expression = " | ".join(f"{_yq_path(path)} = {_yq_value(value)}" for path, value in self.changes)
        file = shlex.quote(self.path)
        return f"cp -p -- {file} {shlex.quote(self.path + '.kedge-backup')}\nyq -i {shlex.quote(expression)} {file}"


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
        wanted = ", ".join(f"{path}: {_yq_value(value)}" for path, value in self.changes)
        edit = f"kubectl -n {shlex.quote(self.namespace)} edit configmap {shlex.quote(self.name)}"
        return f"{_comment(f'in {self.key} set {wanted}')}\n{edit}"


@dataclass(frozen=True, slots=True)
class RestoreFile(Step):
    """Put a file back as it was before an edit, byte for byte, from the backup beside it.

    Attributes:
        backup: path of the backup on the same host.
        sha256: of the bytes to restore. expect: of the file as the edit left it; any other refuses.
        splices: turn the present text into the old one when the backup is gone.
    """

    path: str
    backup: str
    sha256: str
    expect: str
    splices: tuple[Splice, ...] = ()

    @property
    def title(self) -> Text:
        """What it does, in a line."""
        return _("Restore {path} on {host} from its backup").format(path=self.path, host=self.on)

    def render(self) -> str:
        """Keeps mode and owner of the backup, which are those of the original."""
        return f"cp -p -- {shlex.quote(self.backup)} {shlex.quote(self.path)}"


@dataclass(frozen=True, slots=True)
class ServiceAction(Step):
    """``systemctl`` on one unit. ``stop`` and ``disable`` exist only as the undo of start and enable."""

    activates: ClassVar[bool] = True
    """Makes what earlier steps changed take effect: an undo runs it after they are undone, not before."""

    unit: str
    action: Literal["restart", "start", "enable", "stop", "disable"]

    @property
    def title(self) -> Text:
        """What it does, in a line."""
        return _SERVICE_TITLES[self.action].format(unit=self.unit, host=self.on)

    @property
    def argv(self) -> tuple[str, ...]:
        """The exact command."""
        return ("systemctl", self.action, self.unit)

    def render(self) -> str:
        """The command, quoted."""
        return shlex.join(self.argv)


_SERVICE_TITLES = {
    "restart": _("Restart {unit} on {host}"),
    "start": _("Start {unit} on {host}"),
    "enable": _("Start {unit} at boot on {host}"),
    "stop": _("Stop {unit} on {host}"),
    "disable": _("Do not start {unit} at boot on {host}"),
}


@dataclass(frozen=True, slots=True)
class NatRule(Step):
    """Add or delete one rule of the nat table.

    Adding a rule that exists (in front of ``before``, where that is given) and deleting one that does not do nothing.

    Attributes:
        spec: the words after the chain name, e.g. ``("-p", "tcp", "--dport", "10351", "-j", "DNAT", …)``.
        before: position (1-based) to insert at; 0 appends. Only for ``add``.
        was: the rule at that position which the plan was built on, as saved; another one there refuses the plan.
    """

    backend: Backend
    chain: str
    spec: tuple[str, ...]
    op: Literal["add", "delete"] = "add"
    before: int = 0
    was: str = ""

    @property
    def title(self) -> Text:
        """What it does, in a line."""
        if self.op == "delete":
            return _("Delete a rule of nat {chain} on {host}").format(chain=self.chain, host=self.on)
        if self.before:
            return _("Insert a rule into nat {chain} at position {position} on {host}").format(
                chain=self.chain, position=self.before, host=self.on
            )
        return _("Add a rule to nat {chain} on {host}").format(chain=self.chain, host=self.on)

    @property
    def check_argv(self) -> tuple[str, ...]:
        """Exits 0 when the rule exists."""
        return (*self._tool, "-C", self.chain, *self.spec)

    @property
    def argv(self) -> tuple[str, ...]:
        """The exact command that changes the table."""
        if self.op == "delete":
            return (*self._tool, "-D", self.chain, *self.spec)
        if self.before:
            return (*self._tool, "-I", self.chain, str(self.before), *self.spec)
        return (*self._tool, "-A", self.chain, *self.spec)

    @property
    def list_argv(self) -> tuple[str, ...]:
        """Prints the chain's rules in order."""
        return (*self._tool, "-S", self.chain)

    @property
    def _tool(self) -> tuple[str, ...]:
        # -w: another program (kube-proxy, a firewall) may hold the lock of the tables for a moment.
        return (IPTABLES[self.backend], "-w", "5", "-t", "nat")

    def render(self) -> str:
        """Check first, so that running it twice adds or deletes once."""
        if self.before and self.was:  # the same rule may stand too far down, so the one in its way is looked for
            rules = f"{shlex.join(self.list_argv)} | grep ^-A | sed -n {self.before}p"
            wanted = shlex.quote(f"-A {self.chain} {self.was}")
            return f"if {rules} | grep -qxF -e {wanted}; then {shlex.join(self.argv)}; fi"
        joint = " && " if self.op == "delete" else " || "
        return f"{shlex.join(self.check_argv)} 2>/dev/null{joint}{shlex.join(self.argv)}"


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
                _comment(f"in container {self.container} set {', '.join(wanted)}"),
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


AnyStep = (
    EditYaml
    | EditConfigMap
    | RestoreFile
    | ServiceAction
    | NatRule
    | RolloutRestart
    | PatchObject
    | EditDeployment
    | ApplyManifest
    | DeleteObjects
    | RunCommand
    | UploadFile
    | KeepRules
    | UpdateEdges
    | CreatePod
    | TryPod
    | DeletePod
)


def here_document(text: str) -> str:
    """A text as the standard input of a shell command, whatever is in it."""
    end = "KEDGE_END"
    while end in text:
        end += "_"
    return f"<<'{end}'\n{text.rstrip()}\n{end}"


def kubectl_words(path: str, verb: str) -> str:
    """``-n NAMESPACE VERB RESOURCE/NAME`` of an API path, quoted."""
    words = path.strip("/").split("/")
    namespace = words[words.index("namespaces") + 1] if "namespaces" in words[:-2] else ""
    where = f"-n {shlex.quote(namespace)} " if namespace else ""
    return f"{where}{verb} {shlex.quote('/'.join(words[-2:]))}"


def activates(step: Step) -> bool:
    """True when the step makes what earlier steps changed take effect."""
    return bool(getattr(step, "activates", False))


def cleans_up(step: Step) -> bool:
    """True when the step must run whatever became of those before it."""
    return bool(getattr(step, "cleans_up", False))


def script(plan: Plan) -> str:
    """The plan as a shell script that a person could run by hand; each step says on which host."""
    return script_of(str(plan.title), [(step.on, str(title_of(step)), render(step)) for step in plan.steps])


def script_of(title: str, parts: Iterable[tuple[str, str, str]]) -> str:
    """A script of (host, title, shell text) parts."""
    lines = ["#!/bin/sh", _comment(title), "set -eu"]
    for on, what, shell in parts:
        where = "with kubectl" if on == KUBERNETES else f"on host {on}, as root"
        lines += ["", _comment(f"{where}: {what}"), shell]
    return "\n".join(lines) + "\n"


def title_of(step: Step) -> Text:
    """What a step does, in a line."""
    title: Text = _known(step).title
    return title


def render(step: Step) -> str:
    """A step as POSIX shell."""
    text: str = _known(step).render()
    return text


def _known(step: Step) -> Any:
    if not isinstance(step, AnyStep):
        raise TypeError(f"{type(step).__name__} is not a step of kedge.steps")
    return step


def _comment(text: str) -> str:
    return "# " + " ".join(text.split())  # names are hostile input: a newline must not end the comment


def _yq_path(path: str) -> str:
    return "".join(f".{_yq_value(key)}" for key in split_path(path))


def _yq_value(value: Value) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value).lower() if isinstance(value, bool) else str(value)


def split_path(path: str) -> tuple[str, ...]:
    """The keys of a dotted path; ``\\.`` is a dot inside a key."""
    return tuple(part.replace("\0", ".") for part in path.replace("\\.", "\0").split("."))
