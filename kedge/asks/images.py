"""Which images a host's runtime holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from kedge.asks.base import HostAsk

IMAGE_TOOLS = {
    "k3s": "k3s crictl images -o json",
    "crictl": "crictl images -o json",
    "ctr": "ctr -n k8s.io images ls",
    "nerdctl": "nerdctl -n k8s.io images --digests --no-trunc",
    "docker": "docker images --digests --no-trunc",
}
"""Most authoritative first: what speaks the runtime interface sees what EdgeCore or the kubelet sees."""


@dataclass(frozen=True, slots=True)
class Images(HostAsk):
    """The images a runtime holds, asked through one tool: k3s, crictl, ctr, nerdctl or docker."""

    tool: str

    root: ClassVar[bool] = True

    def render(self) -> str:
        return IMAGE_TOOLS[self.tool]

    @classmethod
    def recognise(cls, argv: Sequence[str]) -> Images | None:
        words = [word for word in argv if not word.startswith("-")]
        if not words or words[0] not in IMAGE_TOOLS or not {"images", "image", "img", "i"} & set(words[1:]):
            return None
        if {"import", "pull", "load", "rm", "tag", "push", "prune"} & set(words):
            return None
        if words[0] in ("ctr", "nerdctl") and not any("k8s.io" in word for word in argv):
            return None  # another namespace: not the images that pods are made of
        tool = "k3s" if words[0] == "k3s" else words[0]
        return cls(tool)
