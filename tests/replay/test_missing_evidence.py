"""What was not seen is never a fault: a recording without some of its evidence raises no new failure and no cause.

Everything that a recording holds is taken away in turn: whole hosts, single commands, single API answers, kubectl's
lines; or it is there in the shapes that a refused right, a missing tool, a dead API server or a broken file leave.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from kedge.model import Status
from kedge.picture import Picture
from tests.replay.recorded import Recorded, failing, roots

EVERY = bool(os.environ.get("KEDGE_EVERY_GAP"))
"""Take everything away in turn (some 4,000 recordings) rather than a seeded part."""

SHOWN = 24
BASES = (
    "healthy",
    "edgestream-disabled",
    "edgecore-stopped",
    "tunnel-port-blocked",
    "cloudstream-disabled",
    "metrics-image-missing",
    "apiservice-missing",
)
PROXY_PAGE = {"_raw": "<html><h1>502 Bad Gateway</h1></html>", "_stderr": "", "_rc": 0}
FORBIDDEN = 'Error from server (Forbidden): {name} is forbidden: User "viewer" cannot list resource'

Gap = tuple[str, Callable[[Recorded], object]]


def host_gaps(rec: Recorded) -> Iterator[Gap]:
    """A host, or one of its answers, is missing, refused or late."""
    for host, rows in rec.hosts.items():
        yield f"{host} gone", lambda r, h=host: r.hosts.pop(h)
        yield f"{host} empty", lambda r, h=host: r.hosts[h].clear()
        for at, row in enumerate(rows):
            name = f"{host}: {row['cmd'][:60]}"
            yield f"{name} gone", lambda r, h=host, i=at: r.hosts[h].pop(i)
            absent = {"rc": 127, "out": "", "err": "bash: line 1: it: command not found"}
            yield f"{name} no tool", lambda r, h=host, i=at, no=absent: r.hosts[h][i].update(no)
            denied = {"rc": 1, "out": "", "err": "it: Permission denied"}
            yield f"{name} denied", lambda r, h=host, i=at, no=denied: r.hosts[h][i].update(no)


def api_gaps(rec: Recorded) -> Iterator[Gap]:
    """An answer of the API is missing, forbidden, or no answer of the API at all."""
    for name in rec.api:
        yield f"{name} gone", lambda r, n=name: r.api.pop(n)
        yield f"{name} forbidden", lambda r, n=name: r.refuse(n, FORBIDDEN.format(name=n))
        yield f"{name} a page of a proxy", lambda r, n=name: r.api.update({n: PROXY_PAGE})
    yield "kubectl gone", lambda r: r.kubectl.clear()
    for at, row in enumerate(rec.kubectl):
        yield f"{row['cmd'][:70]} gone", lambda r, i=at: r.kubectl.pop(i)


def gaps(base: str) -> list[Gap]:
    """Everything that can be missing there; a seeded part of it unless all is asked for."""
    found = [*host_gaps(Recorded(base)), *api_gaps(Recorded(base))]
    return found if EVERY else random.Random(base).sample(found, SHOWN)  # noqa: S311 - the same ones every time


@cache
def whole(base: str) -> Picture:
    """What the whole recording says."""
    return Recorded(base).picture()


@pytest.mark.parametrize("base", BASES)
def test_a_gap_raises_no_failure_and_no_cause(base: str) -> None:
    full = whole(base)
    for name, take_away in gaps(base):
        rec = Recorded(base)
        take_away(rec)
        picture = rec.picture()
        assert failing(picture) <= failing(full), name
        assert roots(picture) <= failing(full), name
        passed = {(f.code, f.target) for f in picture.findings if f.status is Status.PASS}
        assert not passed & roots(full), name
        broken = [str(f.text) for f in picture.findings if "The log file has the details" in str(f.text)]
        assert broken == [], name


@pytest.mark.parametrize("host", ["cloud1", "edge1"])
def test_a_host_that_was_not_recorded_is_named(host: str) -> None:
    rec = Recorded()
    del rec.hosts[host]
    unknown = [f for f in rec.picture().findings if f.status is Status.UNKNOWN]
    assert unknown
    assert all(host in str(f.text) for f in unknown)


@pytest.mark.parametrize(
    ("name", "named"), [("nodes", "nodes"), ("configmaps-kubeedge", "configmaps"), ("pods", "pods")]
)
def test_a_right_that_is_missing_is_named(name: str, named: str) -> None:
    rec = Recorded()
    rec.refuse(name, FORBIDDEN.format(name=named))
    picture = rec.picture()
    assert roots(picture) == set()
    unknown = [str(f.text) for f in picture.findings if f.status is Status.UNKNOWN]
    assert any(f"{named} is forbidden" in text for text in unknown)
    rights = next(f for f in picture.findings if f.code == "KE102")
    assert rights.status is Status.WARN
    assert named in str(rights.text)


def test_without_the_list_of_nodes_hosts_are_what_they_seem_to_be() -> None:
    """An API server that is down takes no machine away: the config file would name them on a live site."""
    rec = Recorded("edgestream-disabled")
    for name in rec.api:
        rec.refuse(name, "The connection to the server 10.99.0.10:6443 was refused - did you specify the right host?")
    rec.kubectl.clear()
    assert roots(rec.picture()) == {("KE101", "-"), ("KE206", "edge1")}
    rec.api.clear()
    del rec.hosts["cloud1"], rec.hosts["edge2"]
    assert roots(rec.picture()) == {("KE206", "edge1")}


def test_an_edge_that_is_no_node_is_said_to_be_none() -> None:
    rec = Recorded()
    rec.without("nodes", "edge2")
    picture = rec.picture()
    assert roots(picture) == set()
    ready = next(f for f in picture.findings if (f.code, f.target) == ("KE201", "edge2"))
    assert "no node of this name" in str(ready.text)


def test_everything_gone_but_one_node_list_still_makes_a_picture() -> None:
    rec = Recorded()
    rec.api = {"nodes": rec.api["nodes"]}
    rec.hosts.clear()
    rec.kubectl.clear()
    picture = rec.picture()
    assert roots(picture) == set()
    assert {f.target for f in picture.findings if f.code == "KE201"} == {"edge1", "edge2"}


def test_files_of_others_and_rows_of_other_tools_are_left_aside() -> None:
    rec = Recorded("edgestream-disabled")
    rec.api["networkpolicies-factory"] = {"kind": "NetworkPolicyList", "items": [{"metadata": None}]}
    rec.api["whatever"] = {"metadata": {"managedFields": "none"}, "items": {"a": 1}}
    rec.hosts["switch-3"] = [{"cmd": "show version"}, {"cmd": None}, {}]
    rec.hosts["edge1"] += [{"cmd": "'", "out": None}, {"cmd": "cat /proc/cpuinfo | grep x", "rc": "0", "seconds": "?"}]
    rec.kubectl += [{"cmd": "kubectl version"}, {"cmd": "helm list"}, {}]
    assert roots(rec.picture()) == {("KE206", "edge1")}
