"""Waves of asks: one batch per source, two at most on a first sweep, errors and bugs kept to themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kedge.asks import Api, Ask, Clock, File, Service, Tcp
from kedge.i18n import Text
from kedge.model import SITE, Cost, Host, Observation, Reason, Role, Unknown
from kedge.plugins import Probe, Registry, probe
from kedge.store import FactStore
from kedge.sweep import Sweeper

EDGE = Host("edge1", frozenset({Role.EDGE}))


@dataclass(frozen=True)
class Config:
    """Read from a file."""

    server: str


@dataclass(frozen=True)
class Reach:
    """Needs the config first."""

    text: str


@dataclass(frozen=True)
class Alive:
    """Needs nothing."""

    text: str


@dataclass(frozen=True)
class Node:
    """Listed by the API."""

    name: str


@probe(Role.EDGE)
def config(host: Host) -> File:
    """A file."""
    return File("/etc/config")


@config.parse
def _(seen: Observation) -> Config | Unknown:
    return Config(seen.stdout) if seen.exit_code == 0 else Unknown(Reason.MISSING, Text("no file"))


@probe(Role.EDGE, cost=Cost.ACTIVE)
def reach(host: Host, config: Config) -> Tcp:
    """Known only once the file was read."""
    return Tcp(config.server, 10004)


@reach.parse
def _(seen: Observation) -> Reach:
    return Reach(seen.stdout)


@probe(Role.EDGE)
def alive(host: Host) -> Service:
    """A service."""
    return Service("edgecore")


@alive.parse
def _(seen: Observation) -> Alive:
    return Alive(seen.stdout)


@probe(Role.CLOUDCORE)
def elsewhere(host: Host) -> Clock:
    """Not asked of edges."""
    return Clock()


@elsewhere.parse
def _(seen: Observation) -> int:
    return 1


@probe()
def nodes() -> Api:
    """A list."""
    return Api("/api/v1/nodes")


@nodes.parse
def _(seen: Observation) -> dict[str, Node]:
    return {name: Node(name) for name in seen.stdout.split()}


class Script:
    """A source that answers from a table and counts its batches."""

    def __init__(self, name: str, answers: Callable[[Ask], tuple[int, str] | Unknown]) -> None:
        self.name = name
        self.batches: list[list[Ask]] = []
        self._answers = answers

    async def observe(self, asks: Sequence[Ask], *, deadline: float) -> list[Observation]:
        """One batch."""
        self.batches.append(list(asks))
        return [self._one(ask) for ask in asks]

    def _one(self, ask: Ask) -> Observation:
        said = self._answers(ask)
        if isinstance(said, Unknown):
            return Observation(ask, self.name, "", error=said)
        return Observation(ask, self.name, "", exit_code=said[0], stdout=said[1])


def answers(server: str = "10.0.0.1") -> Callable[[Ask], tuple[int, str] | Unknown]:
    """A healthy edge."""

    def answer(ask: Ask) -> tuple[int, str]:
        return (0, server) if isinstance(ask, File) else (0, f"{type(ask).__name__}")

    return answer


def sweeper(edge: Script, *probes: Probe, kube: Script | None = None) -> tuple[Sweeper, FactStore]:
    """A sweeper over one edge."""
    store = FactStore()
    api = kube or Script("kubernetes", answers())
    return Sweeper(Registry(probes=probes), store, api, lambda name: edge), store


ALL = (Cost.PASSIVE, Cost.ACTIVE)


async def test_what_needs_a_fact_first_travels_in_a_second_script() -> None:
    edge = Script("edge1", answers())
    sweeping, store = sweeper(edge, config, reach, alive)
    await sweeping.host(EDGE, ALL)
    assert edge.batches == [[File("/etc/config"), Service("edgecore")], [Tcp("10.0.0.1", 10004)]]
    assert store.get(Reach, "edge1") == Reach("Tcp")


async def test_a_later_sweep_is_one_script() -> None:
    edge = Script("edge1", answers())
    sweeping, _store = sweeper(edge, config, reach, alive)
    await sweeping.host(EDGE, ALL)
    edge.batches.clear()
    await sweeping.host(EDGE, ALL)
    assert [len(batch) for batch in edge.batches] == [3]


async def test_an_ask_that_changed_is_asked_again_in_the_same_sweep() -> None:
    where = ["10.0.0.1"]
    edge = Script("edge1", lambda ask: (0, where[0]) if isinstance(ask, File) else (0, ""))
    sweeping, _store = sweeper(edge, config, reach)
    await sweeping.host(EDGE, ALL)
    edge.batches.clear()
    where[0] = "10.0.0.9"
    await sweeping.host(EDGE, ALL)
    assert edge.batches[-1] == [Tcp("10.0.0.9", 10004)]


async def test_costs_that_are_not_allowed_are_not_asked() -> None:
    edge = Script("edge1", answers())
    sweeping, _store = sweeper(edge, config, reach)
    await sweeping.host(EDGE, (Cost.PASSIVE,))
    assert edge.batches == [[File("/etc/config")]]


async def test_other_roles_are_not_asked() -> None:
    edge = Script("edge1", answers())
    sweeping, _store = sweeper(edge, elsewhere)
    await sweeping.host(EDGE, ALL)
    assert edge.batches == []


async def test_a_need_that_is_unknown_is_passed_on() -> None:
    edge = Script("edge1", lambda ask: (1, ""))
    sweeping, store = sweeper(edge, config, reach)
    await sweeping.host(EDGE, ALL)
    assert store.get(Reach, "edge1").reason is Reason.MISSING


async def test_a_dead_link_gives_its_reason_to_every_fact() -> None:
    down = Unknown(Reason.UNREACHABLE, Text("no route"))
    sweeping, store = sweeper(Script("edge1", lambda ask: down), config, alive)
    await sweeping.host(EDGE, ALL)
    assert store.get(Config, "edge1") == store.get(Alive, "edge1") == down


async def test_a_parser_that_breaks_is_unparsable_and_alone() -> None:
    @probe(Role.EDGE)
    def odd(host: Host) -> Clock:
        return Clock()

    @odd.parse
    def read(seen: Observation) -> int:
        return int(seen.stdout)

    sweeping, store = sweeper(Script("edge1", answers()), odd, alive)
    await sweeping.host(EDGE, ALL)
    assert store.get(int, "edge1").reason is Reason.UNPARSABLE
    assert store.get(Alive, "edge1") == Alive("Service")


async def test_a_list_gives_a_fact_for_each_and_forgets_what_is_gone() -> None:
    listed = ["edge1 edge2"]
    kube = Script("kubernetes", lambda ask: (0, listed[0]))
    sweeping, store = sweeper(Script("edge1", answers()), nodes, kube=kube)
    await sweeping.site()
    listed[0] = "edge2"
    await sweeping.site()
    assert store.all(Node) == {"edge2": Node("edge2")}


async def test_a_list_that_cannot_be_renewed_stays() -> None:
    said: list[Any] = [(0, "edge1")]
    kube = Script("kubernetes", lambda ask: said[0])
    sweeping, store = sweeper(Script("edge1", answers()), nodes, kube=kube)
    await sweeping.site()
    said[0] = Unknown(Reason.UNREACHABLE, Text("down"))
    await sweeping.site()
    assert store.all(Node) == {"edge1": Node("edge1")}


async def test_a_list_that_never_came_is_unknown() -> None:
    kube = Script("kubernetes", lambda ask: Unknown(Reason.DENIED, Text("denied")))
    sweeping, store = sweeper(Script("edge1", answers()), nodes, kube=kube)
    await sweeping.site()
    assert store.get(Node, SITE).reason is Reason.DENIED


@dataclass(frozen=True)
class Version:
    """Told by the API."""

    text: str


def versions(*, volatile: bool) -> Probe:
    """A site probe of one object."""

    @probe(volatile=volatile)
    def version() -> Api:
        return Api("/version")

    @version.parse
    def read(seen: Observation) -> Version:
        return Version(seen.stdout)

    return version


async def lose(reason: Reason, *, volatile: bool) -> Any:
    """What is known of the version after the API answered once and then gave this reason."""
    said: list[Any] = [(200, "v1.36")]
    kube = Script("kubernetes", lambda ask: said[0])
    sweeping, store = sweeper(Script("edge1", answers()), versions(volatile=volatile), kube=kube)
    await sweeping.site()
    said[0] = Unknown(reason, Text("gone"))
    await sweeping.site()
    return store.get(Version)


async def test_a_lost_api_takes_no_picture_away() -> None:
    assert await lose(Reason.UNREACHABLE, volatile=False) == Version("v1.36")


async def test_whether_the_api_answers_is_never_stale() -> None:
    assert (await lose(Reason.UNREACHABLE, volatile=True)).reason is Reason.UNREACHABLE


async def test_a_refusal_is_an_answer() -> None:
    assert (await lose(Reason.DENIED, volatile=False)).reason is Reason.DENIED


# ------------------------------------------------------------------------------------------------------- pace


@probe(Role.EDGE, every=60.0)
def seldom(host: Host) -> Service:
    """Need not be asked with every sweep."""
    return Service("containerd")


@seldom.parse
def _(seen: Observation) -> str:
    return seen.stdout


async def test_what_need_not_be_asked_every_time_is_left_out_until_it_is_due_or_a_person_asks() -> None:
    edge, now = Script("edge1", answers()), [0.0]
    kube = Script("kubernetes", answers())
    sweeping = Sweeper(Registry(probes=(seldom, alive)), FactStore(), kube, lambda name: edge, clock=lambda: now[0])
    for paced, passed in ((True, 0), (True, 59), (False, 1), (True, 59), (True, 1)):
        now[0] += passed
        await sweeping.host(EDGE, ALL, paced=paced)
    asked = [Service("containerd") in batch for batch in edge.batches]
    assert asked == [True, False, True, False, True]
    assert all(Service("edgecore") in batch for batch in edge.batches)


async def test_what_could_not_be_answered_is_due_at_once() -> None:
    edge = Script("edge1", lambda ask: Unknown(Reason.UNREACHABLE, Text("down")))
    sweeping, _store = sweeper(edge, seldom)
    await sweeping.host(EDGE, ALL, paced=True)
    await sweeping.host(EDGE, ALL, paced=True)
    assert len(edge.batches) == 2
