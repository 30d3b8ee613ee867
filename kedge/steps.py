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

from kedge.i18n import Text, _
from kedge.model import Plan, Step
from kedge.steps_hosts import RunCommand as RunCommand  # noqa: PLC0414 - every step is found here
from kedge.steps_hosts import UploadFile as UploadFile  # noqa: PLC0414
from kedge.steps_jobs import UpdateEdges as UpdateEdges  # noqa: PLC0414
from kedge.steps_keep import KeepRules as KeepRules  # noqa: PLC0414
from kedge.steps_kube import JSON_PATCH as JSON_PATCH  # noqa: PLC0414
from kedge.steps_kube import MERGE_PATCH as MERGE_PATCH  # noqa: PLC0414
from kedge.steps_kube import STRATEGIC_MERGE_PATCH as STRATEGIC_MERGE_PATCH  # noqa: PLC0414
from kedge.steps_kube import ApplyManifest as ApplyManifest  # noqa: PLC0414
from kedge.steps_kube import DeleteObjects as DeleteObjects  # noqa: PLC0414
from kedge.steps_kube import EditConfigMap as EditConfigMap  # noqa: PLC0414
from kedge.steps_kube import EditDeployment as EditDeployment  # noqa: PLC0414
from kedge.steps_kube import PatchObject as PatchObject  # noqa: PLC0414
from kedge.steps_kube import RolloutRestart as RolloutRestart  # noqa: PLC0414
from kedge.steps_pods import CreatePod as CreatePod  # noqa: PLC0414
from kedge.steps_pods import DeletePod as DeletePod  # noqa: PLC0414
from kedge.steps_pods import TryPod as TryPod  # noqa: PLC0414
from kedge.steps_text import Value as Value  # noqa: PLC0414
from kedge.steps_text import comment, yq_path, yq_value
from kedge.steps_text import here_document as here_document  # noqa: PLC0414
from kedge.steps_text import kubectl_words as kubectl_words  # noqa: PLC0414
from kedge.steps_text import split_path as split_path  # noqa: PLC0414

KUBERNETES = "kubernetes"
"""``on`` of a step that goes through the Kubernetes API instead of a host."""

Splice = tuple[int, str, str]
"""At this character offset the old text is replaced by the new one."""

Backend = Literal["default", "nft", "legacy"]
IPTABLES = {"default": "iptables", "nft": "iptables-nft", "legacy": "iptables-legacy"}
"""The program that edits the rules of a backend; ``default`` is whatever plain ``iptables`` is on that host."""


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
        expression = " | ".join(f"{yq_path(path)} = {yq_value(value)}" for path, value in self.changes)
        file = shlex.quote(self.path)
        return f"cp -p -- {file} {shlex.quote(self.path + '.kedge-backup')}\nyq -i {shlex.quote(expression)} {file}"


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
    lines = ["#!/bin/sh", comment(title), "set -eu"]
    for on, what, shell in parts:
        where = "with kubectl" if on == KUBERNETES else f"on host {on}, as root"
        lines += ["", comment(f"{where}: {what}"), shell]
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
