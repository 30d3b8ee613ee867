"""Credentials that change: plugins (``users[].user.exec``) and token files here, OIDC in :mod:`kedge.links.kube_oidc`.

Plugins are run by us and not by the client library, which would let them read the terminal, wait for ever and
hide why they failed. Protocol: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from kedge.i18n import Text, _
from kedge.links.kube_errors import credentials_error, redact
from kedge.links.kubeconfig import Target
from kedge.model import LinkError

_STDERR_CAP = 2000
_TOKEN_FILE_SECONDS = 60.0
EARLY = timedelta(seconds=10)
"""Renew so long before the expiry that a request under way does not meet it."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What a plugin or token file gave: a bearer token, a client certificate (PEM), or both."""

    token: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    expires: datetime | None = None


class CredentialSource(Protocol):
    """Where credentials that change come from. Methods block; any thread may call them.

    Attributes:
        step: in words, what :meth:`current` does.
    """

    step: Text

    def current(self) -> Credential:
        """The credential to use now. Raises LinkError (CREDENTIALS)."""
        ...

    def reject(self, credential: Credential) -> bool:
        """The server said 401 to it. True when asking :meth:`current` again can give another one."""
        ...


def source_of(target: Target, timeout: float) -> CredentialSource | None:
    """The changing credentials of a target; None when what the kubeconfig holds is all."""
    if isinstance(target.user.get("exec"), Mapping):
        return ExecPlugin(target, timeout)
    if target.user.get("tokenFile") and not target.user.get("token"):
        return TokenFile(Path(str(target.user["tokenFile"])))
    from kedge.links import kube_oidc  # it is made of what stands here

    return kube_oidc.OidcToken(target, timeout) if kube_oidc.is_oidc(target.user) else None


class TokenFile:
    """A token in a file that somebody else renews (a pod's service account); read anew every minute."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.step = _("reading the token file {path}").format(path=str(path))
        self._lock = threading.Lock()
        self._credential = Credential()
        self._read_at = float("-inf")

    def current(self) -> Credential:
        """The token now in the file."""
        with self._lock:
            if time.monotonic() - self._read_at >= _TOKEN_FILE_SECONDS:
                self._read()
            return self._credential

    def reject(self, credential: Credential) -> bool:
        """True when the file holds another token by now."""
        with self._lock:
            self._read()
            return self._credential.token != credential.token

    def _read(self) -> None:
        try:
            token = self.path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or _("it is no text")
            text = _("token file {path} cannot be read: {reason}").format(path=str(self.path), reason=reason)
            raise credentials_error(text) from None
        self._credential, self._read_at = Credential(token=token), time.monotonic()


class ExecPlugin:
    """Runs a credential plugin: stdin closed, stderr captured, with a deadline; keeps its answer until it expires.

    One run at a time: callers that need a credential meanwhile wait for it. A run is not cut short by the
    deadline of the call that started it, since the next call needs its answer just as much.
    """

    def __init__(self, target: Target, timeout: float) -> None:
        spec = target.user["exec"]
        self.command = str(spec.get("command", ""))
        self.timeout = timeout
        self.step = _("asking the credential plugin {command}").format(command=self.command)
        self._spec: Mapping[str, Any] = spec
        self._target = target
        self._lock = threading.Lock()
        self._credential: Credential | None = None

    def current(self) -> Credential:
        """The plugin's last answer, or a new one when there is none that is still good."""
        with self._lock:
            kept = self._credential
            if kept is None or (kept.expires is not None and datetime.now(UTC) >= kept.expires - EARLY):
                kept = self._credential = self._parse(self._run())
            return kept

    def reject(self, credential: Credential) -> bool:
        """Forget the answer that the server refused; the plugin is asked again."""
        with self._lock:
            if self._credential is credential:
                self._credential = None
        return True

    def _fail(self, problem: object) -> LinkError:
        text = _("credential plugin {command} of user {user} failed: {problem}")
        hint = str(self._spec.get("installHint", "")).strip()
        if hint:
            problem = f"{problem}. {hint}"
        return credentials_error(text.format(command=self.command, user=self._target.user_name, problem=problem))

    def _run(self) -> bytes:
        if self._spec.get("interactiveMode") == "Always":
            problem = _("it insists on a terminal (interactiveMode: Always); log in with kubectl first")
            raise self._fail(problem)
        program = self._program()
        arguments = [program, *(str(arg) for arg in self._spec.get("args", ()))]
        try:
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment(),
                start_new_session=True,
            )
        except OSError as error:
            raise self._fail(error.strerror or str(error)) from None
        try:
            stdout, stderr = process.communicate(timeout=self.timeout)
        except subprocess.TimeoutExpired:
            _kill_group(process)
            text = _("it gave no answer within {seconds} s and was stopped; does it wait for a login?")
            raise self._fail(text.format(seconds=f"{self.timeout:g}")) from None
        if process.returncode != 0:
            said = redact(stderr.decode("utf-8", "replace").strip()[-_STDERR_CAP:])
            text = _("it ended with exit code {code}: {stderr}")
            raise self._fail(text.format(code=process.returncode, stderr=said or "-"))
        return stdout

    def _program(self) -> str:
        if "/" in self.command:
            return str(self._target.directory / self.command)
        found = shutil.which(self.command)
        if found is None:
            raise self._fail(_("there is no such program on PATH"))
        return found

    def _environment(self) -> dict[str, str]:
        spec: dict[str, Any] = {"interactive": False}
        if str(self._spec.get("provideClusterInfo", "")).lower() == "true":
            spec["cluster"] = self._cluster_info()
        info = {"apiVersion": self._spec.get("apiVersion", ""), "kind": "ExecCredential", "spec": spec}
        added = {str(item["name"]): str(item.get("value", "")) for item in self._spec.get("env", ())}
        return {**os.environ, **added, "KUBERNETES_EXEC_INFO": json.dumps(info)}

    def _cluster_info(self) -> dict[str, Any]:
        cluster = self._target.cluster
        info: dict[str, Any] = {"server": self._target.server, "insecure-skip-tls-verify": self._target.insecure}
        for key in ("tls-server-name", "certificate-authority-data", "proxy-url"):
            if key in cluster:
                info[key] = cluster[key]
        return info

    def _parse(self, stdout: bytes) -> Credential:
        try:
            answer = json.loads(stdout)
            status = answer["status"]
            expires = status.get("expirationTimestamp")
            credential = Credential(
                token=str(status.get("token") or ""),
                certificate=str(status.get("clientCertificateData") or ""),
                key=str(status.get("clientKeyData") or ""),
                expires=datetime.fromisoformat(expires) if expires else None,
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            # The answer is made of secrets: no part of it may get into the message.
            raise self._fail(_("its answer is no ExecCredential")) from None
        if not credential.token and not (credential.certificate and credential.key):
            raise self._fail(_("its answer holds neither a token nor a client certificate with its key"))
        if credential.expires is not None and credential.expires.tzinfo is None:
            raise self._fail(_("its expirationTimestamp has no time zone"))
        return credential


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End the plugin with its children: they hold the pipes open."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
