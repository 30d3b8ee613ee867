"""A TLS listener that demands a client certificate and says so in an alert when there is none.

asyncio's own TLS transport closes a failed handshake without sending the alert that OpenSSL has prepared; a
client then sees an unexpected end of file where a real CloudCore answers ``certificate required`` or
``unknown ca`` (facts 4.3). So the handshake is driven here.
"""

from __future__ import annotations

import asyncio
import ssl

_MEBIBYTE = 1 << 20


class TlsGate(asyncio.Protocol):
    """One connection: handshake, one request, the same answer to everybody who got in.

    Args:
        open_gates: where the connection is listed while it is open, for whoever has to cut it.
    """

    def __init__(self, context: ssl.SSLContext, answer: bytes, open_gates: set[TlsGate]) -> None:
        self._open_gates = open_gates
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._answer = answer
        self._shaken = False
        self._request = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; the client speaks first."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # a TCP server makes no other
        self._transport = transport
        self._open_gates.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._open_gates.discard(self)

    def cut(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Drive the handshake, then collect the request."""
        self._incoming.write(data)
        try:
            if not self._shaken:
                self._tls.do_handshake()
                self._shaken = True
            while part := self._tls.read(_MEBIBYTE):  # one TLS record at a time; a segment may hold several
                self._request += part
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            self._flush()
        except ssl.SSLError:  # refused, or closed by the client: what is to be said about it is in the buffer
            self._close()
            return
        if b"\r\n\r\n" in self._request:
            self._tls.write(self._answer)
            self._close()

    def eof_received(self) -> None:
        """The client is done."""
        self._close()

    def _flush(self) -> None:
        if self._transport is not None and self._outgoing.pending:
            self._transport.write(self._outgoing.read())

    def _close(self) -> None:
        self._flush()
        if self._transport is not None:
            self._transport.close()
