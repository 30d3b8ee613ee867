"""A small real site: a cloud, two edges and a jump host, each a machine of its own with the real sshd.

    this machine ──┐
    cloud1 ────────┤
    jump ──────────┼── switch
    edge1 ─────────┤
    edge2 ─────────┘

Everybody reaches everybody until :class:`Firewall` says otherwise; ``site.only_through_jump()`` puts the edges where
they usually are. Every host has the same people (:data:`PEOPLE`), keys of the site (:class:`Keys`) and its own host
key. ``site.ssh_config`` leads to all of them by name. Links: ``link_to(site, name="edge1", user="oncall")``.

The fixture ``site`` (``tests/real/conftest.py``) is calm at the start of every test; its machines live as long as the
run.
"""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.real.machine import Machine, addresses, booted, switch, wire
from tests.real.sshd import Sshd, keygen, public

PASSWORD = "correct horse $x 'y\""
PASSPHRASE = "open sesame"

PEOPLE = {"oncall": "NOPASSWD: ALL", "careful": "ALL", "reader": ""}
"""Login users and their right to sudo: without a password, with :data:`PASSWORD`, none. ``root`` logs in as well."""

HOSTS = {"cloud1": 10, "jump": 5, "edge1": 21, "edge2": 22}
"""Name and last part of the address."""


@dataclass(frozen=True)
class Keys:
    """Every person may log in with any of them, everywhere."""

    plain: Path
    locked: Path
    """Encrypted with :data:`PASSPHRASE`."""


@dataclass(frozen=True)
class Firewall:
    """The packet filter of one host. The nat table is the tests' own business (:meth:`Host.iptables`)."""

    machine: Machine

    def drop(self, port: int, source: str = "") -> None:
        """Silence: packets to ``port`` vanish."""
        self._add(port, source, "DROP")

    def reject(self, port: int, source: str = "", how: str = "tcp-reset") -> None:
        """A closed door: ``tcp-reset`` or an ICMP answer such as ``icmp-admin-prohibited``."""
        self._add(port, source, "REJECT", "--reject-with", how)

    def open(self) -> None:
        """No rules."""
        self.machine.run("iptables", "-w", "5", "-F")

    def _add(self, port: int, source: str, *what: str) -> None:
        who = ("-s", source) if source else ()
        self.machine.run("iptables", "-w", "5", "-A", "INPUT", "-p", "tcp", *who, "--dport", str(port), "-j", *what)


@dataclass(frozen=True)
class Host:
    """One machine of the site with its sshd."""

    machine: Machine
    address: str
    sshd: Sshd

    @property
    def name(self) -> str:
        return self.machine.name

    @property
    def firewall(self) -> Firewall:
        return Firewall(self.machine)

    def run(self, *argv: str, stdin: str = "", check: bool = True) -> str:
        """Run a command as root on it."""
        return self.machine.run(*argv, stdin=stdin, check=check)

    def iptables(self, *words: str, backend: str = "nft") -> str:
        """Run real iptables on it; ``backend`` is ``nft`` or ``legacy``."""
        return self.run(f"iptables-{backend}", "-w", "5", *words)

    def unplug(self) -> None:
        """Pull the network cable: no packet says goodbye."""
        self.run("ip", "link", "set", "eth0", "down")

    def plug_in(self) -> None:
        """Put it back."""
        self.run("ip", "link", "set", "eth0", "up")

    def go_down(self) -> None:
        """A power cut: the cable goes silent, then everything that ran is dead."""
        self.unplug()
        self.machine.kill_everything()
        self.sshd.stop()

    def come_up(self) -> None:
        """After :meth:`go_down`: network and sshd are there again."""
        self.plug_in()
        self.sshd.start()

    def reboot(self) -> None:
        """A power cut and a new start: connections are silent, everything that ran is gone, the boot id is new."""
        self.go_down()
        self.machine.new_boot()
        self.come_up()

    def calm(self) -> None:
        """As at the beginning: reachable, no packet filter, no NAT. Files and programs stay as they are."""
        flush = "iptables -w 5 -F && iptables-nft -w 5 -t nat -F && iptables-legacy -w 5 -t nat -F"
        self.run("sh", "-c", f"{flush} && ip link set eth0 up")
        if self.sshd.process is None or self.sshd.process.poll() is not None:
            self.sshd.stop()
            self.sshd.start()


