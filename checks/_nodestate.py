"""What state an edge node is in, as far as the evidence goes, and why we think so (facts 9).

Ready and the lease travel over EdgeHub on port 10000; logs and exec over the tunnel on 10004; SSH over neither. Which
of the three still works tells a machine that is off from an EdgeCore that is down from an edge that works on alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from checks.edgestream import split
from checks.tunnel import is_stuck
from kedge.facts.edgecore import EdgeCoreConfig, EdgeCoreService
from kedge.facts.hosts import HostAccess
from kedge.facts.kubectl import NodeProxy, Outcome
from kedge.facts.network import Established
from kedge.facts.nodes import Node
from kedge.facts.services import RuntimeService
from kedge.i18n import Text, _
from kedge.model import Host, Reason, Unknown

_TUNNEL_DOWN = frozenset({Outcome.NO_SESSION, Outcome.EMPTY, Outcome.EOF, Outcome.HANG})


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a node; None where it is not."""

    node: Node
    host: Host | None = None
    access: HostAccess | Unknown | None = None
    service: EdgeCoreService | None = None
    runtime: RuntimeService | None = None
    config: EdgeCoreConfig | None = None
    sockets: Established | None = None
    proxy: NodeProxy | None = None

    @property
    def answers(self) -> bool:
        """The machine can be looked at from inside."""
        return isinstance(self.access, HostAccess) or self.service is not None

    @property
    def is_silent(self) -> bool:
        """The machine should answer over SSH, and nothing at all came back."""
        expected = self.host is not None and self.host.ssh
        return expected and isinstance(self.access, Unknown) and self.access.reason is Reason.TIMED_OUT

    @property
    def tunnel_works(self) -> bool:
        """Metrics of the node came through the tunnel."""
        return self.proxy is not None and self.proxy.outcome is Outcome.ANSWERED

    @property
    def hub_connected(self) -> bool | None:
        """EdgeCore holds a living connection to CloudHub; None when its sockets are not known."""
        if self.sockets is None or self.config is None:
            return None
        port = split(self.config.hub_server)[1]
        return any(s.peer_port == port and not is_stuck(s, False) for s in self.sockets.sockets)


def not_ready(seen: Evidence) -> Text:
    """The state of a node that is not Ready, in words that follow its name and a colon."""
    if seen.service is not None and not seen.service.is_running:
        return _("EdgeCore down: the machine is up, but EdgeCore does not run there")
    if seen.node.ready is False:
        message = seen.node.ready_message or seen.node.ready_reason
        return _("EdgeCore runs and reports a problem: {message}").format(message=message)
    if seen.answers:
        return _autonomous(seen)
    if seen.tunnel_works:
        return _("link to CloudHub down: its tunnel still works, so the machine and EdgeCore run")
    if seen.is_silent:
        return _("node off or link down: the machine does not answer over SSH either")
    return _(
        "unknown: it stopped reporting, so the machine is off, its link is down, or EdgeCore does not run; a look at "
        "the machine itself would tell"
    )


def _autonomous(seen: Evidence) -> Text:
    if seen.service is None:
        return _("link to CloudHub down, or EdgeCore down: the machine answers; the state of EdgeCore is not known")
    if seen.runtime is not None and not seen.runtime.is_running:
        return _("cut off from CloudHub, and its container runtime does not run")
    return _("link to CloudHub down: EdgeCore runs and keeps its containers running by itself (autonomous)")


def ready_but(seen: Evidence) -> Text | None:
    """What Ready does not tell of a Ready node; None when there is nothing to tell."""
    if seen.proxy is not None and seen.proxy.outcome in _TUNNEL_DOWN:
        return _("its tunnel is down, which Ready says nothing about")
    return None


def reasoning(seen: Evidence) -> Iterator[Text]:
    """The evidence, a line each."""
    if isinstance(seen.access, Unknown):
        yield _("SSH: {why}").format(why=seen.access.text)
    elif seen.access is not None:
        yield _("SSH: the machine answers")
    if seen.service is not None:
        words = f"{seen.service.active} ({seen.service.sub})" if seen.service.sub else seen.service.active
        yield _("EdgeCore: {state}").format(state=words)
    if seen.hub_connected is not None:
        yield _("EdgeHub: connected") if seen.hub_connected else _("EdgeHub: not connected")
    if seen.runtime is not None:
        yield _("container runtime: {state}").format(state=seen.runtime.active)
    if seen.proxy is not None:
        works = _("metrics through the tunnel: answered")
        yield (
            works
            if seen.tunnel_works
            else _("metrics through the tunnel: {outcome}").format(outcome=seen.proxy.outcome.value)
        )
