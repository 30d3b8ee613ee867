"""A HostWriter without a link between: runs commands on this machine, behind a prefix such as ``ip netns exec``."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kedge.links.base import Access, Answer, KubeWriter


@dataclass
class DirectWriter:
    name: str
    prefix: tuple[str, ...] = ()

    async def run(self, argv: Sequence[str], *, deadline: float, stdin: bytes = b"", root: bool = True) -> Answer:
        process = await asyncio.create_subprocess_exec(
            *self.prefix,
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C", "TZ": "UTC"},
        )
        out, err = await asyncio.wait_for(process.communicate(stdin), deadline)
        return Answer("run", process.returncode, out, err, 0.0)

    async def read(self, path: str, *, deadline: float) -> bytes:
        return (await self.run(("cat", "--", path), deadline=deadline)).stdout

    async def write(self, path: str, data: bytes, *, deadline: float) -> None:
        answer = await self.run(("tee", "--", path), deadline=deadline, stdin=data)
        assert answer.exit_code == 0, answer.stderr


@dataclass
class DirectWriters:
    hosts: Mapping[str, DirectWriter] = field(default_factory=dict)

    async def host(self, name: str) -> DirectWriter:
        return self.hosts[name]

    async def kube(self) -> KubeWriter:
        raise AssertionError("no cluster here")

    async def kube_can(self, access: Access) -> bool:
        raise AssertionError("no cluster here")

    async def kube_get(self, path: str, access: Access, query: Mapping[str, str] | None = None) -> bytes:
        raise AssertionError("no cluster here")
