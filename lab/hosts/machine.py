"""A machine of the site as one thing: its place in the world, its tree, its SSH server, its commands."""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from lab.hosts.link import LinkQuality
from lab.hosts.ssh import Account, HostServer
from lab.hosts.standins import TOOLS, StandIns, Station
from lab.hosts.tools.calls import LocalHttp, PodsHere
from lab.hosts.tools.sudo import Sudoers
from lab.hosts.tree import HostTree
from lab.ports import PortState
from lab.world_host import Host

USERS = ("root", "oncall")
"""Who may log in to every host; ``oncall`` needs sudo for what root may do."""

_K3S_TOOLS = frozenset({"crictl", "k3s"})


@dataclass(frozen=True, slots=True)
class Equipment:
    """What all machines of a site share.

    Attributes:
        programs: the folder of real programs, see :func:`lab.hosts.tree.link_programs`.
        stand_ins: answers the stand-in commands.
        client: the key that may log in.
        shell: path of bash.
    """

    programs: Path
    stand_ins: StandIns
    client: asyncssh.SSHKey
    shell: str


class Machine:
    """One host of the running site.

    Its tree and commands are made when they are first looked at, so that a site of a hundred hosts starts at once.

    Args:
        root: where its tree goes.
        local_http: answers what only this machine's own loopback could.
        pods: the pods bound to it.
        furnish: adds the files that a machine of its role has.

    Attributes:
        world: the host in the world model.
        server: its SSH server; ``server.port.number`` is where it listens.
        host_key: the server's key, as the site's known_hosts has it.
        extra: latency and loss of this machine's link beyond the site's.
        sudoers: who may become root here.
    """

    def __init__(
        self,
        world: Host,
        root: Path,
        equipment: Equipment,
        local_http: LocalHttp,
        furnish: Callable[[HostTree], None],
        pods: PodsHere,
    ) -> None:
        self.world = world
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.extra = LinkQuality()
        self.sudoers = Sudoers()
        self._tree = HostTree(root, world)
        self._equipment = equipment
        self._local_http = local_http
        self._furnish = furnish
        self._pods = pods
        self._made = False
        self._making = threading.Lock()
        self.server = HostServer(self.host_key, self._account(), LinkQuality(), prepare=self._make)

    @property
    def name(self) -> str:
        """The host's name, in the cluster as in the inventory."""
        return self.world.name

    @property
    def port(self) -> int:
        """The loopback port of its SSH server."""
        return self.server.port.number

    @property
    def is_visited(self) -> bool:
        """Whether anybody has logged in, or looked at its files."""
        return self._made

    @property
    def tree(self) -> HostTree:
        """Its files; ``tree / "/etc/hostname"`` is a path on this disk. May be asked for on any thread."""
        self._make()
        return self._tree

    def path(self, name: str) -> Path:
        """Where a file of the machine is, or will be, on this disk."""
        return self._tree.path(name)

    async def follow_world(self, latency: float = 0.0, loss: float = 0.0) -> None:
        """Answer or refuse, as the world has it; ``latency`` and ``loss`` of every link add to this one's own."""
        self.server.quality.latency = latency + self.extra.latency
        self.server.quality.loss = loss + self.extra.loss
        state = PortState.OPEN if self.world.reachable else PortState.REFUSED
        if not self.world.network_up:
            state = PortState.FILTERED
        await self.server.become(state)

    async def close(self) -> None:
        """End every session and give the port back."""
        await self.server.close()

    def _make(self) -> None:
        with self._making:
            if self._made:
                return
            self._tree.build()
            self._furnish(self._tree)
            absent = frozenset() if "k3s" in self.world.services else _K3S_TOOLS
            if not (self._equipment.programs / "curl").exists():
                absent |= {"curl"}
            station = Station(
                self.world, self._tree.root, self.sudoers, self._equipment.programs, self._local_http, self._pods
            )
            self._equipment.stand_ins.install(station, self._tree.programs, frozenset(TOOLS) - absent)
            self._made = True

    def _account(self) -> Account:
        tree, equipment = self._tree, self._equipment
        return Account(
            users=USERS,
            key=equipment.client,
            home=tree.home,
            shell=equipment.shell,
            environment={
                "PATH": f"{tree.programs}:{equipment.programs}",
                "HOME": str(tree.home),
                "SHELL": equipment.shell,
                "TMPDIR": str(tree.root / "tmp"),
                "KEDGE_TUI_LOCKS": str(tree.root / "tmp"),
                "LANG": "C.UTF-8" if platform.system() == "Linux" else "en_US.UTF-8",
            },
        )


def known_hosts_line(machine: Machine) -> str:
    """The machine's line for a known_hosts file."""
    public = machine.host_key.export_public_key("openssh").decode().strip()
    return f"[127.0.0.1]:{machine.port} {' '.join(public.split()[:2])}\n"
