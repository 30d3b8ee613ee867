"""A recorded site as data that can be changed: further states of a site, derived from those that were recorded.

Every change here writes what a real site answers in that state (facts 4.4 and 11 of the product's KubeEdge notes), in
all the places where it shows: the API, the hosts, and what kubectl printed. Nothing is written to disk.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from kedge.model import Cost, Finding, Status
from kedge.opening import engine_over
from kedge.picture import Picture
from kedge.plugins import Registry
from kedge.recording import Files, read_files, recording_of
from kedge.registry import discover

RECORDINGS = Path(__file__).parents[1] / "recordings"
CLOUD, EDGES = "cloud1", ("edge1", "edge2")
IP = {"cloud1": "10.99.0.10", "edge1": "10.99.0.21", "edge2": "10.99.0.22"}
PODS = {"edge1": "line-gateway-zxgrr", "edge2": "line-gateway-6mnpj"}

Object = dict[str, Any]
Change = Callable[["Recorded"], None]


@cache
def registry() -> Registry:
    """The built-in plugins, found once."""
    return discover()


@cache
def _files(base: str) -> Files:
    return read_files(RECORDINGS / base)


class Recorded:
    """One recording, held in memory."""

    def __init__(self, base: str = "healthy") -> None:
        held = copy.deepcopy(_files(base))
        self.base = base
        self.api: dict[str, Any] = dict(held.api)
        self.hosts: dict[str, list[Object]] = {name: list(map(dict, rows)) for name, rows in held.hosts.items()}
        self.kubectl: list[Object] = list(map(dict, held.kubectl))
        self.broken: dict[str, Any] = {}

    def apply(self, *changes: Change) -> Recorded:
        """Make changes in their order."""
        for change in changes:
            change(self)
        return self

    def picture(self) -> Picture:
        """What the product says of it."""
        files = Files(self.api, self.hosts, self.kubectl, {}, self.broken)
        engine = engine_over(recording_of(files, self.base), registry())
        asyncio.run(engine.look(tuple(Cost)))
        return engine.picture()

    # ------------------------------------------------------------------------------------------ the API

    def items(self, name: str) -> list[Object]:
        """The items of a recorded list."""
        found: list[Object] = self.api[name]["items"]
        return found

    def item(self, listed: str, name: str) -> Object:
        """The object whose name begins like this."""
        return next(one for one in self.items(listed) if one["metadata"]["name"].startswith(name))

    def without(self, listed: str, name: str) -> None:
        """Take the objects away whose names begin like this."""
        body = self.api[listed]
        body["items"] = [one for one in body["items"] if not one["metadata"]["name"].startswith(name)]

    def refuse(self, name: str, said: str) -> None:
        """Let a request to the API fail with kubectl's text."""
        self.api[name] = {"_raw": "", "_stderr": said + "\n", "_rc": 1}

    def cloudcore_yaml(self, old: str, new: str) -> None:
        """Change the text of ConfigMap cloudcore, wherever it was recorded; as if it had always been so."""
        for one in (self.item("configmaps-kubeedge", "cloudcore"), self.api["configmap-cloudcore-managed"]):
            assert old in one["data"]["cloudcore.yaml"]
            one["data"]["cloudcore.yaml"] = one["data"]["cloudcore.yaml"].replace(old, new)

    def tunnel_ports(self, **by_ip: int) -> None:
        """The record of ConfigMap tunnelport; addresses are written with underscores."""
        ports = {ip.strip("_").replace("_", "."): port for ip, port in by_ip.items()}
        record = {"ipTunnelPort": ports, "port": {str(port): True for port in ports.values()}}
        notes = self.item("configmaps-kubeedge", "tunnelport")["metadata"]["annotations"]
        notes["tunnelportrecord.kubeedge.io"] = json.dumps(record)

    def condition(self, node: str, status: str, reason: str, message: str, since: str = "2026-11-22T09:41:00Z") -> None:
        """The Ready condition of a node."""
        conditions = self.item("nodes", node)["status"]["conditions"]
        ready = next(one for one in conditions if one["type"] == "Ready")
        ready.update(status=status, reason=reason, message=message, lastTransitionTime=since)

    # -------------------------------------------------------------------------------------------- hosts

    def rows(self, host: str, part: str) -> list[Object]:
        """The recorded commands of a host that hold this text."""
        return [row for row in self.hosts[host] if part in row["cmd"]]

    def answer(self, host: str, part: str, out: str = "", rc: int = 0, err: str = "") -> None:
        """Let every command of a host that holds this text answer so."""
        found = self.rows(host, part)
        assert found, f"{host} was never asked {part}"
        for row in found:
            row.update(out=out, rc=rc, err=err)

    def replace(self, host: str, part: str, old: str, new: str) -> None:
        """Change a text in what a host answered to such commands."""
        rows = [row for row in self.rows(host, part) if old in row["out"]]
        assert rows, f"no {old!r} in what {host} said to {part}"
        for row in rows:
            row["out"] = row["out"].replace(old, new)

    def ask(self, host: str, cmd: str, out: str = "", rc: int = 0, err: str = "", seconds: float = 0.3) -> None:
        """A further command of a host."""
        self.hosts[host].append({"cmd": cmd, "rc": rc, "out": out, "err": err, "seconds": seconds})

    def drop_lines(self, host: str, part: str, mark: str) -> None:
        """Take the lines with this mark away from what a host answered."""
        for row in self.rows(host, part):
            row["out"] = "".join(line for line in row["out"].splitlines(keepends=True) if mark not in line)

    def journal(self, host: str, *messages: str, pid: int = 0) -> None:
        """Further lines at the end of EdgeCore's journal, from the process that runs."""
        for row in self.rows(host, "journalctl -u edgecore -n 120"):
            lines = row["out"].splitlines()
            own = pid or int(lines[-1].partition("edgecore[")[2].partition("]")[0] or 1)
            at = lines[-1][:24]
            row["out"] += "".join(f"{at} {host} edgecore[{own}]: {message}\n" for message in messages)

    # ------------------------------------------------------------------------------------------ kubectl

    def kubectl_says(
        self, node: str, verb: str, out: str = "", rc: int = 0, err: str = "", seconds: float = 0.1
    ) -> None:
        """What ``kubectl logs`` or ``exec`` of the node's workload printed."""
        for row in self.kubectl:
            if f" {verb} " in row["cmd"] and PODS[node] in row["cmd"]:
                row.update(out=out, rc=rc, err=err, seconds=seconds)

    def no_numbers(self, *nodes: str) -> None:
        """Metrics Server could not scrape these nodes."""
        for name in ("metrics-nodes", "metrics-pods"):
            if "items" in self.api[name]:
                gone = [*nodes, *(PODS[node] for node in nodes)]
                self.api[name]["items"] = [i for i in self.items(name) if i["metadata"]["name"] not in gone]


def roots(picture: Picture) -> set[tuple[str, str]]:
    """The causes that it names."""
    return {(cause.code, cause.target) for cause in picture.causes}


def failing(picture: Picture) -> set[tuple[str, str]]:
    """What fails, consequences included."""
    return {(f.code, f.target) for f in picture.findings if f.status is Status.FAIL}


def finding(picture: Picture, code: str, target: str = "-") -> Finding:
    """The one finding of a check about a target."""
    return next(f for f in picture.findings if (f.code, f.target) == (code, target))


def shown(findings: Iterable[Finding]) -> str:
    """Everything that is not well, for a failed assertion."""
    bad = [f for f in findings if f.status not in (Status.PASS, Status.SKIP)]
    return "\n".join(f"{f.status.value:8}{f.code} {f.target} {f.text} | {f.seen} | because {f.because}" for f in bad)
