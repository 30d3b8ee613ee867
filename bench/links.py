"""What asking hosts over SSH costs, beside what a person would type. Run by hand, as root: python -m bench.links

One host behind a relay with 150 ms of round trip, then many hosts (names for the four machines of the real tests'
site), each with the same commands: our links, `ssh` for each command, `xargs -P16 ssh`.
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from kedge.links.base import Command
from kedge.links.pools import Pools
from kedge.links.ssh import SshLink
from kedge.links.ssh_config import SshTarget
from kedge.links.ssh_shared import SshShared
from kedge.prompter import RefusingPrompter
from tests.real.relay import Relay, relayed
from tests.real.site import Site, built

DELAY = 0.075
WORDS = [f"echo {n}; uname -r; cat /proc/loadavg" for n in range(20)]
COMMANDS = [Command(str(number), shell) for number, shell in enumerate(WORDS)]


def main() -> None:
    """Print one line for each way."""
    with tempfile.TemporaryDirectory(prefix="kedge-bench-") as folder:
        Path(folder).chmod(0o755)
        with built(Path(folder) / "site") as site:
            with relayed(site.edges[0].address, 22, delay=DELAY) as relay:
                far = site.configure(
                    "Host far",
                    "  HostName 127.0.0.1",
                    f"  Port {relay.port}",
                    f"  HostKeyAlias {site.edges[0].address}",
                )
                print(f"one host, {DELAY * 2000:.0f} ms round trip, {len(COMMANDS)} commands")
                asyncio.run(_one(far, relay))
                for parallel in (1, 16):
                    _shell(relay, parallel, [f"far {word!r}" for word in WORDS], far)
            site.configure()
            for count in (100, 500):
                print(f"{count} hosts, no delay, {len(COMMANDS)} commands each")
                asyncio.run(_many(site, count))
            hosts = list(site.hosts)
            together = "; ".join(WORDS)
            lines = [f"{hosts[n % len(hosts)]} {together!r}" for n in range(100)]
            print("100 hosts, the same commands as one script each")
            _shell(None, 16, lines, site.ssh_config)


async def _one(config: Path, relay: Relay) -> None:
    pools = Pools()
    link = SshLink(SshTarget("far", ssh_config=config), pools, RefusingPrompter())
    for what in ("kedge, first sweep", "kedge, later sweep"):
        channels = link.stats.channels
        await _timed(what, relay, lambda: link.batch(COMMANDS, deadline=60))
        print(f"    {link.stats.channels - channels} exec channel")
    await link.close()
    pools.close()


async def _timed(what: str, relay: Relay, work: Callable[[], Awaitable[object]]) -> None:
    trips, carried, began = relay.round_trips, relay.carried, time.monotonic()
    await work()
    _tell(what, time.monotonic() - began, relay.round_trips - trips, relay.carried - carried)


def _tell(what: str, seconds: float, trips: int, carried: int) -> None:
    detail = f"{trips:4} turns of the conversation {carried / 1024:7.1f} KiB" if trips else ""
    print(f"  {what:<28} {seconds:7.2f} s  {detail}")


def _shell(relay: Relay | None, parallel: int, lines: list[str], config: Path) -> None:
    """``ssh`` once a line, so many at a time."""
    trips, carried = (relay.round_trips, relay.carried) if relay else (0, 0)
    words = f"xargs -P{parallel} -d '\\n' -I@ sh -c 'ssh -n -F {config} -o BatchMode=yes @ >/dev/null'"
    script = words.replace("'\\n'", "'\n'")
    began = time.monotonic()
    arguments = "".join(f"{line}\n" for line in lines).replace("'", '"')
    subprocess.run(["sh", "-c", script], input=arguments, text=True, check=True)
    now = (relay.round_trips, relay.carried) if relay else (0, 0)
    name = "ssh for each command" if parallel == 1 else f"xargs -P{parallel} ssh"
    _tell(name, time.monotonic() - began, now[0] - trips, now[1] - carried)


async def _many(site: Site, count: int) -> None:
    pools, shared = Pools(), SshShared()
    addresses = [host.address for host in site.hosts.values()]
    links = [
        SshLink(
            SshTarget(f"host{n}", address=addresses[n % len(addresses)], ssh_config=site.ssh_config),
            pools,
            RefusingPrompter(),
            shared,
        )
        for n in range(count)
    ]
    slots, most = asyncio.Semaphore(32), 0  # as many hosts at once as the engine asks

    async def sweep(link: SshLink) -> None:
        nonlocal most
        async with slots:
            await link.batch(COMMANDS, deadline=120)
            most = max(most, threading.active_count())

    began = time.monotonic()
    await asyncio.gather(*map(sweep, links))
    took = time.monotonic() - began
    now, memory = threading.active_count(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    _tell("kedge, first sweep", took, 0, 0)
    print(f"    {most} threads at most, {now} at the end, {sum(link.is_connected for link in links)} connections kept")
    print(f"    {memory:.0f} MiB at most so far")
    await asyncio.gather(*(link.close() for link in links))
    shared.close()
    pools.close()


if __name__ == "__main__":
    main()
