"""A machine of the site as one thing: its place in the world, its tree, its SSH server, its commands."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from lab.hosts.link import LinkQuality
from lab.hosts.ssh import Account, HostServer
from lab.hosts.standins import TOOLS, StandIns, Station
from lab.hosts.tools.calls import LocalHttp
from lab.hosts.tools.sudo import Sudoers
from lab.hosts.tree import HostTree
from lab.ports import PortState
from lab.world_host import Host

USERS = ("root", "oncall")
"""Who may log in to every host; ``oncall`` needs sudo for what root may do."""

MARK = "KEDGE_LAB_HOST"
"""Set in every process of a host."""

_K3S_TOOLS = frozenset({"crictl", "k3s"})


@dataclass(slots=True)
class Machine:
    """One host of the running site.

    Attributes:
        world: the host in the world model.
        tree: its files; ``tree / "/etc/hostname"`` is a path on this disk.
        server: its SSH server; ``server.port.number`` is where it listens.
        host_key: the server's key, as the site's known_hosts has it.
        extra: latency and loss of this machine's link beyond the site's.
        sudoers: who may become root here.
    """

    world: Host
    tree: HostTree
    server: HostServer
    host_key: asyncssh.SSHKey
    extra: LinkQuality = field(default_factory=LinkQuality)
    sudoers: Sudoers = field(default_factory=Sudoers)

    @property
    def name(self) -> str:
        """The host's name, in the cluster as in the inventory."""
        return self.world.name

    @property
    def port(self) -> int:
        """The loopback port of its SSH server."""
        return self.server.port.number

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


def build_machine(
    world: Host,
    root: Path,
    programs: Path,
    stand_ins: StandIns,
    client: asyncssh.SSHKey,
    shell: str,
    local_http: LocalHttp,
) -> Machine:
    """Create a machine's tree and commands; its SSH server is made but not opened.

    Args:
        root: where its tree goes.
        programs: the folder of real programs, see :func:`lab.hosts.tree.link_programs`.
        client: the key that may log in.
        shell: path of bash.
        local_http: answers what only this machine's own loopback could.
    """
    tree = HostTree(root, world)
    tree.build()
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    account = Account(
        users=USERS,
        key=client,
        home=tree.home,
        shell=shell,
        environment={
            "PATH": f"{tree.programs}:{programs}",
            "HOME": str(tree.home),
            "SHELL": shell,
            "TMPDIR": str(root / "tmp"),
            "LANG": "C.UTF-8" if platform.system() == "Linux" else "en_US.UTF-8",
            MARK: world.name,
        },
    )
    machine = Machine(world, tree, HostServer(host_key, account, LinkQuality()), host_key)
    absent = frozenset() if "k3s" in world.services else _K3S_TOOLS
    if not (programs / "curl").exists():
        absent |= {"curl"}
    station = Station(world, root, machine.sudoers, programs, local_http)
    stand_ins.install(station, tree.programs, frozenset(TOOLS) - absent)
    return machine


def known_hosts_line(machine: Machine) -> str:
    """The machine's line for a known_hosts file."""
    public = machine.host_key.export_public_key("openssh").decode().strip()
    return f"[127.0.0.1]:{machine.port} {' '.join(public.split()[:2])}\n"
