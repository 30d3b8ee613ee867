"""``kedge-tui doctor``: whether its own set-up will do, before there is an incident. It changes and asks nothing."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from kedge.commands.common import put, site_options, stop
from kedge.commands.durations import duration
from kedge.commands.info import libraries
from kedge.commands.live import chosen_with_hosts
from kedge.config import ConfigFileError, config_path
from kedge.doctor import here, site
from kedge.doctor.points import Point, document, table
from kedge.engine import Engine, SiteName
from kedge.exit_codes import Exit
from kedge.hosts import HostSources
from kedge.i18n import _
from kedge.links.kubeconfig import ConfigError, find_target
from kedge.links.pools import Pools
from kedge.model import Observation, Status
from kedge.plugins import Registry
from kedge.prompter import RefusingPrompter, SharedPrompter
from kedge.registry import discover
from kedge.state import state_place
from kedge.workbench import Chosen, Options, kube_settings

EACH_SECONDS = 15.0
"""For one machine to answer in."""


@click.command("doctor")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", help="Format of the report.")
@click.option("--node", "nodes", multiple=True, help="Only this node or host; repeatable.")
@duration("--timeout", "60s", "For everything that is asked over the network.")
@site_options
def command(output: str, nodes: tuple[str, ...], timeout: float, **given: Any) -> None:
    """Look at kedge-tui's own set-up: terminal, files, credentials, SSH and sudo of every host, clocks.

    Nothing is changed and nobody is asked. The exit code is 2 when files are unusable, 3 when something fails.
    """
    registry = discover()
    points = _here(registry)
    usable = True
    try:
        chosen = chosen_with_hosts(Options(**given), {})
        points.append(_config(chosen, given["config"]))
        points += site.of_kubeconfig(find_target(kube_settings(Options(**given), chosen.settings)), datetime.now(UTC))
        points += asyncio.run(_reach(chosen, Options(**given), registry, nodes, timeout))
    except ConfigFileError as error:
        points.append(Point("config", Status.FAIL, error.text))
        usable = False
    except ConfigError as error:
        points.append(Point("kubeconfig", Status.FAIL, error.text))
        usable = False
    if output == "json":
        put(json.dumps(document(points, datetime.now(UTC)), ensure_ascii=False, indent=2) + "\n")
    else:
        put(table(points))
    failed = any(one.status is Status.FAIL for one in points)
    sys.exit(Exit.USAGE if not usable else Exit.FAILURE if failed else Exit.OK)


def _here(registry: Registry) -> list[Point]:
    """What needs no network."""
    size = shutil.get_terminal_size()
    terminal = here.Terminal(sys.stdin.isatty() and sys.stderr.isatty(), size.columns, size.lines, sys.stdout.encoding)
    home = os.environ.get("HOME")
    return [
        here.of_program(libraries(), len(registry.problems)),
        *here.of_terminal(terminal, os.environ),
        here.of_state(state_place()),
        *here.of_ssh(os.environ, Path(home) if home else None),
    ]


def _config(chosen: Chosen, named: str) -> Point:
    path = config_path(named)
    if chosen.config.warnings:
        return Point("config", Status.WARN, chosen.config.warnings[0])
    if chosen.config.path is None:
        return Point("config", Status.INFO, _("{path} does not exist; the kubeconfig is the site").format(path=path))
    return Point("config", Status.PASS, _("{path}, site {site}").format(path=path, site=chosen.name))


def _known(nodes: Sequence[str], engine: Engine) -> None:
    """A name that is no machine of the site ends the program: nothing would be said of it."""
    known = [host.name for host in engine.hosts if host.roles]
    for node in nodes:
        if node not in known:
            text = _("There is no node or host {name}; there are: {known}")
            stop(text.format(name=node, known=", ".join(known) or "-"))


async def _reach(
    chosen: Chosen, options: Options, registry: Registry, nodes: Sequence[str], timeout: float
) -> list[Point]:
    """What only the network can tell; what was not told in time is unknown."""
    from kedge.links.kube import connect_kube  # imports the client
    from kedge.sources.kube import KubeSource

    # Without the executor: what opens a site to be changed makes the state directory, which may be what is wrong.
    pools, prompter = Pools(), SharedPrompter(RefusingPrompter(accept_new_host_keys=False))
    hosts = HostSources(chosen.name, chosen.settings, pools, prompter, ssh=not options.no_ssh)
    link = await connect_kube(kube_settings(options, chosen.settings), pools)
    kubernetes = KubeSource(link)
    name = SiteName(chosen.name, link.target.context, link.server)
    engine = Engine(name, registry, chosen.settings, kubernetes, hosts.source)
    hosts.know(lambda host: next((one for one in engine.hosts if one.name == host), None))
    seen, points = list[Observation](), list[Point]()
    engine.tell(seen.extend)
    try:
        async with asyncio.timeout(timeout):
            points += await site.of_api(engine.kubernetes, EACH_SECONDS)
            if points[-1].status is not Status.FAIL:
                await engine.look_at_site()
                points.append(site.of_rights(seen))
            else:
                engine.find_hosts()
            _known(nodes, engine)
            points += await site.of_hosts(engine, hosts.source, nodes, EACH_SECONDS)
    except TimeoutError:
        said = _("Not everything answered within {seconds} s").format(seconds=f"{timeout:g}")
        points.append(
            Point("network", Status.UNKNOWN, said, help=_("Give it longer: --timeout 3m; or name one: --node"))
        )
    finally:
        await kubernetes.close()
        await hosts.close()
    return points
