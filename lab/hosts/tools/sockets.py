"""``ss``: the TCP sockets of a host, laid out as iproute2 lays them out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lab.hosts.tools.calls import Call, Reply
from lab.world_host import Socket

_STATES = {"established": "ESTAB", "listening": "LISTEN", "listen": "LISTEN", "syn-sent": "SYN-SENT"}
_ALL_STATES = ("all", "connected", "synchronized")
_HEAD = ("State", "Recv-Q", "Send-Q", "Local Address", "Port", "Peer Address", "Port", "Process")
_STATE, _LOCAL, _PEER = 0, 3, 5


def ss(call: Call) -> Reply:
    """TCP only: every other family is empty on these hosts."""
    flags = "".join(word[1:] for word in call.words if word.startswith("-") and not word.startswith("--"))
    long = {word for word in call.words if word.startswith("--")}
    listening = "l" in flags or "--listening" in long
    everything = "a" in flags or "--all" in long
    state, keep = _filter([word for word in call.words if not word.startswith("-")])
    if "t" not in flags and "--tcp" not in long and set(flags) & set("uxw"):
        sockets: list[Socket] = []
    elif state:
        everywhere = [*call.host.listening(), *call.host.established()]
        sockets = [s for s in everywhere if state in _ALL_STATES or s.state == state]
    elif everything:
        sockets = [*call.host.listening(), *call.host.established()]
    else:
        sockets = call.host.listening() if listening else call.host.established()
    processes = ("p" in flags or "--processes" in long) and call.privileged
    with_state = not state or state in _ALL_STATES
    rows = [_row(socket, processes=processes) for socket in sockets if keep(socket)]
    return Reply(_table(rows, with_state=with_state, header="H" not in flags and "--no-header" not in long))


def _filter(words: Sequence[str]) -> tuple[str, Callable[[Socket], bool]]:
    """``state X`` and simple conditions on ports and addresses, all of which must hold."""
    state = ""
    conditions: list[Callable[[Socket], bool]] = []
    tokens = [token for word in words for token in word.replace("(", " ").replace(")", " ").split()]
    tokens = [token for token in tokens if token not in ("and", "=", "==", "eq")]
    rest = iter(tokens)
    for token in rest:
        value = next(rest, "")
        if token == "state":
            state = _STATES.get(value, value)
        elif token in ("sport", "dport"):
            conditions.append(_port_is(token, int(value.rpartition(":")[2])))
        elif token in ("src", "dst"):
            conditions.append(_address_is(token, *_split_address(value)))
    return state, lambda socket: all(condition(socket) for condition in conditions)


def _port_is(side: str, port: int) -> Callable[[Socket], bool]:
    return lambda s: (s.local[1] if side == "sport" else s.peer[1] if s.peer else 0) == port


def _address_is(side: str, address: str, port: int) -> Callable[[Socket], bool]:
    def holds(socket: Socket) -> bool:
        end = socket.local if side == "src" else socket.peer
        return end is not None and end[0] == address and port in (0, end[1])

    return holds


def _split_address(text: str) -> tuple[str, int]:
    address, _, port = text.partition(":")
    return address, int(port or 0)


def _row(socket: Socket, *, processes: bool) -> tuple[str, ...]:
    peer = socket.peer or ("*" if socket.local[0] == "*" else "[::]" if ":" in socket.local[0] else "0.0.0.0", "*")
    process = f' users:(("{socket.process}",pid={socket.pid},fd={socket.fd}))' if processes else ""
    queue = 4096 if socket.peer is None and socket.send_q == 0 else socket.send_q
    local = socket.local
    return (
        socket.state, str(socket.recv_q), str(queue), local[0], str(local[1]), peer[0], str(peer[1]), process,
    )  # fmt: skip


def _table(rows: Sequence[tuple[str, ...]], *, with_state: bool, header: bool) -> str:
    table = [_HEAD, *rows] if header else list(rows)
    widths = [max(len(row[i]) for row in [_HEAD, *rows]) for i in range(len(_HEAD))]
    lines = []
    for row in table:
        cells = [
            row[i].rjust(widths[i]) if i in (_LOCAL, _PEER) else row[i].ljust(widths[i]) for i in range(len(_HEAD))
        ]
        state, recv, send, local, local_port, peer, peer_port, process = cells
        line = f"{recv} {send} {local}:{local_port} {peer}:{peer_port}{process}"
        lines.append((f"{state} {line}" if with_state else line) + "\n")
    return "".join(lines)
