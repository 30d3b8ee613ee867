"""Opens a site: puts links, sources, engine and executor together. Imported only when a site is opened."""

from __future__ import annotations

import getpass
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kedge.audit import Audit
from kedge.bundles.opening import bundled_engine, read_bundle
from kedge.config import SiteSettings
from kedge.engine import Engine, SiteName
from kedge.executor import Executor, Where
from kedge.facts.inventory import HomeNamespace
from kedge.hosts import HostSources
from kedge.i18n import Text, _
from kedge.links.base import Access, ExecResult, HostWriter, KubeWriter
from kedge.links.kube import ApiLink, connect_kube
from kedge.links.kube_writer import ApiWriter
from kedge.links.kubeconfig import NoConfigError
from kedge.links.pools import Pools
from kedge.links.terminal_kube import KubeTerminals
from kedge.live import LiveSite, Pace
from kedge.model import SITE, Cost, LinkError
from kedge.picture import LinkInfo
from kedge.plugins import Registry
from kedge.prompter import Prompter, SharedPrompter
from kedge.recording import Recording, open_recording
from kedge.shells.audit import Account
from kedge.shells.service import Rules, Shells
from kedge.sources.base import KUBERNETES, NoSource, Source, no_api, no_ssh
from kedge.sources.kube import KubeSource
from kedge.state import audit_path
from kedge.this_machine import with_saved
from kedge.workbench import Chosen, Options, kube_settings

log = logging.getLogger(__name__)

GET_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Opened:
    """An open site; without an executor nothing can be changed, without hosts nothing can be followed (a recording)."""

    site: LiveSite
    executor: Executor | None = None
    hosts: HostSources | None = None
    shells: Shells | None = None


class SiteWriters:
    """Where the executor, and nobody else, gets the links that may change something."""

    def __init__(self, link: ApiLink | None, hosts: HostSources) -> None:
        self._connected = link
        self._hosts = hosts

    @property
    def _link(self) -> ApiLink:
        if self._connected is None:
            raise LinkError(no_api())
        return self._connected

    async def host(self, name: str) -> HostWriter:
        """The writer of one host; raises LinkError when it cannot be reached."""
        return self._hosts.writer(name)

    async def kube(self) -> KubeWriter:
        """The writer of the Kubernetes API."""
        return ApiWriter(self._link.connection)

    async def kube_get(self, path: str, access: Access, query: Mapping[str, str] | None = None) -> bytes:
        """Read one object or list."""
        return (await self._link.get(path, access, deadline=GET_SECONDS, query=query)).body

    async def kube_can(self, access: Access) -> bool:
        """Whether this user has a right."""
        return await self._link.can_i(access, deadline=GET_SECONDS)

    async def kube_exec(
        self, namespace: str, pod: str, container: str, command: Sequence[str], *, deadline: float
    ) -> ExecResult:
        """Run one command in a container."""
        return await self._link.exec(namespace, pod, container, command, deadline=deadline)


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
    saved: Mapping[str, Source] | None = None,
) -> Opened:
    """Put a live site together; nothing is dialled yet.

    Args:
        saved: hosts that have been asked already, by hand.

    Raises:
        kedge.links.kubeconfig.ConfigError: no usable kubeconfig, or no such context. A site that has hosts of its
            own to ask (this machine, saved ones) needs none, unless the command line names one.
    """
    pools, settings = pools or Pools(), chosen.settings
    alone = bool(saved) or any(host.local for host in settings.hosts)
    link, problems = await _connect(options, settings, pools, needed=not alone)
    hosts = HostSources(chosen.name, settings, pools, SharedPrompter(prompter), ssh=not options.no_ssh, saved=saved)
    kubernetes = None if link is None else KubeSource(link)
    name = SiteName(chosen.name, link.target.context if link else "", link.server if link else "")
    api = kubernetes or NoSource(KUBERNETES, no_api())
    engine = Engine(name, registry, settings, api, hosts.source, also=saved or (), watching=watching)
    engine.problems += (*chosen.config.warnings, *problems)
    if link is not None:
        engine.store.put(HomeNamespace, SITE, HomeNamespace(link.target.namespace, link.target.namespace_chosen))
    hosts.know(lambda host: next((h for h in engine.hosts if h.name == host), None))
    site = LiveSite(engine, kubernetes, hosts, read_only=read_only, pace=pace)
    if kubernetes is not None:
        kubernetes.on_change = site.watch_changed
    where = Where(chosen.name, name.context, getpass.getuser(), link.account if link else "")
    audit = Audit(audit_path())
    account = Account(audit, chosen.name, name.context, where.kube_user)
    kube = None if link is None else KubeTerminals(link.connection)
    rules = Rules(read_only, settings.shells_when_read_only, settings.record_shells)
    shells = Shells(engine, hosts, kube, account, rules, pools)
    return Opened(site, Executor(SiteWriters(link, hosts), audit, read_only, where), hosts, shells)


async def _connect(
    options: Options, settings: SiteSettings, pools: Pools, *, needed: bool
) -> tuple[ApiLink | None, tuple[Text, ...]]:
    """The link to the API; where there is no kubeconfig and none is needed, None and a sentence about it."""
    try:
        link = await connect_kube(kube_settings(options, settings), pools)
        return link, (_unverified(link),) if link.target.insecure else ()
    except NoConfigError as error:
        if needed or options.kubeconfig or options.context or options.cluster or options.user:
            raise
        return None, (_("{problem}; only what hosts themselves tell is judged").format(problem=error.text),)


def _unverified(link: ApiLink) -> Text:
    text = _(
        "The API server's certificate is not verified (insecure-skip-tls-verify of {cluster}): "
        "anybody on the way can listen"
    )
    return text.format(cluster=link.target.cluster_name)


# ------------------------------------------------------------------------------------------------- recordings


class NoHosts:
    """The hosts of a recording: nothing to dial."""

    def states(self) -> tuple[LinkInfo, ...]:
        """None."""
        return ()

    def retry(self) -> None:
        """Nothing to try."""

    def woke(self) -> None:
        """Nothing to connect."""

    async def close(self) -> None:
        """Nothing to close."""


def recorded_engine(directory: Path, registry: Registry, settings: SiteSettings | None = None) -> Engine:
    """An engine over a recorded site: a bundle (a file) or a folder of recordings; raises RecordingError."""
    if directory.is_file():
        return bundled_engine(read_bundle(directory), registry)
    return engine_over(open_recording(directory), registry, settings)


def engine_over(recorded: Recording, registry: Registry, settings: SiteSettings | None = None) -> Engine:
    """An engine that asks a recording. Hosts that Kubernetes did not name are what they seem to be by their answers."""
    settings = settings or SiteSettings()
    named = {entry.match for entry in settings.named_hosts()}
    for name, roles in recorded.roles.items():
        if roles and name not in recorded.nodes | named:
            settings = with_saved(settings, name, roles)

    def host(name: str) -> Source:
        return recorded.hosts.get(name) or NoSource(name, no_ssh(name))

    engine = Engine(
        SiteName(recorded.name, context="recording"),
        registry,
        settings,
        recorded.kubernetes,
        host,
        also=recorded.hosts,
        taken=recorded.recorded,
    )
    engine.problems += recorded.problems
    return engine


async def open_recorded(directory: Path, registry: Registry) -> LiveSite:
    """A recorded site, judged once with today's checks; raises RecordingError."""
    engine = recorded_engine(directory, registry)
    await engine.look(tuple(Cost))
    return LiveSite(engine, None, NoHosts(), read_only=lambda: True)
