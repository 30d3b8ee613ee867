"""Ask what a host has that brings its NAT rules back after a reboot."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kedge.asks.base import HostAsk

NETFILTER: Final = "netfilter-persistent"
SERVICES: Final = "iptables-services"
SYSTEMD: Final = "systemd"

_ETC = re.compile(r"^if \{ command -v netfilter-persistent && \[ -d (\S+)/iptables \]; \}")


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
        return None  # a script, not a command: :meth:`written` knows it

    @classmethod
    def written(cls, script: str) -> Keeper | None:
        """The ask whose script this is, to the letter: nobody types it, but a script run by hand answers it."""
        found = _ETC.search(script)
        asked = cls(shlex.split(found[1])[0]) if found else None
        return asked if asked is not None and asked.render() == script else None
