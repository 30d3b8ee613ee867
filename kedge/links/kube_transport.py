"""HTTPS to one API server: the official client's TLS and connection pool, without its models.

The only module that imports ``kubernetes`` and ``urllib3`` at its top: import it inside functions, so that the
first screen comes before them. Works on raw ``urllib3`` responses, which all releases of the client share.
"""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3
from kubernetes.client import Configuration
from kubernetes.client.exceptions import OpenApiException
from kubernetes.client.rest import RESTClientObject
from kubernetes.config import ConfigException
from kubernetes.config.kube_config import load_kube_config_from_dict
from oauthlib.oauth2 import OAuth2Error  # type: ignore[import-untyped]

from kedge.i18n import Text, _
from kedge.links import kube_call, kube_errors
from kedge.links.kube_call import Call
from kedge.links.kube_credentials import Credential
from kedge.links.kube_oidc import is_oidc
from kedge.links.kube_proxy import proxy_for
from kedge.links.kubeconfig import ConfigError, KubeSettings, Target

_SPARE_CONNECTIONS = 32
_KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPALIVE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
"""A peer that vanished is noticed after a minute even on a quiet watch. (TCP_KEEPALIVE: macOS' name of the first.)"""


def socket_options() -> list[tuple[int, int, int]]:
    """TCP_NODELAY and keepalive, by what this system knows."""
    options = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    for name, seconds in _KEEPALIVE.items():
        if hasattr(socket, name):
            options.append((socket.IPPROTO_TCP, getattr(socket, name), seconds))
    return options


class Transport:
    """Connections to one server with one client certificate. Thread-safe.

    Raises:
        ConfigError: the certificates of the kubeconfig cannot be used.
    """

    def __init__(self, target: Target, settings: KubeSettings, credential: Credential | None = None) -> None:
        self.configuration = _configuration(target, credential)
        self.label = _label(target.server, self.configuration.proxy)
        self._pool = _pool(self.configuration, settings)
        self._connect_timeout = settings.connect_timeout

    def authorization(self) -> str:
        """The Authorization header from what the kubeconfig itself holds (token, password); "" for none."""
        for setting in self.configuration.auth_settings().values():
            return str(setting["value"] or "")
        return ""

    def open(
        self,
        call: Call,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        read_timeout: float | None,
    ) -> urllib3.BaseHTTPResponse:
        """Send a request; the response comes back once its headers are there, the body unread.

        Raises:
            LinkError: UNREACHABLE, TIMED_OUT or CREDENTIALS (client certificate refused).
        """
        connect = self._connect_timeout if read_timeout is None else min(self._connect_timeout, read_timeout)
        with self.errors(call), kube_call.current(call):
            return self._pool.request(
                method,
                url,
                headers=headers,
                body=body,
                timeout=urllib3.Timeout(connect=connect, read=read_timeout),
                preload_content=False,
                retries=False,
                redirect=False,
            )

    @contextlib.contextmanager
    def errors(self, call: Call) -> Iterator[None]:
        """Turn what the HTTP library and the system raise into a LinkError."""
        try:
            yield
        except (urllib3.exceptions.HTTPError, OSError) as error:
            if call.aborted:
                raise kube_errors.closed(call.step, server=self.label) from None
            cause = _cause(error)
            if cause is None:
                raise kube_errors.timed_out(call.step, round(call.elapsed, 1), server=self.label) from None
            raise kube_errors.unreachable(cause, server=self.label, step=call.step) from None

    def close(self) -> None:
        """Forget idle connections."""
        self._pool.clear()


def _label(server: str, proxy: str | None) -> Text | str:
    """The server for people; of a proxy the host alone, since its URL may hold a password."""
    if not proxy:
        return server
    host = urlsplit(proxy).netloc.rpartition("@")[2]
    return _("{server} (through proxy {proxy})").format(server=server, proxy=host)


def _cause(error: BaseException) -> BaseException | None:
    """The system's exception at the bottom of a urllib3 one; None for a timeout of ours."""
    chain: list[BaseException] = [error]
    for seen in chain:
        linked = (getattr(seen, "reason", None), *seen.args, seen.__cause__, seen.__context__)
        chain.extend(item for item in linked if isinstance(item, BaseException) and item not in chain)
    for seen in chain:
        if isinstance(seen, OSError) and (not isinstance(seen, TimeoutError) or seen.errno is not None):
            return seen
    if any(isinstance(seen, (TimeoutError, urllib3.exceptions.TimeoutError)) for seen in chain):
        return None
    return chain[-1]


