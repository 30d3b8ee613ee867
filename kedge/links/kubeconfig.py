"""Which cluster, as which user: found and chosen as kubectl does.

Files: ``--kubeconfig``, else the ``KUBECONFIG`` list, else ``~/.kube/config``; then, where kubectl would give up,
the service account of a pod and k3s's own file. In a list the first file that sets a value wins
(https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/).
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kedge.i18n import Text, _
from kedge.links.kubeconfig_yaml import ConfigError, ConfigFile, Entry, NoConfigError, read_config_file

__all__ = ["K3S_CONFIG", "SERVICE_ACCOUNT", "ConfigError", "KubeSettings", "NoConfigError", "Target", "find_target"]

K3S_CONFIG = Path("/etc/rancher/k3s/k3s.yaml")
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")

_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class KubeSettings:
    """What the user chose; every empty value means: as the kubeconfig says.

    Attributes:
        kubeconfig: path, ``~`` allowed.
        as_user, as_groups, as_uid: impersonation, as kubectl's ``--as``, ``--as-group`` and ``--as-uid``.
        watches: how many kinds will be watched; sizes the connection pool.
        connect_timeout: seconds for TCP and TLS of one connection.
        exec_timeout: seconds a credential plugin may take.
    """

    kubeconfig: str = ""
    context: str = ""
    cluster: str = ""
    user: str = ""
    namespace: str = ""
    as_user: str = ""
    as_groups: tuple[str, ...] = ()
    as_uid: str = ""
    watches: int = 16
    connect_timeout: float = 10.0
    exec_timeout: float = 30.0


@dataclass(frozen=True, slots=True)
class Target:
    """One cluster and user, all paths absolute. Secrets are in ``user`` and kept out of ``repr``.

    Attributes:
        namespace: the one that is meant where none is named; namespace_chosen: by somebody, not because nobody did.
        origin: where it was found, for people: file names, or the pod's service account.
        directory: of the file that defines the user; relative plugin commands start there.
    """

    server: str
    context: str
    cluster_name: str
    user_name: str
    namespace: str
    origin: str
    directory: Path
    cluster: Mapping[str, Any] = field(repr=False)
    user: Mapping[str, Any] = field(repr=False)
    namespace_chosen: bool = False

    @property
    def insecure(self) -> bool:
        """True when the server's certificate is not verified; shown to the user."""
        return str(self.cluster.get("insecure-skip-tls-verify", "")).lower() == "true"


def find_target(
    settings: KubeSettings,
    environ: Mapping[str, str] = os.environ,
    k3s_config: Path = K3S_CONFIG,
    service_account: Path = SERVICE_ACCOUNT,
) -> Target:
    """Find the kubeconfig and choose from it.

    Raises:
        NoConfigError: there is none.
        ConfigError: it is broken, or it has no such context, cluster or user.
    """
    target = _find(settings, environ, k3s_config, service_account)
    if not _NAMESPACE.fullmatch(target.namespace):
        text = _("{name} cannot be the name of a namespace (--namespace, or the context's)")
        raise ConfigError(text.format(name=repr(target.namespace)))
    if (settings.as_groups or settings.as_uid) and not (settings.as_user or target.user.get("as")):
        raise ConfigError(_("--as-group and --as-uid need --as: Kubernetes impersonates no group or UID alone"))
    return target


