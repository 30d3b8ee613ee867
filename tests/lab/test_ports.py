"""Ports of the practice site give back everything they served, whoever is still connected."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import warnings
from pathlib import Path

from lab.pki import Authority
from lab.ports import LOOPBACK, LoopbackPort


class Answers(asyncio.Protocol):
    """Says one word and keeps the connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(b"hello")


def contexts(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    authority = Authority("test-ca")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(authority.issue("server", ips=[LOOPBACK]).write_chain(folder / "server.pem"))
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(cadata=authority.pem.decode())
    client.check_hostname = False
    return server, client


def connect(number: int, context: ssl.SSLContext) -> ssl.SSLSocket:
    """A client that reads the word and is then silent: it never says goodbye."""
    client = context.wrap_socket(socket.create_connection((LOOPBACK, number), timeout=10))
    assert client.recv(5) == b"hello"
    return client


def test_a_client_that_has_gone_quiet_leaves_no_socket_behind(tmp_path: Path) -> None:
    server, client = contexts(tmp_path)

    async def serve_and_leave() -> list[ssl.SSLSocket]:
        port = LoopbackPort()
        served: list[Answers] = []

        def answers() -> Answers:
            served.append(Answers())
            return served[-1]

        await port.open(answers, server)
        quiet = [await asyncio.to_thread(connect, port.number, client) for _client in range(3)]
        for protocol in served:
            protocol.transport.close()  # waits for a goodbye
        port.close()
        return quiet

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        quiet = asyncio.run(serve_and_leave())
        gc.collect()
    for one in quiet:
        one.close()
    assert len(quiet) == 3
    assert [str(one.message) for one in told if issubclass(one.category, ResourceWarning)] == []