@dataclass(frozen=True)
class Site:
    """The whole of it.

    Attributes:
        folder: of everything that the client side uses.
        here: this machine's address in the site's network.
    """

    folder: Path
    here: str
    keys: Keys
    hosts: dict[str, Host]

    @property
    def cloud(self) -> Host:
        return self.hosts["cloud1"]

    @property
    def jump(self) -> Host:
        return self.hosts["jump"]

    @property
    def edges(self) -> Sequence[Host]:
        return self.hosts["edge1"], self.hosts["edge2"]

    @property
    def ssh_config(self) -> Path:
        return self.folder / "ssh_config"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def only_through_jump(self) -> None:
        """The edges drop what does not come from the jump host."""
        for edge in self.edges:
            edge.firewall.drop(22, source=self.here)

    def configure(self, *lines: str) -> Path:
        """Write ssh_config: ``lines`` come first and so win, then every host by name, as ``oncall``."""
        text = [*lines]
        for host in self.hosts.values():
            text += [f"Host {host.name}", f"  HostName {host.address}"]
        text += ["Host *", "  User oncall", f"  IdentityFile {self.keys.plain}", "  IdentitiesOnly yes"]
        text += [f"  UserKnownHostsFile {self.known_hosts}", "  GlobalKnownHostsFile none"]
        self.ssh_config.write_text("\n".join(text) + "\n")
        return self.ssh_config

    def trust(self) -> None:
        """Write known_hosts: every host by its present key."""
        self.known_hosts.write_text("".join(host.sshd.known_lines() for host in self.hosts.values()))

    def ssh(self, host: str, *argv: str) -> str:
        """What the real ssh prints for the same host, to compare with."""
        words = ("ssh", "-F", str(self.ssh_config), "-o", "BatchMode=yes", host, *argv)
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30, stdin=subprocess.DEVNULL)
        return done.stdout if done.returncode == 0 else done.stdout + done.stderr

    def calm(self) -> None:
        """As at the beginning."""
        for host in self.hosts.values():
            host.calm()
        self.trust()
        self.configure()


@contextmanager
def built(folder: Path) -> Iterator[Site]:
    """The site for as long as the block lasts. Takes one or two seconds."""
    folder.mkdir(mode=0o755, exist_ok=True)
    keys = Keys(keygen(folder / "plain"), keygen(folder / "locked", passphrase=PASSPHRASE))
    with ExitStack() as stack:
        bridge = stack.enter_context(switch())
        network = _free_network()
        here = f"{network}.1"
        wire(bridge, None, f"kedge{os.getpid()}", "here", here)
        hosts = {}
        for name, last in HOSTS.items():
            machine = stack.enter_context(booted(name))
            wire(bridge, machine.init, "eth0", name, f"{network}.{last}")
            hosts[name] = _serve(folder / name, machine, f"{network}.{last}", keys)
            stack.callback(hosts[name].sshd.stop)
        site = Site(folder, here, keys, hosts)
        for host in hosts.values():
            host.sshd.start()
            host.machine.file("/etc/hosts", _hosts_file(site, host))
        site.trust()
        site.configure()
        yield site


def _serve(folder: Path, machine: Machine, address: str, keys: Keys) -> Host:
    for name, sudo in PEOPLE.items():
        machine.person(name, PASSWORD, sudo)
    options = ("PasswordAuthentication yes", "AuthorizedKeysFile /etc/ssh/authorized_keys", "MaxStartups 200")
    server = Sshd(folder, 22, options, address=address, enter=machine.enter)
    welcome = "".join(f"{public(key)}\n" for key in (server.client_key, keys.plain, keys.locked))
    server.authorized_keys = machine.file("/etc/ssh/authorized_keys", welcome)  # people read it as themselves
    return Host(machine, address, server)


def _hosts_file(site: Site, host: Host) -> str:
    others = "".join(f"{other.address} {other.name}\n" for other in site.hosts.values())
    return f"127.0.0.1 localhost\n127.0.1.1 {host.name}\n{others}"


def _free_network() -> str:
    """The first three parts of a network that this machine is not in; of the range kept for benchmarks."""
    taken = {address.rpartition(".")[0] for address in addresses()}
    start = os.getpid() % 512
    for number in itertools.islice(itertools.cycle(range(512)), start, start + 512):
        network = f"198.{18 + number // 256}.{number % 256}"
        if network not in taken:
            return network
    raise AssertionError("no network of 198.18.0.0/15 is free")
