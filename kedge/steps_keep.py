"""The step that keeps NAT rules over a reboot. Part of :mod:`kedge.steps`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Literal

from kedge.i18n import Text, _
from kedge.model import Step


@dataclass(frozen=True, slots=True)
class KeepRules(Step):
    """Write rules of the nat table into what the host reads at boot, everything else in it kept; or take them out.

    Attributes:
        kind: what reads the file; ``systemd`` is a unit of our own, which is also enabled.
        rules: (tool, chain, words after the chain) of each.
    """

    kind: Literal["netfilter-persistent", "iptables-services", "systemd"]
    path: str
    rules: tuple[tuple[str, str, tuple[str, ...]], ...]
    op: Literal["keep", "forget"] = "keep"

    @property
    def title(self) -> Text:
        """What it does, in a line."""
        if self.op == "forget":
            return _("No longer keep the rule over reboots of {host} ({kind})").format(host=self.on, kind=self.kind)
        return _("Keep the rule over reboots of {host} ({kind})").format(host=self.on, kind=self.kind)

    @property
    def unit(self) -> str:
        """The unit's name, where it is one."""
        return self.path.rpartition("/")[2]

    @property
    def lines(self) -> tuple[str, ...]:
        """The rules as ``iptables-save`` writes them."""
        return tuple(f"-A {chain} {shlex.join(spec)}" for _tool, chain, spec in self.rules)

    @property
    def commands(self) -> tuple[str, ...]:
        """What brings each rule back, once."""
        found = []
        for tool, chain, spec in self.rules:
            words = shlex.join(spec)
            nat = f"{tool} -w 5 -t nat"
            found.append(f"{nat} -C {chain} {words} 2>/dev/null || {nat} -I {chain} 1 {words}")
        return tuple(found)

    def render(self) -> str:
        """What a person would have to do; a preview renders the exact file."""
        verb = "add to" if self.op == "keep" else "take out of"
        return "\n".join(f"# {verb} {self.path}: {line}" for line in self.lines)
