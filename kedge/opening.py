"""Opens a site: puts links, sources, engine and executor together. Imported only when a site is opened."""

from __future__ import annotations

import getpass
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kedge.audit import Audit
from kedge.config import SiteSettings
from kedge.engine import Engine, SiteName
from kedge.executor import Executor, Where
from kedge.hosts import HostSources
from kedge.links.base import Access, HostWriter, KubeWriter
from kedge.links.kube import ApiLink, connect_kube
from kedge.links.kube_writer import ApiWriter
from kedge.links.kubeconfig import KubeSettings
from kedge.links.pools import Pools
from kedge.live import LiveSite, Pace
from kedge.model import Cost
from kedge.picture import LinkInfo
from kedge.plugins import Registry
from kedge.prompter import Prompter, SharedPrompter
from kedge.recording import open_recording
from kedge.sources.base import NoSource, Source, no_ssh
from kedge.sources.kube import KubeSource
from kedge.state import audit_path
from kedge.workbench import Chosen, Options

log = logging.getLogger(__name__)

GET_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Opened:
    """An open site; without an executor nothing can be changed (a recording)."""

    site: LiveSite
    executor: Executor | None = None


class SiteWriters:
    """Where the executor, and nobody else, gets the links that may change something."""

    def __init__(self, link: ApiLink, hosts: HostSources) -> None:
        self._link = link
        self._hosts = hosts

    async def host(self, name: str) -> HostWriter:
        """The writer of one host; raises LinkError when it cannot be reached."""
        return self._hosts.writer(name)

    async def kube(self) -> KubeWriter:
        """The writer of the Kubernetes API."""
        return ApiWriter(self._link.connection)

    async def kube_get(self, path: str, access: Access, query: Mapping[str, str] | None = None) -> bytes:
        """Read one object or list."""
        return (await self._link.get(path, access, deadline=GET_SECONDS, query=query)).body


async def open_site(
    chosen: Chosen,
    options: Options,
    registry: Registry,
    prompter: Prompter,
    read_only: Callable[[], bool],
    *,
    watching: bool = True,
    pace: Pace | None = None,
    pools: Pools | None = None,
) -> Opened:
    """Put a live site together; nothing is dialled yet.

    Raises:
        kedge.links.kubeconfig.ConfigError: no usable kubeconfig, or no such context.
    """
    pools, settings = pools or Pools(), chosen.settings
    wanted = KubeSettings(
        kubeconfig=options.kubeconfig or settings.kubeconfig,
        context=options.context or settings.context,
    )
    link = await connect_kube(wanted, pools)
    hosts = HostSources(chosen.name, settings, pools, SharedPrompter(prompter), ssh=not options.no_ssh)
    kubernetes = KubeSource(link)
    name = SiteName(chosen.name, link.target.context, link.server)
    engine = Engine(name, registry, settings, kubernetes, hosts.source, watching=watching)
    engine.problems += chosen.config.warnings
    hosts.know(lambda host: next((h for h in engine.hosts if h.name == host), None))
    site = LiveSite(engine, kubernetes, hosts, read_only=read_only, pace=pace)
    kubernetes.on_change = site.watch_changed
    where = Where(chosen.name, link.target.context, getpass.getuser(), link.target.user_name)
    return Opened(site, Executor(SiteWriters(link, hosts), Audit(audit_path()), read_only, where))


# ------------------------------------------------------------------------------------------------- recordings


class NoHosts:
    """The hosts of a recording: nothing to dial."""

    def states(self) -> tuple[LinkInfo, ...]:
        """None."""
        return ()

    async def close(self) -> None:
        """Nothing to close."""


def recorded_engine(directory: Path, registry: Registry, settings: SiteSettings | None = None) -> Engine:
    """An engine over a recorded site; raises RecordingError."""
    recorded = open_recording(directory)

    def host(name: str) -> Source:
        return recorded.hosts.get(name) or NoSource(name, no_ssh(name))

    return Engine(
        SiteName(recorded.name, context="recording"),
        registry,
        settings or SiteSettings(),
        recorded.kubernetes,
        host,
        also=recorded.hosts,
        taken=recorded.recorded,
    )


async def open_recorded(directory: Path, registry: Registry) -> LiveSite:
    """A recorded site, judged once with today's checks; raises RecordingError."""
    engine = recorded_engine(directory, registry)
    await engine.look(tuple(Cost))
    return LiveSite(engine, None, NoHosts(), read_only=lambda: True)
