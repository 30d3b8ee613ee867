"""Ask what a host has that brings its NAT rules back after a reboot."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kedge.asks.base import HostAsk

NETFILTER: Final = "netfilter-persistent"
SERVICES: Final = "iptables-services"
SYSTEMD: Final = "systemd"


@dataclass(frozen=True, slots=True)
class Keeper(HostAsk):
    """The names of what is there, one a line; ``etc`` is the folder of the host's configuration."""

    etc: str = "/etc"

    def render(self) -> str:
        etc = shlex.quote(self.etc)
        asked = (
            (f"command -v netfilter-persistent && [ -d {etc}/iptables ]", NETFILTER),
            (f"[ -f {etc}/sysconfig/iptables ] && systemctl is-enabled iptables", SERVICES),
            (f"command -v systemctl && [ -d {etc}/systemd/system ]", SYSTEMD),
        )
        return "\n".join(f"if {{ {test}; }} >/dev/null 2>&1; then echo {name}; fi" for test, name in asked)

    @classmethod
    def recognise(cls, argv: Sequence[str]) -> Keeper | None:
        return None  # no recording holds it: nobody types this
