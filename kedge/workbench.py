"""What a front end works with: one open site, its pictures, and the way from a finding to a repaired site.

A screen calls this and nothing below it. Everything heavy (the Kubernetes client, paramiko) is imported when
a site is opened, never before.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kedge.config import Config, ConfigFileError, SiteSettings, load
from kedge.i18n import Text, _
from kedge.model import Finding
from kedge.picture import LinkInfo, Picture
from kedge.proposals import Proposal, proposals
from kedge.repairs import Repairs

if TYPE_CHECKING:
    from kedge.audit import History
    from kedge.executor import Executor
    from kedge.hosts import HostSources
    from kedge.links.base import HostStreams
    from kedge.links.kubeconfig import KubeSettings
    from kedge.live import LiveSite
    from kedge.logs.desk import LogDesk
    from kedge.objects import Objects
    from kedge.prompter import Prompter
    from kedge.shells.service import Shells
    from kedge.top.desk import TopDesk

log = logging.getLogger(__name__)

DISCOVER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says; an empty value means: as the config file says."""

    site: str = ""
    config: str = ""
    kubeconfig: str = ""
    context: str = ""
    cluster: str = ""
    user: str = ""
    namespace: str = ""
    as_user: str = ""
    as_groups: tuple[str, ...] = ()
    as_uid: str = ""
    no_ssh: bool = False
    accept_new_host_keys: bool = False
    read_only: bool = False
    ascii_only: bool = False
    recording: str = ""
    local: str = ""
    low_bandwidth: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """The site that options and config file lead to."""

    name: str
    settings: SiteSettings
    config: Config


def choose(options: Options) -> Chosen:
    """Find the site to open.

    Raises:
        ConfigFileError: the config file is unusable, or names no such site.
    """
    config = load(options.config)
    if options.site and options.site not in config.sites:
        raise ConfigFileError(
            _("There is no site {site} in {file}; there are: {known}").format(
                site=options.site, file=config.path or _("the config file"), known=", ".join(config.sites) or "-"
            )
        )
    name = site_of(options, config)
    settings = config.sites.get(name, SiteSettings())
    return Chosen(name or options.context or "default", settings, config)


def site_of(options: Options, config: Config) -> str:
    """The site of the config file that is meant; "" when the command line leads elsewhere, or the file has none."""
    elsewhere = options.kubeconfig or options.context or options.cluster
    return options.site or ("" if elsewhere else next(iter(config.sites), ""))


def kube_settings(options: Options, settings: SiteSettings) -> KubeSettings:
    """Which API server, and as whom: the command line before the config file."""
    from kedge.links.kubeconfig import KubeSettings

    return KubeSettings(
        kubeconfig=options.kubeconfig or settings.kubeconfig,
        context=options.context or settings.context,
        cluster=options.cluster,
        user=options.user,
        namespace=options.namespace,
        as_user=options.as_user,
        as_groups=options.as_groups,
        as_uid=options.as_uid,
    )


def context_names(options: Options) -> tuple[str, ...]:
    """The contexts that the present site's kubeconfig offers; none when no file can be read. Reads files."""
    from kedge.links.kubeconfig import context_names as named
    from kedge.links.kubeconfig_yaml import ConfigError

    try:
        return named(kube_settings(options, choose(options).settings))
    except (ConfigFileError, ConfigError):
        return ()


class NothingOpen(Exception):
    """There is no site on which anything could be changed."""


