"""A machine of its own made of namespaces: network, processes, mounts, host name, and its own ``/etc``.

Everything lives and dies with one process, so a test that is killed leaves nothing behind. Files of the machine can
be read and written from outside through :meth:`Machine.path`; ``/etc``, ``/home``, ``/run``, ``/var/log`` and
``/usr/local/sbin`` are its own (the last is first in root's and in sudo's PATH: the place for stand-in programs),
and so is the kernel's boot id; everything else is what this machine has.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_BOOT = """\
set -e
hostname "$1"
for place in /home /run /var/log /usr/local/sbin; do mount -t tmpfs -o mode=755 kedge "$place"; done
mkdir /run/sshd /run/etc
cp -a /etc/. /run/etc
mount --bind /run/etc /etc
cat /proc/sys/kernel/random/uuid >/run/boot_id
mount --bind /run/boot_id /proc/sys/kernel/random/boot_id
printf '127.0.0.1 localhost\\n127.0.1.1 %s\\n' "$1" >/etc/hosts
ip link set lo up
echo up
while :; do sleep infinity & wait; done
"""


@dataclass(frozen=True)
class Machine:
    """One running machine.

    Attributes:
        name: its host name.
        init: its first process, as this machine numbers it.
    """

    name: str
    init: int

    @property
    def enter(self) -> tuple[str, ...]:
        """What a command line begins with to run inside. The command ends when whoever started it does."""
        pdeathsig = ("setpriv", "--pdeathsig", "KILL", "--")
        return ("nsenter", f"--target={self.init}", "--net", "--mount", "--uts", "--pid", "--", *pdeathsig)

    def run(self, *argv: str, stdin: str = "", check: bool = True) -> str:
        """Run a command as root inside; returns what it printed, and its complaints when it failed."""
        done = subprocess.run(
            (*self.enter, *argv), input=stdin, text=True, capture_output=True, check=False, timeout=30, errors="replace"
        )
        assert not check or done.returncode == 0, f"{self.name}: {argv} -> {done.returncode}: {done.stderr}"
        return done.stdout if done.returncode == 0 else done.stdout + done.stderr

    def path(self, inside: str) -> Path:
        """Where a file of the machine is found from outside."""
        return Path(f"/proc/{self.init}/root{inside}")

    def file(self, inside: str, text: str | bytes, mode: int = 0o644) -> Path:
        """Write a file of the machine, folders included."""
        file = self.path(inside)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        file.chmod(mode)
        return file

    def program(self, name: str, script: str) -> Path:
        """Put a stand-in for a program (crictl, journalctl …) where it is found first, by sudo too."""
        return self.file(f"/usr/local/sbin/{name}", script if script[:2] == "#!" else f"#!/bin/sh\n{script}\n", 0o755)

    def person(self, name: str, password: str, sudo: str = "", shell: str = "/bin/sh") -> None:
        """A login user; ``sudo`` is what sudoers says after ``ALL=(ALL)``, for example ``NOPASSWD: ALL``."""
        self.run("useradd", "--create-home", "--shell", shell, name)
        self.run("chpasswd", stdin=f"{name}:{password}\n")
        if sudo:
            self.file(f"/etc/sudoers.d/{name}", f"{name} ALL=(ALL) {sudo}\n", 0o440)

    def kill_everything(self) -> None:
        """All processes but the first end at once, as in a power cut."""
        self.run("kill", "-9", "--", "-1", check=False)

    def new_boot(self) -> None:
        """The kernel's boot id is another one, as after every start of a machine."""
        self.file("/run/boot_id", Path("/proc/sys/kernel/random/uuid").read_text())


@contextmanager
def booted(name: str) -> Iterator[Machine]:
    """A machine for as long as the block lasts."""
    flags = ("--net", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc")
    argv = ("setpriv", "--pdeathsig", "KILL", "--", "unshare", *flags, "sh", "-c", _BOOT, "sh", name)
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "up\n", f"{name} does not start; may this machine make namespaces?"
            (init,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            yield Machine(name, int(init))
        finally:
            process.kill()  # the first process dies with it, and with that everything inside


def wire(switch: int, machine: int | None, inside: str, port: str, address: str) -> None:
    """Plug a machine (None: this one) into a switch: one veth pair, a bridge port at the other end."""
    here = ["ip", "link", "add", inside, *([] if machine is None else ["netns", str(machine)])]
    _ip(*here, "type", "veth", "peer", "name", port, "netns", str(switch))
    _in_net(switch, "ip", "link", "set", port, "master", "switch", "up")
    for words in (("addr", "add", f"{address}/24", "dev", inside), ("link", "set", inside, "up")):
        if machine is None:
            _ip("ip", *words)
        else:
            _in_net(machine, "ip", *words)


@contextmanager
def switch() -> Iterator[int]:
    """A switch that machines are plugged into: a bridge in a network namespace, named by its process."""
    argv = ("setpriv", "--pdeathsig", "KILL", "--", "unshare", "--net")
    script = "ip link add switch type bridge && ip link set switch up && echo up && exec sleep infinity"
    with subprocess.Popen((*argv, "sh", "-c", script), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "up\n", "no bridge; may this machine make network namespaces?"
            yield process.pid
        finally:
            process.kill()  # the veth pairs end with their namespace


def _in_net(target: int, *argv: str) -> None:
    _ip("nsenter", f"--target={target}", "--net", "--", *argv)


def _ip(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 0, f"{argv}: {done.stderr}"


def addresses() -> Sequence[str]:
    """The IPv4 addresses that this machine has now."""
    said = subprocess.run(["ip", "-4", "-o", "addr"], capture_output=True, text=True, check=True, timeout=20).stdout
    return [line.split()[3].partition("/")[0] for line in said.splitlines()]
