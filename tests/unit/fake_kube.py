"""A Kubernetes API server for tests: real HTTPS on loopback, one kind of objects, and every way to misbehave."""

from __future__ import annotations

import base64
import contextlib
import functools
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

TOKEN = "token-of-the-test"
NODES = "/api/v1/nodes"


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, PEM."""

    certificate: bytes
    key: bytes


@functools.cache
def pki() -> dict[str, Pair]:
    """``ca``, ``server`` (for 127.0.0.1 and localhost), ``client`` (CN=tester) and ``other-ca``."""
    pairs: dict[str, Pair] = {}
    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("ca", "server", "client", "other-ca")}
    now = datetime.now(UTC)

    def issue(name: str, subject: str, issuer: str) -> None:
        is_ca = name.endswith("ca")
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(keys[name].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )
        if name == "server":
            names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if name == "client":
            usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
            builder = builder.add_extension(usage, critical=False)
        signer = keys[name] if is_ca else keys["ca"]
        certificate = builder.sign(signer, hashes.SHA256())
        pairs[name] = Pair(
            certificate.public_bytes(serialization.Encoding.PEM),
            keys[name].private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )

    issue("ca", "test CA", "test CA")
    issue("other-ca", "another CA", "another CA")
    issue("server", "127.0.0.1", "test CA")
    issue("client", "tester", "test CA")
    return pairs


def inline(pem: bytes) -> str:
    """PEM as a kubeconfig's ``*-data``."""
    return base64.b64encode(pem).decode()


