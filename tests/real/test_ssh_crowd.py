"""Many hosts at once: what is down must not keep what is up waiting."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import paramiko
import pytest
import pytest_asyncio

from kedge.links import ssh, ssh_dial
from kedge.links.base import Command
from kedge.links.pools import SSH_IO, Pools
from kedge.links.ssh import SshLink
from kedge.links.ssh_config import SshTarget
from kedge.links.ssh_shared import SshShared
from kedge.model import LinkError, Reason
from kedge.prompter import RefusingPrompter
from tests.real.site import Site
from tests.real.ssh_people import until

pytestmark = pytest.mark.real

ASK = [Command("a", "echo fine")]


@pytest_asyncio.fixture
async def crowd(site: Site) -> AsyncIterator[Crowd]:
    made = Crowd(site)
    yield made
    await made.close()


class Crowd:
    """Links that share what the links of one site share."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.pools, self.shared = Pools(), SshShared()
        self.links: list[SshLink] = []

    def link(self, name: str, **settings: object) -> SshLink:
        target = replace(SshTarget(name, ssh_config=self.site.ssh_config), **settings)  # type: ignore[arg-type]
        self.links.append(SshLink(target, self.pools, RefusingPrompter(), self.shared))
        return self.links[-1]

    async def close(self) -> None:
        await asyncio.gather(*(link.close() for link in self.links))
        self.shared.close()
        self.pools.close()


async def test_a_district_without_power_keeps_nobody_waiting(site: Site, crowd: Crowd) -> None:
    """More machines are silent than there are threads for conversations; those that answer answer at once."""
    edge1, edge2 = site.edges
    edge2.firewall.drop(22, source=site.here)
    up = crowd.link("edge1")
    await up.batch(ASK, deadline=20)
    dark = [crowd.link(f"dark{n}", address=edge2.address) for n in range(SSH_IO + 2)]
    waiting = [asyncio.create_task(link.batch(ASK, deadline=6)) for link in dark]
    await asyncio.sleep(0)
    began = time.monotonic()
    for _sweep in range(3):
        assert (await up.batch(ASK, deadline=20))[0].stdout == b"fine\n"
    fresh = crowd.link("cloud1")
    assert (await fresh.batch(ASK, deadline=20))[0].stdout == b"fine\n"
    assert time.monotonic() - began < 5
    assert not any(task.done() for task in waiting)
    refused = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(error, LinkError) and error.unknown.reason is Reason.TIMED_OUT for error in refused)
    assert edge1.sshd.sessions()


async def test_silence_costs_seconds_and_not_the_deadline_of_a_sweep(
    site: Site, crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_dial, "CONNECT_SECONDS", 0.5)
    site.edges[0].firewall.drop(22)
    for settings in ({}, {"jump": "jump"}):
        link = crowd.link("edge1", **settings)
        began = time.monotonic()
        with pytest.raises(LinkError) as caught:
            await link.batch(ASK, deadline=30)
        assert caught.value.unknown.reason is Reason.TIMED_OUT
        assert str(caught.value) == f"edge1: timed out after 0.5 s while connecting to {site.edges[0].address}:22"
        assert time.monotonic() - began < 15


async def test_handshakes_come_a_few_at_a_time_and_threads_go_when_the_crowd_has_gone(
    site: Site, crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd.shared = SshShared(most_open=4, most_handshakes=2)
    now, most, guard = 0, 0, threading.Lock()
    handshake = ssh_dial.Dialler._handshake

    def counted(self, *args):  # type: ignore[no-untyped-def]
        nonlocal now, most
        with guard:
            now += 1
            most = max(most, now)
        try:
            return handshake(self, *args)
        finally:
            with guard:
                now -= 1

    monkeypatch.setattr(ssh_dial.Dialler, "_handshake", counted)
    hosts = list(site.hosts.values())
    links = [crowd.link(f"host{n}", address=hosts[n % len(hosts)].address) for n in range(12)]
    answers = await asyncio.gather(*(link.batch(ASK, deadline=60) for link in links))
    assert [answer.stdout for (answer,) in answers] == [b"fine\n"] * 12
    assert most == 2
    for link in links:  # one after the other, so that each finds the others idle
        await link.batch(ASK, deadline=60)
    assert sum(link.is_connected for link in links) <= 4
    await until(lambda: sum(isinstance(thread, paramiko.Transport) for thread in threading.enumerate()) <= 4)


async def test_a_connection_that_nobody_uses_is_closed(
    site: Site, crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh, "IDLE_SECONDS", 0.3)
    link = crowd.link("edge1")
    slow = asyncio.create_task(link.batch([Command("a", "sleep 1; echo slow")], deadline=20))
    await link.batch(ASK, deadline=20)
    assert (await slow)[0].stdout == b"slow\n"  # longer than the limit, but in use
    await until(lambda: not link.is_connected and not site.edges[0].sshd.sessions())
    assert (await link.batch(ASK, deadline=20))[0].stdout == b"fine\n"
    assert link.stats.connections == 2


async def test_after_a_nap_of_this_machine_nobody_waits_for_dead_connections(site: Site, crowd: Crowd) -> None:
    """The cable was out while it slept; timers stood still, so nothing has noticed."""
    edge1, edge2 = site.edges
    link, failed = crowd.link("edge1"), crowd.link("edge2")
    await link.batch(ASK, deadline=20)
    edge2.firewall.reject(22)
    with pytest.raises(LinkError):
        await failed.batch(ASK, deadline=20)
    failed._not_before += 1000
    edge1.go_down()
    edge1.come_up()
    edge2.firewall.open()
    for one in (link, failed):
        one.woke()
        assert (await one.batch(ASK, deadline=20))[0].stdout == b"fine\n"
