"""The API server: that it answers, and what the user may ask of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ApiServer:
    """Answer of ``/version`` (site fact).

    Attributes:
        version: gitVersion, e.g. ``v1.30.2+k3s1``.
        seconds: how long the answer took.
    """

    version: str
    platform: str = ""
    seconds: float = 0.0

    @property
    def is_k3s(self) -> bool:
        """k3s verifies kubelet certificates and can bypass nat OUTPUT by its egress selector (facts 1.1, 6.4)."""
        return "+k3s" in self.version or "+rke2" in self.version