def context_names(settings: KubeSettings, environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Every context of the kubeconfig that these settings lead to, by name.

    Raises:
        ConfigError: it is broken, or the one that was named does not exist.
    """
    paths = _config_paths(settings, environ) or ([K3S_CONFIG] if _exists(K3S_CONFIG) else [])
    return tuple(sorted({entry.name for path in paths for entry in read_config_file(path).contexts}))


def _find(settings: KubeSettings, environ: Mapping[str, str], k3s_config: Path, service_account: Path) -> Target:
    paths = _config_paths(settings, environ)
    if paths:
        return _choose([read_config_file(path) for path in paths], settings)
    if environ.get("KUBERNETES_SERVICE_HOST") and _exists(service_account / "token"):
        return _in_cluster(settings, environ, service_account)
    if _exists(k3s_config):
        return _choose([_read_k3s(k3s_config)], settings)
    tried = f"KUBECONFIG, {_default_path(environ)}, {service_account}, {k3s_config}"
    raise NoConfigError(_("no kubeconfig found (looked at {tried}); name one with --kubeconfig").format(tried=tried))


def _exists(path: Path) -> bool:
    """True as well for a file that this user may not look at: reading it then says so."""
    try:
        return path.exists()
    except PermissionError:
        return True


def _read_k3s(path: Path) -> ConfigFile:
    if os.access(path, os.R_OK):
        return read_config_file(path)
    text = _(
        "the only kubeconfig here is {file} of k3s, which this user may not read. Run kedge-tui with sudo, "
        "or copy the file to ~/.kube/config as root and give the copy to this user"
    )
    raise ConfigError(text.format(file=str(path)))


def _default_path(environ: Mapping[str, str]) -> Path:
    home = environ.get("HOME")
    return (Path(home) if home else Path.home()) / ".kube" / "config"


def _config_paths(settings: KubeSettings, environ: Mapping[str, str]) -> list[Path]:
    if settings.kubeconfig:
        path = Path(settings.kubeconfig).expanduser().absolute()
        if not _exists(path):
            raise NoConfigError(_("{file}: this kubeconfig does not exist").format(file=path))
        return [path]
    listed = list(dict.fromkeys(name for name in environ.get("KUBECONFIG", "").split(os.pathsep) if name))
    if listed:
        present = [path for name in listed if _exists(path := Path(name).expanduser().absolute())]
        if not present:
            missing = ", ".join(listed)
            raise NoConfigError(_("KUBECONFIG names files that do not exist: {files}").format(files=missing))
        return present
    default = _default_path(environ)
    return [default] if _exists(default) else []


def _first_by_name(entries: Iterable[Entry]) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for entry in entries:
        found.setdefault(entry.name, entry)
    return found


def _choose(files: list[ConfigFile], settings: KubeSettings) -> Target:
    contexts = _first_by_name(entry for file in files for entry in file.contexts)
    clusters = _first_by_name(entry for file in files for entry in file.clusters)
    users = _first_by_name(entry for file in files for entry in file.users)
    origin = ", ".join(str(file.path) for file in files)
    context = _choose_context(files, contexts, settings, origin)
    cluster = _referred(context, "cluster", settings.cluster, clusters, origin)
    user = _referred(context, "user", settings.user, users, origin)
    if cluster is None:
        raise ConfigError(_("no cluster is chosen in {origin}").format(origin=origin))
    namespace = settings.namespace or str((context.body if context else {}).get("namespace") or "")
    return Target(
        server=_server(cluster),
        context=context.name if context else "",
        cluster_name=cluster.name,
        user_name=user.name if user else "",
        namespace=namespace or "default",
        namespace_chosen=bool(namespace),
        origin=origin,
        directory=user.file.parent if user else cluster.file.parent,
        cluster=_checked(cluster, ("certificate-authority",)),
        user=_checked(user, ("client-certificate", "client-key", "tokenFile")) if user else {},
    )


def _choose_context(
    files: list[ConfigFile], contexts: Mapping[str, Entry], settings: KubeSettings, origin: str
) -> Entry | None:
    there_are = ", ".join(sorted(contexts)) or "-"
    name = settings.context or next((file.current_context for file in files if file.current_context), "")
    if name in contexts:
        return contexts[name]
    if name:
        text = _("no such context {name} in {origin}; there are: {contexts}")
        raise ConfigError(text.format(name=name, origin=origin, contexts=there_are))
    if settings.cluster:
        return None
    text = _("{origin} has no current context; choose one with --context; there are: {contexts}")
    raise ConfigError(text.format(origin=origin, contexts=there_are))


def _referred(
    context: Entry | None, key: str, override: str, entries: Mapping[str, Entry], origin: str
) -> Entry | None:
    """The cluster or user that the context (or the override) names; a context without a user is anonymous."""
    name = override or (context.body.get(key, "") if context else "")
    if name in entries:
        return entries[name]
    there_are = ", ".join(sorted(entries)) or "-"
    params = {"key": key, "name": str(name), "origin": origin, "entries": there_are}
    if override or context is None:
        if not name:
            return None
        raise ConfigError(_("no such {key} {name} in {origin}; there are: {entries}").format(**params))
    if not name and key == "user":
        return None
    if name:
        text = _("context {context} names {key} {name}, which does not exist; there are: {entries}")
    else:
        text = _("context {context} names no {key}; there are: {entries}")
    raise context.fail(text.format(context=context.name, **params), key)


def _server(cluster: Entry) -> str:
    server = str(cluster.body.get("server", "")).rstrip("/")
    if not server:
        raise cluster.fail(_("cluster {name} has no server").format(name=cluster.name))
    if "://" not in server:
        server = f"http://{server}"  # what client-go makes of an address without a scheme
    try:
        parts = urlsplit(server)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        text = _("cluster {name} has an unusable server address {server}").format(name=cluster.name, server=server)
        raise cluster.fail(text, "server")
    return server


def _checked(entry: Entry, file_keys: tuple[str, ...]) -> Mapping[str, Any]:
    """The body with absolute paths; inline data must be base64 of PEM, files must be readable."""
    body = dict(entry.body)
    for key in file_keys:
        data = body.get(f"{key}-data")
        if data is not None:
            body.pop(key, None)  # inline data wins, as in client-go
            _check_pem(entry, f"{key}-data", _decode(entry, f"{key}-data", data))
        elif key in body and not (key == "tokenFile" and body.get("token")):
            path = entry.file.parent / Path(str(body[key])).expanduser()
            body[key] = str(path)
            content = _read(entry, key, path)
            if key != "tokenFile":
                _check_pem(entry, key, content)
    return body


def _decode(entry: Entry, key: str, data: object) -> bytes:
    try:
        return base64.b64decode("".join(str(data).split()), validate=True)
    except binascii.Error:
        raise entry.fail(_("{key} of {name} is not valid base64").format(key=key, name=entry.name), key) from None


def _read(entry: Entry, key: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        text: Text = _("{key} of {name}: {path} cannot be read: {reason}").format(
            key=key, name=entry.name, path=str(path), reason=error.strerror or str(error)
        )
        raise entry.fail(text, key) from error


def _check_pem(entry: Entry, key: str, content: bytes) -> None:
    if b"-----BEGIN" not in content:
        raise entry.fail(_("{key} of {name} holds no PEM block").format(key=key, name=entry.name), key)
    if b"ENCRYPTED" in content:
        text = _("{key} of {name} is encrypted; neither kubectl nor kedge-tui can use it")
        raise entry.fail(text.format(key=key, name=entry.name), key)


def _in_cluster(settings: KubeSettings, environ: Mapping[str, str], account: Path) -> Target:
    host, port = environ["KUBERNETES_SERVICE_HOST"], environ.get("KUBERNETES_SERVICE_PORT", "443")
    if ":" in host:
        host = f"[{host}]"
    if settings.context:
        text = _("no such context {name}: there is no kubeconfig, only the service account of this pod")
        raise ConfigError(text.format(name=settings.context))
    file = account / "namespace"
    return Target(
        server=f"https://{host}:{port}",
        context="in-cluster",
        cluster_name="in-cluster",
        user_name="service account",
        namespace=settings.namespace or (file.read_text().strip() if file.exists() else "default"),
        namespace_chosen=bool(settings.namespace),
        origin=str(account),
        directory=account,
        cluster={"certificate-authority": str(account / "ca.crt")},
        user={"tokenFile": str(account / "token")},
    )
