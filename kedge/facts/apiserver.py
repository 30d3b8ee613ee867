"""The API server: that it answers, and what the user may ask of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ApiServer:
    """Answer of ``/version`` (site fact).

    Attributes:
        version: gitVersion, e.g. ``v1.30.2+k3s1``.
        seconds: how long the answer took.
        address: the URL that answered; empty in recordings and bundles.
    """

    version: str
    platform: str = ""
    seconds: float = 0.0
    address: str = ""

    @property
    def is_k3s(self) -> bool:
        """k3s verifies kubelet certificates and can bypass nat OUTPUT by its egress selector (facts 1.1, 6.4)."""
        return "+k3s" in self.version or "+rke2" in self.version


@dataclass(frozen=True, slots=True)
class Right:
    """One right that was asked about. ``resource`` carries the subresource and group: ``pods/log``."""

    verb: str
    resource: str
    group: str = ""
    namespace: str = ""

    @property
    def name(self) -> str:
        """As ``kubectl auth can-i`` takes it, e.g. ``list nodes.metrics.k8s.io``."""
        resource, slash, subresource = self.resource.partition("/")
        qualified = f"{resource}.{self.group}" if self.group else resource
        return f"{self.verb} {qualified}{slash}{subresource}"


@dataclass(frozen=True, slots=True)
class UserRights:
    """What the current user may and may not do (site fact), of what this tool may ask for."""

    granted: frozenset[Right] = frozenset()
    denied: frozenset[Right] = frozenset()

    def lacks(self, rights: Iterable[Right]) -> tuple[Right, ...]:
        """Those of the rights that are denied, in their order."""
        return tuple(right for right in rights if right in self.denied)
