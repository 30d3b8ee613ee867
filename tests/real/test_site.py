"""The site of the real tests is what it says, and the network between can be made bad."""

from __future__ import annotations

import socket
import time
from contextlib import suppress

import pytest

from kedge.links.base import Command
from kedge.links.script import Sudo
from tests.real.relay import relayed
from tests.real.site import HOSTS, PASSPHRASE, PASSWORD, PEOPLE, Site
from tests.real.ssh_people import Person, link_to

pytestmark = pytest.mark.real

WHO = [Command("who", "echo $(hostname) $(id -un)")]


@pytest.mark.parametrize("name", HOSTS)
async def test_every_host_is_a_machine_of_its_own(site: Site, name: str) -> None:
    async with link_to(site, name=name) as link:
        assert (await link.batch(WHO, deadline=20))[0].stdout == f"{name} oncall\n".encode()
    assert site.ssh(name, "hostname") == f"{name}\n"
    site.hosts[name].machine.file("/etc/kubeedge/config/edgecore.yaml", name)
    assert site.ssh(name, "cat", "/etc/kubeedge/config/edgecore.yaml") == name
    site.hosts[name].machine.program("crictl", f"echo crictl of {name}")
    assert site.ssh(name, "sudo", "-n", "crictl") == f"crictl of {name}\n"


@pytest.mark.parametrize("user", [*PEOPLE, "root"])
async def test_people_have_the_rights_they_should(site: Site, user: str) -> None:
    person = Person(PASSWORD)
    root = [Command("root", "id -un", root=True)]
    async with link_to(site, person, name="edge1", user=user, sudo=Sudo.PASSWORD) as link:
        (answer,) = await link.batch(root, deadline=30)
    assert answer.sudo_denied == (user == "reader")
    assert answer.stdout == (b"" if user == "reader" else b"root\n")
    assert len(person.asked) == (user in ("careful", "reader"))


async def test_a_locked_key_and_a_password_open_the_door(site: Site) -> None:
    person = Person(PASSPHRASE)
    async with link_to(site, person, name="edge1", identity=str(site.keys.locked)) as link:
        await link.batch(WHO, deadline=20)
    site.configure("Host edge2", "  IdentityFile none", "  PubkeyAuthentication no")
    person = Person(PASSWORD)
    async with link_to(site, person, name="edge2", identity="/nowhere") as link:
        assert (await link.batch(WHO, deadline=20))[0].stdout == b"edge2 oncall\n"


async def test_edges_behind_the_jump_host(site: Site) -> None:
    site.only_through_jump()
    with pytest.raises(TimeoutError):
        socket.create_connection((site.edges[0].address, 22), 0.3)
    async with link_to(site, name="edge1", jump="jump") as link:
        assert (await link.batch(WHO, deadline=20))[0].stdout == b"edge1 oncall\n"


def test_both_backends_of_iptables_hold_rules(site: Site) -> None:
    rule = ("-p", "tcp", "--dport", "10350", "-j", "DNAT", "--to-destination", f"{site.cloud.address}:10003")
    for backend in ("nft", "legacy"):
        site.cloud.iptables("-t", "nat", "-A", "OUTPUT", *rule, backend=backend)
        assert "10350" in site.cloud.iptables("-t", "nat", "-S", "OUTPUT", backend=backend)


def test_a_port_is_refused_or_silent(site: Site) -> None:
    site.cloud.firewall.reject(22, source=site.here)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((site.cloud.address, 22), 5)
    site.cloud.firewall.open()
    socket.create_connection((site.cloud.address, 22), 5).close()


async def test_a_reboot_ends_what_ran_and_begins_another_boot(site: Site) -> None:
    edge, other = site.edges
    boot = [Command("boot", "cat /proc/sys/kernel/random/boot_id; pgrep -cfx 'sleep 6001'")]
    edge.machine.run("sh", "-c", "sleep 6001 >/dev/null 2>&1 &")
    async with link_to(site, name="edge1") as link:
        (before,) = await link.batch(boot, deadline=20)
        edge.reboot()
        (after,) = await link.batch(boot, deadline=20)
        assert link.stats.connections == 2
    (old, ran), (new, runs) = before.stdout.split(), after.stdout.split()
    assert len({old, new, other.run("cat", "/proc/sys/kernel/random/boot_id").encode().strip()}) == 3
    assert (ran, runs) == (b"1", b"0")


def test_the_relay_delays_counts_and_cuts(site: Site) -> None:
    with relayed(site.cloud.address, 22, delay=0.05) as relay:
        began = time.monotonic()
        with socket.create_connection(relay.address, 5) as client:
            assert client.recv(100).startswith(b"SSH-2.0")
            assert time.monotonic() - began >= 0.05
            client.sendall(b"SSH-2.0-x\r\n")
            assert client.recv(100)
            assert (relay.connections, relay.round_trips) == (1, 1)
            relay.cut()
            with suppress(ConnectionResetError):
                while client.recv(4096):  # blocks for five seconds and raises TimeoutError if nothing was cut
                    pass