class Workbench(Repairs):
    """One open site and the repairs on it.

    Attributes:
        read_only: checked by the executor before every change; may be switched on at any time, never off.
        site: None until :meth:`open` has put it together. config: empty until then.
        shells: None where there is nothing to log in to: before that, and for a recording.
    """

    def __init__(self, options: Options, prompter: Prompter) -> None:
        self.options = options
        self.prompter = prompter
        self.read_only = options.read_only
        self.site: LiveSite | None = None
        self.config = Config()
        self._executor: Executor | None = None
        self._hosts: HostSources | None = None
        self.shells: Shells | None = None
        self._running: asyncio.Task[None] | None = None
        self._top: TopDesk | None = None

    async def open(self, on_picture: Callable[[Picture], None]) -> None:
        """Open the chosen site and keep it up to date until :meth:`close`.

        Raises:
            ConfigFileError, kedge.links.kubeconfig.ConfigError, kedge.recording.RecordingError: the files that
                say how to reach it are unusable.
        """
        from kedge.links.pools import Pools, run
        from kedge.live import Pace
        from kedge.opening import open_recorded, open_site  # imports the clients
        from kedge.registry import discover

        pools = Pools()
        registry = await run(pools.kube, discover, DISCOVER_SECONDS, lambda: None)
        if self.options.recording:
            self.read_only = True
            self.site = await open_recorded(Path(self.options.recording), registry)
            self.site.on_picture = on_picture
            on_picture(self.site.picture())
            return
        chosen = choose(self.options)
        self.config = chosen.config
        self.read_only = self.read_only or chosen.settings.read_only
        pace = Pace.low() if self.options.low_bandwidth else None
        opened = await open_site(
            chosen, self.options, registry, self.prompter, lambda: self.read_only, pools=pools, pace=pace
        )
        self.site, self._executor, self._hosts = opened.site, opened.executor, opened.hosts
        self.shells = opened.shells
        self.site.on_picture = on_picture
        self._running = asyncio.create_task(self.site.run(), name="site")
        self._running.add_done_callback(_log_end)

    async def ended(self) -> None:
        """Wait until the open site ends, and raise what ended it; a recording never runs and returns at once."""
        running = self._running
        if running is None:
            return
        await asyncio.wait({running})
        if not running.cancelled() and (error := running.exception()) is not None:
            raise error

    async def close(self) -> None:
        """Stop everything; safe to call twice and before :meth:`open` has ended."""
        if self._top is not None:
            await self._top.close()
            self._top = None
        if self.shells is not None:
            await self.shells.close()
            self.shells = None
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            self._running = None
        if self.site is not None:
            await self.site.close()
            self.site = None

    def links(self) -> tuple[LinkInfo, ...]:
        """How the links stand right now, between two pictures too."""
        return self.site.links() if self.site is not None else ()

    @property
    def top(self) -> TopDesk:
        """Who uses what on this site; raises NothingOpen before a site is open."""
        if self._top is None:
            from kedge.top.desk import TopDesk

            self._top = TopDesk(self)
        return self._top

    # -------------------------------------------------------------------------------------- checks on demand

    def intrusive(self, finding: Finding) -> Text | None:
        """What to know before this check is run by hand; None for one that runs by itself, or where nothing runs."""
        from kedge.intrusive import intrusive_codes, warning

        if self.site is None or self.site.kubernetes is None:
            return None
        engine = self.site.engine
        return warning(engine.store, finding.target) if finding.code in intrusive_codes(engine.registry) else None

    async def run_intrusive(self, finding: Finding) -> tuple[Finding, ...]:
        """Run it once, because a person said so; what it says now."""
        from kedge.intrusive import run_intrusive

        return await run_intrusive(self._site(), finding.code, finding.target)

    # ------------------------------------------------------------------------------------------------ repairs

    def proposals(self, finding: Finding) -> tuple[Proposal, ...]:
        """The fixes of a finding, least risk first."""
        if self.site is None:
            return ()
        return proposals(finding, self.site.engine.registry, self.site.engine.store)

    async def history(self) -> History:
        """Every change made from this machine; raises kedge.executor.Refused when the log cannot be read."""
        return await self.executor.history()

    def streams(self, host: str) -> HostStreams:
        """Long commands on a host, to look at what they print.

        Raises:
            NothingOpen: this is no live site. kedge.model.LinkError: there is no way to reach the host.
        """
        if self._hosts is None:
            raise NothingOpen(str(_("Nothing can be followed here: this is no live site")))
        return self._hosts.streams(host)

    def logs(self) -> LogDesk:
        """The logs of the open site; raises NothingOpen when this is no live site."""
        if self._hosts is None or self.site is None:
            raise NothingOpen(str(_("No log can be followed here: this is no live site")))
        from kedge.logs.desk import LogDesk

        return LogDesk(self.site, self._hosts)

    def objects(self) -> Objects:
        """Reads objects of the Kubernetes API to look at; raises NothingOpen where there is none to ask."""
        from kedge.objects import Objects

        site = self.site
        if site is None or site.kubernetes is None:
            raise NothingOpen(str(_("There is no Kubernetes API to read it from; `e` shows what is known")))
        return Objects(site.kubernetes, site.engine.store)

    @property
    def executor(self) -> Executor:
        """The only writer; raises NothingOpen when the site cannot be changed at all."""
        if self._executor is None:
            raise NothingOpen(str(_("Nothing can be changed here: this is no live site")))
        return self._executor

    def _site(self) -> LiveSite:
        if self.site is None:
            raise NothingOpen(str(_("No site is open")))
        return self.site


def _log_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("the site stopped", exc_info=task.exception())
