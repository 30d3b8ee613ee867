"""``kedge-tui probe-script``: for a host without SSH, the script of a sweep to run there by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from kedge.asks import HostAsk
from kedge.commands.common import put, site_options, stop
from kedge.commands.live import SWEEP, Session, opened
from kedge.commands.terminal import say
from kedge.engine import Engine
from kedge.exit_codes import Exit
from kedge.facts.apiserver import ApiServer
from kedge.facts.cloudcore import CloudCore, CloudCoreConfig, CloudExposure
from kedge.facts.edgecore import EdgeCoreConfig, EdgeStream
from kedge.i18n import _
from kedge.model import Host, Role
from kedge.probe_script import Collector, ProbeScriptError, Saved, SavedSource, read, script
from kedge.registry import discover
from kedge.sources.base import KUBERNETES, NoSource, no_api
from kedge.sweep import Sweeper
from kedge.workbench import Options

MOST_GUESSES = 4
"""Addresses of CloudCore that are tried from an edge whose edgecore.yaml is not known yet."""


@click.command("probe-script")
@click.argument("node")
@click.option("--with", "files", multiple=True, metavar="FILE", help="Ask only what this output leaves open.")
@click.option("--timeout", type=float, default=30.0, show_default=True, help="Seconds to ask the API.")
@site_options
def command(node: str, files: tuple[str, ...], timeout: float, **site: Any) -> None:
    """Print what a sweep would ask of NODE as a POSIX shell script, to be run there by hand.

    Its output is read back with `kedge-tui check --with FILE`.
    """
    saved = read_files(files)
    text = asyncio.run(_script(node, saved.get(node), timeout, Options(**site)))
    if not text:
        stop(_("Everything that is asked of {node} is answered already").format(node=node), Exit.OK)
    put(text)
    say(_("Run it on {node}, as root where possible: sh FILE.sh > FILE.out").format(node=node))
    say(_("Read its output back: kedge-tui check --with FILE.out"))


def read_files(files: Iterable[str]) -> dict[str, Saved]:
    """What some outputs hold, by host; ends the program for a file that is none."""
    found: dict[str, Saved] = {}
    for file in files:
        try:
            one = read(Path(file).expanduser().read_bytes(), file)
        except OSError as error:
            stop(_("{file} cannot be read: {problem}").format(file=file, problem=error.strerror))
        except ProbeScriptError as error:
            stop(error.text)
        if not one.complete:
            say(_("{file} ends early: what is missing is unknown").format(file=file))
        found[one.host] = found[one.host].joined(one) if one.host in found else one
    return found


async def _script(node: str, saved: Saved | None, timeout: float, options: Options) -> str:
    """The script; "" when nothing is left to ask."""
    known = saved or Saved(node, (Role.EDGE,), {}, complete=True)
    hosts = {node: known}
    async with opened(discover(), replace(options, no_ssh=True), read_only=lambda: True, saved=hosts) as session:
        try:
            async with session.within(timeout):
                await session.site.engine.look_at_site()
        except TimeoutError:
            say(_("The API did not answer within {seconds:g} s; asking what can be known").format(seconds=timeout))
        host = _host(node, session)
        asks = await collect(session.site.engine, host, known)
    return script(node, host.roles, asks) if asks else ""


def _host(node: str, session: Session) -> Host:
    """The host by name. Only a cluster that answers can say that there is no such node."""
    engine = session.site.engine
    nodes = [host.name for host in engine.hosts if host.address]
    if engine.store.known(ApiServer) is not None and node not in nodes:
        text = _("There is no node or host {name}; there are: {known}")
        stop(text.format(name=node, known=", ".join(nodes) or "-"))
    return next(host for host in engine.hosts if host.name == node)


async def collect(engine: Engine, host: Host, known: Saved) -> tuple[HostAsk, ...]:
    """What is still to be asked of a host, as far as it can be known before it has answered."""
    collector = Collector(host.name, SavedSource(known))
    api = NoSource(KUBERNETES, no_api())
    sweeper = Sweeper(engine.registry, engine.store, api, lambda name: collector)
    await sweeper.host(host, SWEEP)
    if engine.store.known(EdgeCoreConfig, host.name) is None and Role.EDGE in host.roles:
        for guess in guesses(engine, host):
            engine.store.put(EdgeCoreConfig, host.name, guess)
            await sweeper.host(host, SWEEP)
    return tuple(collector.asks)


def guesses(engine: Engine, host: Host) -> Iterator[EdgeCoreConfig]:
    """edgecore.yaml as it would be right: dialling CloudCore where the cluster says that it can be reached.

    What depends on it is asked in the same script; if the file says otherwise, a second script asks the rest.
    """
    store = engine.store
    core, exposure = store.known(CloudCore), store.known(CloudExposure) or CloudExposure()
    port = (store.known(CloudCoreConfig) or CloudCoreConfig("")).cloud_stream.tunnel_port
    ports = (port, *(outside for inside, outside in exposure.node_ports if inside == port))
    addresses = sorted({*exposure.addresses, *(core.addresses if core else ())})
    for address in addresses[:MOST_GUESSES]:
        for number in ports:
            yield EdgeCoreConfig(host.paths.edgecore_config, edge_stream=EdgeStream(True, f"{address}:{number}"))