def _configuration(target: Target, credential: Credential | None) -> Any:
    """The client library's Configuration for a target.

    Its loader writes inline certificates to private files. Credentials that change are kept from it: they are ours.
    """
    user = {key: value for key, value in target.user.items() if key not in ("exec", "tokenFile")}
    if is_oidc(user):
        del user["auth-provider"]
    if credential is not None and credential.certificate:
        user["client-certificate-data"] = base64.b64encode(credential.certificate.encode()).decode()
        user["client-key-data"] = base64.b64encode(credential.key.encode()).decode()
    cluster = {**target.cluster, "server": target.server, "insecure-skip-tls-verify": target.insecure}
    proxy = proxy_for(target.server, str(cluster.pop("proxy-url", "")), os.environ)
    merged = {
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": cluster}],
        "users": [{"name": "it", "user": user}],
    }
    configuration: Any = Configuration()
    try:
        load_kube_config_from_dict(merged, client_configuration=configuration, persist_config=False)
    except (ConfigException, OpenApiException, OAuth2Error, OSError, ValueError, KeyError) as error:
        problem = f"{type(error).__name__}: {error}"
        text = _("the client library cannot use cluster {cluster} and user {user} of {origin}: {problem}")
        params = {"cluster": target.cluster_name, "user": target.user_name, "origin": target.origin}
        raise ConfigError(text.format(**params, problem=kube_errors.redact(problem))) from None
    configuration.proxy = proxy or None
    configuration.no_proxy = None
    if "@" in proxy:
        login = urlsplit(proxy).netloc.rpartition("@")[0]
        configuration.proxy_headers = urllib3.make_headers(proxy_basic_auth=unquote(login))
    configuration.tls_server_name = str(cluster.get("tls-server-name", "")) or None
    configuration.retries = False
    _check_certificates(configuration, target)
    return configuration


def _check_certificates(configuration: Any, target: Target) -> None:
    """Load the certificates once, here, where the message can say whose they are."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    what = "certificate-authority"
    try:
        if configuration.ssl_ca_cert:
            context.load_verify_locations(configuration.ssl_ca_cert)
        what = "client-certificate / client-key"
        if configuration.cert_file:
            context.load_cert_chain(configuration.cert_file, configuration.key_file, password=lambda: "")
    except (ssl.SSLError, OSError) as error:
        detail = getattr(error, "reason", None) or error.strerror or str(error)
        text = _("{what} of cluster {cluster} and user {user} in {origin} cannot be used: {detail}")
        params = {"what": what, "cluster": target.cluster_name, "user": target.user_name, "origin": target.origin}
        raise ConfigError(text.format(**params, detail=str(detail).replace("_", " ").lower())) from None


def _pool(configuration: Any, settings: KubeSettings) -> urllib3.PoolManager:
    configuration.connection_pool_maxsize = settings.watches + _SPARE_CONNECTIONS
    try:
        pool: urllib3.PoolManager = RESTClientObject(configuration).pool_manager
    except ImportError:
        text = _("proxy {proxy} needs the Python package PySocks").format(proxy=configuration.proxy)
        raise ConfigError(text) from None
    if not configuration.verify_ssl:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # our own screen says so
    pool.connection_pool_kw["socket_options"] = socket_options()
    pool.pool_classes_by_scheme = {scheme: _tracked(kind) for scheme, kind in pool.pool_classes_by_scheme.items()}
    return pool


def _tracked(pool_class: Any) -> Any:
    """A pool class whose connections tell the call they work for (the library has no handle to abort a request)."""

    class Connection(pool_class.ConnectionCls):  # type: ignore[misc]
        def connect(self) -> None:
            kube_call.claim(self, None)
            super().connect()
            kube_call.claim(self, self.sock)

        def request(self, *args: Any, **kwargs: Any) -> None:
            kube_call.claim(self, self.sock)
            super().request(*args, **kwargs)

    return type("Tracked" + pool_class.__name__, (pool_class,), {"ConnectionCls": Connection})
