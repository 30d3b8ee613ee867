"""Opens shells on one site: who may, by which way, with an account of each; and runs one command on many places."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from kedge.audit import AuditError
from kedge.facts.cloudcore import CloudCore
from kedge.facts.inventory import HomeNamespace
from kedge.facts.kubectl import CRASHED_BY_EXEC
from kedge.facts.metrics import MetricsServer
from kedge.facts.nodes import Node
from kedge.facts.pods import NodePods
from kedge.i18n import Text, _
from kedge.links.base import Answer, ExecResult, HostLink
from kedge.links.pools import Pools, run
from kedge.links.script import Sudo
from kedge.links.terminals import End, Size, Terminal, Terminals
from kedge.model import LinkError, Reason, Unknown
from kedge.shells.audit import Account
from kedge.shells.commands import SHELL, in_container
from kedge.shells.targets import CRASH_WARNING, InContainer, Target, Trouble, Way, containers_of, trouble_of

if TYPE_CHECKING:
    from kedge.engine import Engine
    from kedge.links.terminal_kube import KubeTerminals
    from kedge.picture import Picture

log = logging.getLogger(__name__)

OPEN_SECONDS = 30.0
AUDIT_SECONDS = 10.0


class Machines(Protocol):
    """The hosts of a site, as far as shells go."""

    def terminals(self, name: str) -> Terminals:
        """Where terminals on a machine come from; raises LinkError when there is no way to reach it."""
        ...

    def batches(self, name: str) -> HostLink:
        """What runs commands on a machine; raises LinkError when there is no way to reach it."""
        ...

    def sudo(self, name: str) -> Sudo:
        """How the login user becomes root there."""
        ...

    def is_root(self, name: str) -> bool:
        """Whether the login user is root, as far as that is known."""
        ...


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may open shells: nobody in read-only mode, unless the config file says otherwise.

    Attributes:
        recorded: every shell is recorded from its start (:mod:`kedge.shells.cast`).
    """

    read_only: Callable[[], bool]
    allowed_anyway: bool = False
    recorded: bool = False

    def refuses(self) -> bool:
        """True when shells are not allowed."""
        return self.read_only() and not self.allowed_anyway

    def check(self) -> None:
        """Raises LinkError when shells are not allowed."""
        if self.refuses():
            text = _("Read-only mode allows no shell; `shellsWhenReadOnly: true` for this site in the config file does")
            raise LinkError(Unknown(Reason.DENIED, text))


class Shell:
    """A terminal that is accounted for. What :class:`kedge.links.terminals.Terminal` says holds for it."""

    def __init__(self, terminal: Terminal, target: Target, way: Way, ended: Callable[[End], object]) -> None:
        self.terminal = terminal
        self.target = target
        self.way = way
        self._ended = ended
        self._told = False

    @property
    def end(self) -> End | None:
        """How it ended; None while it runs."""
        return self.terminal.end

    @property
    def silent_for(self) -> float:
        """Seconds for which the other side has owed an answer."""
        return self.terminal.silent_for

    async def read(self) -> bytes:
        """The next output; empty at the end."""
        data = await self.terminal.read()
        if not data:
            self._tell()
        return data

    def write(self, data: bytes) -> None:
        """Send input."""
        self.terminal.write(data)

    def resize(self, size: Size) -> None:
        """Tell the other side its new size."""
        self.terminal.resize(size)

    def close(self) -> None:
        """End it now."""
        self.terminal.close()
        self._tell()

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            self._ended(self.end or End())


