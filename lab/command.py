"""``kedge-tui lab``: start a practice site, list its faults, switch them while it runs."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from pathlib import Path
from typing import Any

import click

_UNITS = {"ms": 0.001, "s": 1.0, "": 1.0}
_EXIT_USAGE = 2


class Duration(click.ParamType):
    """A time such as ``150ms`` or ``0.2s``, in seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it; click shows the sentence of a value that is none."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|)", str(value).strip())
        if match is None:
            self.fail(f"{value!r} is not a time; write 150ms or 0.2s.", param, ctx)
        return float(match[1]) * _UNITS[match[2]]


class Share(click.ParamType):
    """A share such as ``5%`` or ``0.05``."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it; click shows the sentence of a value that is none."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(%?)", str(value).strip())
        share = float(match[1]) / (100 if match[2] else 1) if match else -1.0
        if not 0 <= share < 1:
            self.fail(f"{value!r} is not a share below 1; write 5% or 0.05.", param, ctx)
        return share


@click.group(invoke_without_command=True)
@click.option(
    "--fault", "faults", multiple=True, metavar="NAME", help="A fault that is there from the start; repeatable."
)
@click.option("--edges", type=click.IntRange(1, 1000), default=2, show_default=True, help="Number of edge nodes.")
@click.option("--latency", type=Duration(), default="0ms", help="Added to every round trip, e.g. 150ms.")
@click.option("--loss", type=Share(), default="0%", help="Share of packets lost on every link, e.g. 5%.")
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path), help="Empty folder for its files; removed at the end."
)
@click.pass_context
def lab(
    context: click.Context, faults: tuple[str, ...], edges: int, latency: float, loss: float, folder: Path | None
) -> None:
    """Start a practice site on this machine, to learn and to try things on.

    It needs neither root nor containers, listens on loopback only and removes its files when it ends.
    """
    if context.invoked_subcommand is None:
        sys.exit(asyncio.run(_run(faults=faults, edges=edges, latency=latency, loss=loss, folder=folder)))


async def _run(**options: Any) -> int:
    from lab.site import LabError, LabSite

    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ended.set)
    try:
        async with LabSite(**options) as site:
            _describe(site)
            asked = asyncio.create_task(ended.wait())
            await asyncio.wait({asked, site.life}, return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
            click.echo("Ending the practice site.")
    except LabError as problem:
        click.echo(f"kedge-tui: {problem}", err=True)
        return _EXIT_USAGE
    return 0


def _describe(site: Any) -> None:
    faults = ", ".join(site.active_faults()) or "none"
    click.echo(
        f"A practice site is running: {len(site.world.edges)} edges, faults: {faults}.\n\n"
        f"  folder      {site.dir}\n"
        f"  kubeconfig  {site.kubeconfig}\n"
        f"  inventory   {site.config_file}\n"
        f"  ssh         ssh -F {site.files.ssh_config} edge1\n\n"
        f"Open it from another terminal:\n\n"
        f"  kedge-tui --config {site.config_file} --site lab\n\n"
        f"Switch a fault:  kedge-tui lab fault on edgestream-disabled --edge edge1\n"
        f"List faults:     kedge-tui lab faults\n"
        f"End it:          ctrl+c"
    )


@lab.command()
def faults() -> None:
    """List the faults that a practice site can have."""
    from lab.faults import KNOWN

    width = max(len(name) for name in KNOWN)
    for name, fault in sorted(KNOWN.items()):
        click.echo(f"{name:<{width}}  {fault.summary}")


@lab.command()
@click.argument("switch", type=click.Choice(["on", "off"]))
@click.argument("name")
@click.option("--edge", help="The edge that it happens to, where a fault is one edge's.")
@click.option("--dir", "folder", type=click.Path(path_type=Path), help="The site's folder, if several are running.")
def fault(switch: str, name: str, edge: str | None, folder: Path | None) -> None:
    """Switch a fault of the running practice site ON or OFF."""
    from lab.control import ControlError, ask, find_site

    try:
        answer = ask(folder or find_site(), {"do": "fault", "name": name, "on": switch == "on", "edge": edge})
    except ControlError as problem:
        click.echo(f"kedge-tui: {problem}", err=True)
        sys.exit(_EXIT_USAGE)
    click.echo(f"faults now: {', '.join(answer['faults']) or 'none'}")
