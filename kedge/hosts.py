"""The hosts of a live site as sources: which link leads to which machine, made when first asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from kedge.config import HostSettings, SiteSettings
from kedge.links.base import HostLink, HostStreams, HostWriter
from kedge.links.pools import Pools
from kedge.links.script import Sudo
from kedge.links.shell_host import ShellHost
from kedge.links.ssh_config import SshTarget
from kedge.links.terminals import Terminals
from kedge.model import Host, LinkError
from kedge.picture import LinkInfo, LinkState
from kedge.prompter import Prompter, SharedPrompter
from kedge.sources.base import NoSource, Source, no_ssh
from kedge.sources.host import HostSource

if TYPE_CHECKING:
    from kedge.links.shell_host import ShellHost
    from kedge.links.ssh_shared import SshShared


@runtime_checkable
class Retryable(Protocol):
    """A link that pauses between attempts."""

    def retry_now(self) -> None:
        """Forget the pause."""
        ...


@runtime_checkable
class Connected(Protocol):
    """A link that keeps a connection."""

    def woke(self) -> None:
        """This machine has slept."""
        ...


class HostSources:
    """Links to hosts by name.

    Args:
        site: the site's name, for questions.
        settings: its part of the config file.
        pools: the engine's executors.
        prompter: asks about host keys and passwords.
        ssh: False when no host may be dialled.
        saved: hosts that have been asked already, by hand; they are not dialled.
    """

    def __init__(
        self,
        site: str,
        settings: SiteSettings,
        pools: Pools,
        prompter: Prompter,
        *,
        ssh: bool = True,
        saved: Mapping[str, Source] | None = None,
    ) -> None:
        self._site = site
        self._settings = settings
        self._pools = pools
        self._prompter = prompter
        self._ssh = ssh and settings.ssh.enable
        self._saved = dict(saved or {})
        self._sources: dict[str, HostSource] = {}
        self._links: dict[str, ShellHost] = {}
        self._shared: SshShared | None = None
        self._host: Callable[[str], Host | None] = lambda name: None

    def know(self, host: Callable[[str], Host | None]) -> None:
        """Tell where a host's address is found when the config file has none."""
        self._host = host

    def source(self, name: str) -> Source:
        """The source of a host; one that explains itself when there is no way to reach it."""
        found = self._saved.get(name) or self._sources.get(name)
        if found is not None:
            return found
        link = self._link(name)
        if link is None:
            return NoSource(name, no_ssh(name))
        self._sources[name] = HostSource(link)
        return self._sources[name]

    def writer(self, name: str) -> HostWriter:
        """The writer of a host, for the executor alone; raises LinkError when there is no way to reach it."""
        link = self._link(name)
        if link is None:
            raise LinkError(no_ssh(name))
        from kedge.links.host_writer import ShellWriter

        return ShellWriter(link)

    def terminals(self, name: str) -> Terminals:
        """Where terminals on a host come from; raises LinkError when there is no way to reach it."""
        link = self._link(name)
        if link is None:
            raise LinkError(no_ssh(name))
        return link.terminals()

    def batches(self, name: str) -> HostLink:
        """What runs commands on a host; raises LinkError when there is no way to reach it."""
        link = self._link(name)
        if link is None:
            raise LinkError(no_ssh(name))
        return link

    def is_root(self, name: str) -> bool:
        """Whether the login user is root there, as far as that is known."""
        link = self._link(name)
        return link is not None and link.user == "root"

    def streams(self, name: str) -> HostStreams:
        """Long commands on a host, to look at what they print; raises LinkError when there is no way to reach it."""
        link = self._link(name)
        if link is None:
            raise LinkError(no_ssh(name))
        return link

    def _link(self, name: str) -> ShellHost | None:
        if name not in self._links:
            entry = self._settings.host(name)
            made = self._local(name) if entry.local or self._is_here(name, entry) else self._remote(name, entry)
            if made is None:
                return None
            self._links[name] = made
        return self._links[name]

    def _is_here(self, name: str, entry: HostSettings) -> bool:
        """This very machine, unless the config file says how it is dialled."""
        host = self._host(name)
        if host is None or not self._ssh or entry.address or entry.port or entry.jump:
            return False
        from kedge.links.here import is_this_machine

        return is_this_machine(name, host.address)

    def _local(self, name: str) -> ShellHost:
        from kedge.links.local import LocalLink

        return LocalLink(name, self._pools, self._prompter, sudo=self.sudo(name), site=self._site)

    def _remote(self, name: str, entry: HostSettings) -> ShellHost | None:
        host = self._host(name)
        address = entry.address or (host.address if host else "")
        if not self._ssh or not (address or entry.port or self._settings.ssh.config):
            return None
        from kedge.links.ssh import SshLink

        ssh = self._settings.ssh
        target = SshTarget(
            name=name,
            address=address,
            port=entry.port,
            user=entry.user or ssh.user,
            identity=entry.identity or ssh.identity,
            jump=entry.jump or ssh.jump,
            sudo=self.sudo(name),
            ssh_config=Path(ssh.config).expanduser() if ssh.config else None,
            site=self._site,
        )
        if self._shared is None:
            from kedge.links.ssh_shared import SshShared

            self._shared = SshShared()
        return SshLink(target, self._pools, self._prompter, self._shared)

    def retry(self) -> None:
        """A person wants hosts tried again: forget pauses, and what was refused."""
        for link in self._links.values():
            if isinstance(link, Retryable):
                link.retry_now()
        if isinstance(self._prompter, SharedPrompter):
            self._prompter.forget_refusals()

    def woke(self) -> None:
        """This machine has slept: connections that were open are dead, and pauses are over."""
        for link in self._links.values():
            if isinstance(link, Connected):
                link.woke()
        if self._shared is not None:
            self._shared.close()

    def sudo(self, name: str) -> Sudo:
        """How the login user becomes root there."""
        return Sudo(self._settings.host(name).sudo or self._settings.ssh.sudo or Sudo.NOPASSWD)

    def states(self) -> tuple[LinkInfo, ...]:
        """How each link stands, by name."""
        return tuple(_state(self._sources[name]) for name in sorted(self._sources))

    async def close(self) -> None:
        """Close every link; safe to call twice."""
        for link in self._links.values():
            await link.close()
        if self._shared is not None:
            self._shared.close()
        self._pools.close()


def _state(source: HostSource) -> LinkInfo:
    if source.problem is not None:
        return LinkInfo(source.name, LinkState.DOWN, source.last_seen, source.problem)
    if source.last_seen is None:
        return LinkInfo(source.name, LinkState.CONNECTING if source.asked else LinkState.IDLE)
    return LinkInfo(source.name, LinkState.UP, source.last_seen)