class Shells:
    """The shells of one open site.

    Args:
        engine: what is known of nodes and pods.
        machines: leads to hosts.
        kube: None for a site without an API.
        account: writes starts and ends down.
    """

    def __init__(
        self,
        engine: Engine,
        machines: Machines,
        kube: KubeTerminals | None,
        account: Account,
        rules: Rules,
        pools: Pools,
    ) -> None:
        self.rules = rules
        self._engine = engine
        self._machines = machines
        self._kube = kube
        self._account = account
        self._pools = pools
        self._warned: set[str] = set()
        self._open: set[Shell] = set()
        self._writing: set[asyncio.Task[None]] = set()

    # -------------------------------------------------------------------------------------------- what there is

    def containers(self, node: str) -> tuple[InContainer, ...]:
        """The containers of a node, running ones first."""
        pods: NodePods | None = self._engine.store.known(NodePods, node)
        return containers_of(pods, node) if pods is not None else ()

    def parts_of(self, component: str) -> tuple[InContainer, ...]:
        """The containers of CloudCore or metrics-server, for their components in the tree."""
        known = self._engine.store.known
        fact: CloudCore | MetricsServer | None = None
        if component.startswith("cloud/cloudcore"):
            fact = known(CloudCore)
        elif component in ("cloud/metrics-server", "cloud/apiservice"):
            fact = known(MetricsServer)
        pods = fact.pods if fact is not None else ()
        return tuple(one for pod in pods for one in containers_of(NodePods((pod,)), pod.node))

    def find_pod(self, words: str) -> tuple[InContainer, ...]:
        """The containers that ``namespace/pod[/container]`` or ``pod`` names, of any node; else those it begins.

        Without a namespace those of the chosen one are meant, if there are any.
        """
        wanted, exact, begun = words.split("/"), [], []
        home: HomeNamespace | None = self._engine.store.known(HomeNamespace)
        for node, pods in self._engine.store.all(NodePods).items():
            for one in containers_of(pods, node) if isinstance(pods, NodePods) else ():
                names = [one.namespace, one.pod, one.container]
                if wanted in (names, names[:2], [one.pod]):
                    exact.append(one)
                elif one.pod.startswith(wanted[-1]) and wanted[:-1] in ([], names[:1]):
                    begun.append(one)
        found = tuple(exact or begun)
        if home is None or not home.chosen or len(wanted) > 1:
            return found
        return tuple(one for one in found if one.namespace == home.name) or found

    @property
    def nodes(self) -> frozenset[str]:
        """Names of the machines of the site."""
        return frozenset(host.name for host in self._engine.hosts)

    def warning(self, target: Target) -> Text | None:
        """What a person has to know before the first exec through the tunnel of a node; None afterwards."""
        node: Node | None = self._engine.store.known(Node, target.node)
        affected = node is not None and node.is_edge and node.kubeedge_version in CRASHED_BY_EXEC
        if not affected or target.node in self._warned or node is None:
            return None
        return CRASH_WARNING.format(node=target.node, version=node.kubeedge_version)

    def warned(self, node: str) -> None:
        """The person has read it and goes on."""
        self._warned.add(node)

    def trouble(self, picture: Picture | None, target: Target) -> Trouble | None:
        """What is known to be broken on the way of an exec."""
        return trouble_of(picture, target.node)

    # -------------------------------------------------------------------------------------------------- opening

    async def open(self, target: Target, way: Way, size: Size, command: Sequence[str] = ()) -> Shell:
        """Start a shell, or a command of the person's own.

        Raises:
            LinkError: it may not, or could not be started; the audit cannot be written.
        """
        self.rules.check()
        began = time.monotonic()
        id = await self.begin(target, way, command)

        def ended(end: End) -> None:
            self._open.discard(shell)
            self.note(id, end, time.monotonic() - began)

        try:
            terminal = await self._start(target, way, size, command)
        except LinkError as error:
            self.note(id, End(problem=error.unknown), time.monotonic() - began)
            raise
        shell = Shell(terminal, target, way, ended)
        self._open.add(shell)
        return shell

    async def begin(self, target: Target, way: Way, command: Sequence[str]) -> str:
        """Write down that something is about to be started, without which nothing is. Raises LinkError."""
        try:
            return await run(
                self._pools.kube, lambda: self._account.begin(target, way, command), AUDIT_SECONDS, _nothing
            )
        except (AuditError, TimeoutError) as error:
            why = error.text if isinstance(error, AuditError) else _("The audit log could not be written in time")
            text = _("{problem}. Nothing was started").format(problem=why)
            raise LinkError(Unknown(Reason.SERVER_ERROR, text)) from None

    def batch_on(self, host: str) -> Callable[..., Awaitable[list[Answer]]]:
        """Runs commands on a machine; raises LinkError when there is no way to reach it."""
        return self._machines.batches(host).batch

    async def run_in(self, target: InContainer, command: str, seconds: float, cap: int) -> ExecResult:
        """Run sh text in a container through the API. Raises LinkError."""
        if self._kube is None:
            raise LinkError(Unknown(Reason.NO_API, _("There is no Kubernetes API to exec through")))
        place = (target.namespace, target.pod, target.container)
        return await self._kube.run(*place, ["/bin/sh", "-c", command], deadline=seconds, cap=cap)

    async def _start(self, target: Target, way: Way, size: Size, command: Sequence[str]) -> Terminal:
        if isinstance(target, InContainer) and way is Way.EXEC:
            if self._kube is None:
                raise LinkError(Unknown(Reason.NO_API, _("There is no Kubernetes API to exec through")))
            place = (target.namespace, target.pod, target.container)
            return await self._kube.open(*place, command or SHELL, size, deadline=OPEN_SECONDS)
        machines = self._machines
        words = list(command)
        if isinstance(target, InContainer):
            host = target.node
            words = in_container(target, command, root=machines.is_root(host), sudo=machines.sudo(host), tty=True)
        return await machines.terminals(target.node).open(words, size, deadline=OPEN_SECONDS)

    def note(self, id: str, end: End, seconds: float) -> None:
        """Write down how it ended, without anybody waiting for that."""
        task = asyncio.get_running_loop().create_task(self._write(id, end, seconds), name="audit of a shell")
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write(self, id: str, end: End, seconds: float) -> None:
        try:
            await run(self._pools.kube, lambda: self._account.end(id, end, seconds), AUDIT_SECONDS, _nothing)
        except (AuditError, TimeoutError) as error:
            log.error("the end of shell %s is not in the audit: %s", id, error)

    @property
    def live(self) -> int:
        """How many are open."""
        return len(self._open)

    async def close(self) -> None:
        """End every shell and wait until that is written down; safe to call twice."""
        for shell in tuple(self._open):
            shell.close()
        while self._writing:
            await asyncio.gather(*self._writing)


def _nothing() -> None:
    """A write to a local file cannot be given up."""
