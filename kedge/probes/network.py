"""What hosts see of the network: sockets, and whether a TCP connection can be opened."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from kedge.asks import Sockets, Tcp
from kedge.facts.cloudcore import CloudCore, CloudCoreConfig, TunnelPorts
from kedge.facts.edgecore import EdgeCoreConfig
from kedge.facts.network import Established, Listening, Reach, Socket, StreamReach, TcpReach, TunnelReach
from kedge.i18n import _
from kedge.model import Cost, Host, Observation, Reason, Role, Unknown
from kedge.plugins import Maybe, probe
from kedge.probes.answers import NO_TOOL, TIMED_OUT, failure

# --------------------------------------------------------------------------------------------- reachability


@probe(Role.EDGE, cost=Cost.ACTIVE, reads_errors=True)
def tunnel_reach(host: Host, config: EdgeCoreConfig) -> Tcp | None:
    """Can the edge open its edgeStream server? None when edgecore.yaml names no port."""
    stream = config.edge_stream
    return Tcp(stream.host, stream.port) if stream.host and stream.port else None


@tunnel_reach.parse
def read_tunnel_reach(seen: Observation) -> TunnelReach | Unknown:
    found = read_tcp(seen)
    if isinstance(found, Unknown):
        return found
    return TunnelReach(found.host, found.port, found.outcome, found.detail, found.at)


@probe(Role.APISERVER, cost=Cost.ACTIVE, reads_errors=True)
def stream_reach(
    host: Host, cloudcore: CloudCore, config: Maybe[CloudCoreConfig], tunnel: Maybe[TunnelPorts]
) -> tuple[Tcp, ...] | None:
    """Can the API-server host open the stream port of every CloudCore that should be there?"""
    port = (
        CloudCoreConfig("").cloud_stream.stream_port if isinstance(config, Unknown) else config.cloud_stream.stream_port
    )
    recorded = () if isinstance(tunnel, Unknown) else tunnel.by_ip
    addresses = sorted(cloudcore.addresses) or [ip for ip, _port in recorded]
    return tuple(Tcp(ip, port) for ip in addresses) or None


@stream_reach.parse
def read_stream_reach(*seen: Observation) -> StreamReach | Unknown:
    """Known as soon as one attempt is; a recording need not hold all of them."""
    found = [read_tcp(one) for one in seen]
    attempts = tuple(one for one in found if isinstance(one, TcpReach))
    return StreamReach(attempts) if attempts else next(one for one in found if isinstance(one, Unknown))


_OUTCOMES: tuple[tuple[Reach, re.Pattern[str]], ...] = tuple(
    (outcome, re.compile(pattern, re.IGNORECASE))
    for outcome, pattern in (
        (Reach.REFUSED, r"connection refused|actively refused|errno=111"),
        (Reach.NO_ROUTE, r"no route to host|unreachable|errno=1(?:01|13)\b"),
        (
            Reach.UNRESOLVED,
            r"name or service not known|name resolution|could not resolve|nodename nor servname|bad address"
            r"|name does not resolve|getaddrinfo|unknown host|host lookup|gaierror|no address associated",
        ),
        (Reach.FILTERED, r"timed out|timeout|operation now in progress|errno=110"),
    )
)
_CONNECTED = re.compile(r"Connected to|CONNECTED\(|Escape character is|succeeded!|\bopen\b|Connection established")
_CURL_CODES = {6: Reach.UNRESOLVED, 28: Reach.FILTERED, 49: Reach.OPEN, 52: Reach.OPEN, 56: Reach.OPEN}


def read_tcp(seen: Observation) -> TcpReach | Unknown:
    """The outcome of one attempt, whichever tool made it: bash, nc, python, telnet, openssl or curl.

    Exit code 124 (killed by its timeout) means silence, unless the tool had said before that it is connected.
    """
    if seen.error is not None or seen.exit_code in NO_TOOL:
        return failure(seen, "bash, nc, python, telnet or openssl")
    if not isinstance(seen.ask, Tcp):
        return failure(seen, seen.what)
    said = f"{seen.stdout}\n{seen.stderr}"
    outcome = _outcome(seen, said)
    if outcome is None:
        text = _("{host} tried {address} and failed without saying why (exit code {code})")
        address = f"{seen.ask.host}:{seen.ask.port}"
        return Unknown(Reason.UNPARSABLE, text.format(host=seen.source, address=address, code=seen.exit_code))
    detail = "" if outcome is Reach.OPEN else _detail(said)
    return TcpReach(seen.ask.host, seen.ask.port, outcome, detail, seen.at)


def _outcome(seen: Observation, said: str) -> Reach | None:
    if seen.exit_code == 0 or _CONNECTED.search(said):
        return Reach.OPEN
    for outcome, pattern in _OUTCOMES:
        if pattern.search(said):
            return outcome
    if seen.exit_code == TIMED_OUT:
        return Reach.FILTERED
    if seen.what.lstrip().startswith("curl") or "curl:" in said:
        return _CURL_CODES.get(seen.exit_code or 0)
    return None


def _detail(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("Trying")]
    return lines[-1] if lines else ""


# --------------------------------------------------------------------------------------------------- sockets


@probe(Role.CLOUDCORE)
def listening_sockets(host: Host) -> Sockets:
    """Which ports the host listens on."""
    return Sockets("listening")


@listening_sockets.parse
def read_listening(seen: Observation) -> Listening | Unknown:
    if seen.exit_code != 0 or not seen.stdout.strip():
        return failure(seen, "ss")
    return Listening(tuple(read_sockets(seen.stdout, {"LISTEN"})), seen.at)


@probe(Role.EDGE)
def established_sockets(host: Host) -> Sockets:
    """Which connections stand, with their queues."""
    return Sockets("established")


@established_sockets.parse
def read_established(seen: Observation) -> Established | Unknown:
    if seen.exit_code != 0 or not seen.stdout.strip():
        return failure(seen, "ss")
    return Established(tuple(read_sockets(seen.stdout, {"ESTAB", "ESTABLISHED"})), seen.at)


_PROCESS = re.compile(r'\(\("(?P<ss>[^"]*)",pid=(?P<sspid>\d{1,10})|\s(?P<nspid>\d{1,10})/(?P<ns>\S+)')
_TIMER = re.compile(r"timer:\([^,()]*,[^,()]*,(\d{1,6})\)")
_STATE = re.compile(r"[A-Z][A-Z0-9_-]{3,}")


def read_sockets(text: str, states: set[str]) -> Iterator[Socket]:
    """TCP sockets out of ``ss`` or ``netstat``.

    Columns differ (``ss … state established`` prints no State, netstat prints it last), so a row is found by
    its shape: two numbers, then two addresses. Rows that name another state than those wanted are left out.
    """
    for line in text.splitlines():
        words = line.split()
        at = next((i for i in range(len(words) - 3) if _is_row(words[i : i + 4])), None)
        if at is None or (words[0].startswith("udp") and at):
            continue
        named = {word for word in (*words[:at], *words[at + 4 : at + 5]) if _STATE.fullmatch(word)}
        if named and not named & states:
            continue
        local, peer = _endpoint(words[at + 2]), _endpoint(words[at + 3])
        if local is None or peer is None:
            continue
        process, timer = _PROCESS.search(line), _TIMER.search(line)
        yield Socket(
            local_ip=local[0],
            local_port=local[1],
            peer_ip=peer[0],
            peer_port=peer[1],
            process=(process["ss"] or process["ns"] or "") if process else "",
            pid=int(process["sspid"] or process["nspid"]) if process else 0,
            recv_queue=int(words[at]),
            send_queue=int(words[at + 1]),
            retransmits=int(timer[1]) if timer else None,
        )


def _is_row(words: Sequence[str]) -> bool:
    numbers = all(word.isascii() and word.isdigit() and len(word) <= 12 for word in words[:2])
    return numbers and all(":" in word for word in words[2:])


def _endpoint(text: str) -> tuple[str, int] | None:
    """``10.0.0.1:22``, ``[::ffff:10.0.0.1]:22``, ``127.0.0.53%lo:53``, ``*:6443``, ``0.0.0.0:*``."""
    host, _colon, port = text.rpartition(":")
    if port != "*" and not (port.isascii() and port.isdigit() and len(port) <= 5):
        return None
    ip = host.strip("[]").partition("%")[0].removeprefix("::ffff:")
    return ip, 0 if port == "*" else int(port)