def server_context(directory: Path, *, client_certificates: bool = False) -> ssl.SSLContext:
    """TLS for a server with the test PKI."""
    chain = directory / "server.pem"
    chain.write_bytes(pki()["server"].certificate + pki()["server"].key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    if client_certificates:
        context.load_verify_locations(cadata=pki()["ca"].certificate.decode())
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def write_kubeconfig(path: Path, server: str, **user: Any) -> Path:
    """A kubeconfig (JSON is YAML) for one server; the user has the test's token unless something else is given."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "tester", "namespace": "default"}}],
        "clusters": [
            {
                "name": "test",
                "cluster": {"server": server, "certificate-authority-data": inline(pki()["ca"].certificate)},
            }
        ],
        "users": [{"name": "tester", "user": user or {"token": TOKEN}}],
    }
    path.write_text(json.dumps(config, indent=1))
    return path


def node(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}}


def status(code: int, message: str, reason: str = "") -> dict[str, Any]:
    return {"kind": "Status", "status": "Failure", "message": message, "reason": reason, "code": code}


@dataclass
class Request:
    """One request as the server saw it."""

    method: str
    path: str
    query: dict[str, str]
    headers: Any
    body: bytes


@dataclass
class Store:
    """Objects of one kind with a resourceVersion and a history to watch."""

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    version: int = 100
    compacted: int = 0
    history: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def put(self, thing: dict[str, Any]) -> None:
        name = thing["metadata"]["name"]
        self._record("MODIFIED" if name in self.objects else "ADDED", thing)

    def remove(self, name: str) -> None:
        self._record("DELETED", self.objects[name])

    def bookmark(self) -> None:
        """Let time pass without a change of this kind, and tell watchers."""
        self._record("BOOKMARK", {"metadata": {}})

    def error(self, body: dict[str, Any]) -> None:
        with self.changed:
            self.history.append((self.version + 1, {"type": "ERROR", "object": body}))
            self.changed.notify_all()

    def compact(self) -> None:
        """Forget the history: watching from before now is 410."""
        with self.changed:
            self.version += 1
            self.compacted = self.version
            self.history.clear()

    def _record(self, kind: str, thing: dict[str, Any]) -> None:
        with self.changed:
            self.version += 1
            thing = {**thing, "metadata": {**thing["metadata"], "resourceVersion": str(self.version)}}
            name = thing["metadata"].get("name")
            if kind == "DELETED":
                del self.objects[name]
            elif kind != "BOOKMARK":
                self.objects[name] = thing
            self.history.append((self.version, {"type": kind, "object": thing}))
            self.changed.notify_all()


class FakeKube:
    """The server. ``routes`` maps (method, path) to a function of the handler and goes before the store of nodes."""

    def __init__(self, directory: Path, *, client_certificates: bool = False, tls: bool = True) -> None:
        self.store = Store()
        self.requests: list[Request] = []
        self.routes: dict[tuple[str, str], Callable[[Handler], None]] = {}
        self.silent = threading.Event()
        """While set, watches stay open and send nothing."""
        self.tokens = {TOKEN}
        self.generation = 0
        self.port = 0
        self._tls = server_context(directory, client_certificates=client_certificates) if tls else None
        self._clients = client_certificates
        self._http: _Server | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._http = _Server(("127.0.0.1", self.port), self, self._tls)
        self.port = self._http.server_address[1]
        threading.Thread(target=self._http.serve_forever, args=(0.02,), name="fake-kube", daemon=True).start()

    def stop(self) -> None:
        """As a killed process: the port is free, every connection is cut."""
        if self._http is not None:
            http, self._http = self._http, None
            http.shutdown()
            http.server_close()
            http.cut()
            with self.store.changed:
                self.store.changed.notify_all()

    def cut(self) -> None:
        """Cut every open connection and go on serving."""
        assert self._http is not None
        self._http.cut()

    def end_watches(self) -> None:
        """As after timeoutSeconds: every watch ends properly, once it has sent what there is."""
        with self.store.changed:
            self.generation += 1
            self.store.changed.notify_all()

    @property
    def running(self) -> bool:
        return self._http is not None

    def seen(self, method: str, path: str, **query: str) -> list[Request]:
        """Requests so far with at least this query."""
        return [
            request
            for request in list(self.requests)
            if (request.method, request.path) == (method, path) and query.items() <= request.query.items()
        ]

    def lets_in(self, handler: Handler) -> bool:
        if self._clients:
            return bool(handler.connection.getpeercert())
        return handler.headers.get("Authorization", "").removeprefix("Bearer ") in self.tokens


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], fake: FakeKube, tls: ssl.SSLContext | None) -> None:
        self.fake = fake
        self._tls = tls
        self._open: set[socket.socket] = set()
        super().__init__(address, Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        client, address = self.socket.accept()
        if self._tls is not None:
            client = self._tls.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
        self._open.add(client)
        return client, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Cut and refused connections are what these tests are about."""

    def cut(self) -> None:
        for client in list(self._open):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(client, socket.SHUT_RDWR)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def handle_one_request(self) -> None:
        super().handle_one_request()
        if self.raw_requestline and not hasattr(self, f"do_{self.command}"):
            self.close_connection = True

    def _handle(self) -> None:
        fake = self.server.fake
        parts = urlsplit(self.path)
        self.query = dict(parse_qsl(parts.query))
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fake.requests.append(Request(self.command, parts.path, self.query, self.headers, self.body))
        if not fake.lets_in(self):
            self.answer(401, status(401, "Unauthorized", "Unauthorized"))
        elif route := fake.routes.get((self.command, parts.path)):
            route(self)
        elif (self.command, parts.path) == ("GET", NODES):
            self._watch(fake) if self.query.get("watch") else self._list(fake.store)
        else:
            self.answer(404, status(404, f"no {parts.path}", "NotFound"))

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _handle

    def answer(self, code: int, body: Any, headers: dict[str, str] | None = None) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    @contextlib.contextmanager
    def chunked(self, content_type: str = "application/json") -> Iterator[Callable[[bytes], int]]:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        yield lambda data: self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")

    def _list(self, store: Store) -> None:
        with store.changed:
            version, names = store.version, sorted(store.objects)
            start = int(self.query.get("continue", "0"))
            limit = int(self.query.get("limit", "0")) or len(names)
            items = [store.objects[name] for name in names[start : start + limit]]
        meta = {"resourceVersion": str(version)}
        if start + limit < len(names):
            meta["continue"] = str(start + limit)
        self.answer(200, {"kind": "NodeList", "metadata": meta, "items": items})

    def _watch(self, fake: FakeKube) -> None:
        store, seen = fake.store, int(self.query["resourceVersion"])
        if seen < store.compacted:
            gone = status(410, f"too old resource version: {seen}", "Expired")
            if self.query.get("labelSelector") == "gone-as-status":
                self.answer(410, gone)
                return
            with self.chunked() as send:
                send(json.dumps({"type": "ERROR", "object": gone}).encode() + b"\n")
            return
        generation = fake.generation
        with self.chunked() as send:
            ended = False
            while fake.running and not ended:
                with store.changed:
                    ended = generation != fake.generation
                    events = self._new(store, seen)
                    if not events and not ended:
                        store.changed.wait(timeout=0.2)
                for version, event in () if fake.silent.is_set() else events:
                    seen = version
                    send(json.dumps(event).encode() + b"\n")

    @staticmethod
    def _new(store: Store, seen: int) -> list[tuple[int, dict[str, Any]]]:
        return [(version, event) for version, event in store.history if version > seen]
