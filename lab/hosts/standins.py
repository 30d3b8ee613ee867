"""The stand-in commands of a host: tiny bash clients on its PATH, and the server that answers them.

A stand-in is started for every probe, so it must be quick: bash with its built-in ``/dev/tcp`` takes about
5 ms, an isolated Python 25 ms. Each host's scripts carry that host's secret, so that one port serves all.

Protocol: the client sends ``secret tool folder user count word…``, each ended by NUL. The server answers one
line: ``end CODE ERR``; ``stdin 0`` or ``line 0 PROMPT`` (send that in base64, then read again); ``run N``
(become the command that begins after N words); or ``real 0`` (become the real program of that name). ERR and
PROMPT are quoted for ``printf %b``. After ``end`` come the bytes of standard output until the connection closes.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lab.hosts.tools.calls import Call, LocalHttp, NeedsInput, PodsHere, Reply, Tool, UsageError
from lab.hosts.tools.curl import curl
from lab.hosts.tools.images import crictl, ctr, k3s
from lab.hosts.tools.iptables import iptables, iptables_restore, iptables_save
from lab.hosts.tools.journalctl import journalctl
from lab.hosts.tools.sockets import ss
from lab.hosts.tools.sudo import Sudoers, sudo
from lab.hosts.tools.systemctl import systemctl
from lab.ports import LOOPBACK
from lab.world_host import Host

TOOLS: Mapping[str, Tool] = {
    "systemctl": systemctl,
    "journalctl": journalctl,
    "iptables": iptables,
    "iptables-nft": iptables,
    "iptables-legacy": iptables,
    "iptables-save": iptables_save,
    "iptables-nft-save": iptables_save,
    "iptables-legacy-save": iptables_save,
    "iptables-restore": iptables_restore,
    "iptables-nft-restore": iptables_restore,
    "iptables-legacy-restore": iptables_restore,
    "ss": ss,
    "ctr": ctr,
    "crictl": crictl,
    "k3s": k3s,
    "curl": curl,
}

_CLIENT = r"""#!{bash}
exec 3<>/dev/tcp/{address}/{port} || exit 69
printf '%s\0' {secret} "${{0##*/}}" "$PWD" "${{USER:-root}}" "$#" "$@" >&3
while read -r -u 3 verb code text; do
    case $verb in
    end) [ -z "$text" ] || printf '%b' "$text" >&2; cat <&3; exit "$code" ;;
    stdin) base64 | tr -d '\n' >&3; echo >&3 ;;
    line) printf '%b' "$text" >&2; IFS= read -r answer || true
        printf '%s' "$answer" | base64 | tr -d '\n' >&3; echo >&3 ;;
    run) exec 3>&-; shift "$code"; exec env SUDO_USER="${{USER:-root}}" USER=root LOGNAME=root "$@" ;;
    real) exec 3>&-; exec {programs}/"${{0##*/}}" "$@" ;;
    esac
done
exit 69
"""
_LONGEST_INPUT = 1 << 28
"""Bytes that a stand-in may be sent on standard input: an image archive in base64."""

_PLAIN = {
    "hostname": 'case ${{1:-}} in -I|-i) echo "{address}" ;; *) echo "{name}" ;; esac',
    "whoami": 'echo "${{USER:-root}}"',
    "id": """number=1000; [ "${{USER:-root}}" != root ] || number=0
case ${{1:-}} in
-u|-g|-G) echo $number ;;
-un|-gn|-nu|-ng|-Gn) echo "${{USER:-root}}" ;;
*) echo "uid=$number(${{USER:-root}}) gid=$number(${{USER:-root}}) groups=$number(${{USER:-root}})" ;;
esac""",
}
"""Commands whose answer never changes: no need to ask anybody."""


@dataclass(frozen=True, slots=True)
class Station:
    """A host as the stand-ins of its PATH know it."""

    host: Host
    root: Path
    sudoers: Sudoers
    programs: Path
    local_http: LocalHttp
    pods: PodsHere


class StandIns:
    """Writes the stand-in commands of hosts and answers them."""

    def __init__(self, bash: str) -> None:
        self._bash = bash
        self._stations: dict[str, Station] = {}
        self._server: asyncio.Server | None = None
        self._port = 0
        self._busy: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen on a free loopback port."""
        self._server = await asyncio.start_server(self._answer, LOOPBACK, 0, limit=_LONGEST_INPUT)
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop answering; commands that still run end with an error."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._busy):
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)

    def install(self, station: Station, folder: Path, tools: frozenset[str]) -> None:
        """Write the commands ``tools`` of one host into ``folder``."""
        secret = secrets.token_hex(16)
        self._stations[secret] = station
        folder.mkdir(parents=True, exist_ok=True)
        script = folder / ".stand-in"
        programs = shlex.quote(str(station.programs))
        text = _CLIENT.format(bash=self._bash, address=LOOPBACK, port=self._port, secret=secret, programs=programs)
        _write(script, text)
        for name in sorted(tools | {"sudo"}):
            (folder / name).symlink_to(script.name)
        for name, body in _PLAIN.items():
            text = body.format(name=station.host.name, address=station.host.address)
            _write(folder / name, f"#!{self._bash}\n{text}\n")

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # start_server runs its callback in a task
        self._busy.add(task)
        try:
            await self._converse(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the command was interrupted, or the site ends
        finally:
            self._busy.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        station, call = await self._read_call(reader)
        while True:
            try:
                reply = _perform(call, station.sudoers)
                break
            except NeedsInput as wanted:
                kind = "stdin" if wanted.prompt is None else "line"
                writer.write(f"{kind} 0 {_quoted(wanted.prompt or '')}\n".encode())
                call = replace(call, stdin=base64.b64decode(await reader.readline()))
        if reply.real:
            writer.write(b"real 0\n")
        elif reply.run:
            skipped = len(call.words) - len(reply.run)
            writer.write(f"run {skipped}\n".encode())
        else:
            writer.write(f"end {reply.code} {_quoted(reply.err)}\n".encode() + reply.out.encode())
        await writer.drain()
        if reply.follow is not None:
            await _follow(reply, reader, writer)

    async def _read_call(self, reader: asyncio.StreamReader) -> tuple[Station, Call]:
        async def word() -> str:
            return (await reader.readuntil(b"\0"))[:-1].decode(errors="surrogateescape")

        station = self._stations.get(await word())
        if station is None:
            raise ConnectionRefusedError("not a stand-in of this site")
        tool, folder, user, count = await word(), await word(), await word(), int(await word())
        words = tuple([await word() for _ in range(count)])
        more = {"local_http": station.local_http, "pods": station.pods}
        return station, Call(tool, words, user, Path(folder), station.host, station.root, **more)


def _perform(call: Call, sudoers: Sudoers) -> Reply:
    try:
        return sudo(call, sudoers) if call.tool == "sudo" else TOOLS[call.tool](call)
    except UsageError as problem:
        return Reply(err=problem.text, code=problem.code)


async def _follow(reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send more output until it ends or the client has gone."""
    follow = reply.follow
    assert follow is not None  # noqa: S101  # the caller looked

    async def send() -> None:
        async for text in follow:
            writer.write(text.encode())
            await writer.drain()

    sending = asyncio.ensure_future(send())
    gone = asyncio.ensure_future(reader.read())
    try:
        await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, gone):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await task


def _quoted(text: str) -> str:
    r"""``text`` as one word for bash's ``printf %b``; ``read`` would trim spaces at the ends."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace(" ", "\\0040")


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
