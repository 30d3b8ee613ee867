"""What brings a host's NAT rules back after a reboot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["netfilter-persistent", "iptables-services", "systemd"]


@dataclass(frozen=True, slots=True)
class RuleKeeper:
    """How this host keeps rules over a reboot (target: the host); what it uses already comes before what is new.

    Attributes:
        path: the file that is read at boot: a saved table, or a unit of our own.
    """

    kind: Kind
    path: str
