"""Logging in: agent keys, key files, then a password, in the order ssh uses. Blocking; runs on the ssh pool.

Never asks by itself: what a person must say is raised as :class:`NeedsAnswer`, so that nobody holds a
connection while somebody is looking for a password.
"""

from __future__ import annotations

import base64
import binascii
import logging
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kedge.i18n import Text, _
from kedge.links import ssh_errors
from kedge.links.deadline import Deadline
from kedge.links.ssh_config import Endpoint
from kedge.links.ssh_dialogue import Dialogue
from kedge.links.ssh_given import Given, NeedsAnswer
from kedge.model import LinkError
from kedge.prompter import QuestionKind, login_password, passphrase

if TYPE_CHECKING:
    import paramiko

log = logging.getLogger(__name__)

MOST_KEYS = 5
"""Keys offered on one connection: sshd hangs up after six failures (MaxAuthTries)."""


def log_in(transport: paramiko.Transport, endpoint: Endpoint, site: str, deadline: Deadline, given: Given) -> None:
    """Authenticate ``transport``.

    Raises:
        NeedsAnswer: a passphrase or password is needed.
        LinkError: nothing opens the door (CREDENTIALS).
        TimeoutError: the deadline passed.
    """
    tried: list[Text | str] = []
    with _agent(endpoint.agent, deadline) as held:
        allowed = _log_in_with_keys(
            transport, endpoint.user, _offers(endpoint, held, site, given, tried), tried, deadline
        )
    if not transport.is_authenticated():
        _log_in_with_password(transport, endpoint, site, deadline, given, tried, allowed)


def _log_in_with_keys(
    transport: paramiko.Transport,
    user: str,
    offers: Iterator[tuple[Text | str, paramiko.PKey]],
    tried: list[Text | str],
    deadline: Deadline,
) -> list[str]:
    """Offer keys until one is taken; returns what else the server allows, as far as it has said."""
    import paramiko

    for count, (label, key) in enumerate(offers):
        if count == MOST_KEYS or not transport.is_active():
            break
        tried.append(label)
        transport.auth_timeout = deadline.need()
        try:
            return transport.auth_publickey(user, key)
        except paramiko.BadAuthenticationType as error:
            return error.allowed_types
        except paramiko.AuthenticationException:
            deadline.need()
    return []


def _log_in_with_password(
    transport: paramiko.Transport,
    endpoint: Endpoint,
    site: str,
    deadline: Deadline,
    given: Given,
    tried: list[Text | str],
    allowed: list[str],
) -> None:
    import paramiko

    no_login = ssh_errors.no_login(endpoint, tried)
    if not transport.is_active():
        raise LinkError(no_login)
    transport.auth_timeout = deadline.need()
    if not allowed:
        try:
            transport.auth_none(endpoint.user)
        except paramiko.BadAuthenticationType as error:
            allowed = error.allowed_types
        except paramiko.AuthenticationException:
            deadline.need()
        if transport.is_authenticated():
            return
    if "keyboard-interactive" in allowed:
        Dialogue(endpoint, site, given, no_login).log_in(transport, deadline)
        if transport.is_authenticated():
            return
    if "password" not in allowed or not transport.is_active():
        raise LinkError(no_login)
    kind, about = QuestionKind.LOGIN_PASSWORD, endpoint.user
    secret = given.secret(kind, about)
    if secret is not None:
        transport.auth_timeout = deadline.need()
        try:
            transport.auth_password(endpoint.user, secret)
        except paramiko.AuthenticationException:
            deadline.need()
        if transport.is_authenticated():
            return
        given.was_wrong(kind, about)
    attempt = given.next_attempt(kind, about)
    if not attempt:
        raise LinkError(ssh_errors.no_login(endpoint, [*tried, _("password")]))
    question = login_password(site, endpoint.name, endpoint.user, attempt)
    raise NeedsAnswer(question, no_login)


def _offers(
    endpoint: Endpoint, held: Sequence[paramiko.AgentKey], site: str, given: Given, tried: list[Text | str]
) -> Iterator[tuple[Text | str, paramiko.PKey]]:
    """Keys in ssh's order: the agent's copies of the configured ones, the agent's others, then files."""
    blobs = {path: _public_blob(path) for path in endpoint.identities}
    configured = set(blobs.values())
    for key in sorted(held, key=lambda key: key.asbytes() not in configured):
        if not endpoint.only_these or key.asbytes() in configured:
            yield _("agent key {type}").format(type=key.get_name()), key
    in_agent = {key.asbytes() for key in held}
    for path, blob in blobs.items():
        if blob is not None and blob in in_agent:
            continue
        if not path.exists():
            if endpoint.only_these:
                tried.append(_("{file} (no such file)").format(file=path))
            continue
        loaded = _load(path, endpoint, site, given, tried)
        if loaded is not None:
            yield str(path), loaded


def _load(path: Path, endpoint: Endpoint, site: str, given: Given, tried: list[Text | str]) -> paramiko.PKey | None:
    """A key from its file; None, with the reason in ``tried``, for one that cannot be used."""
    import paramiko

    kind, about = QuestionKind.PASSPHRASE, str(path)
    secret = given.secret(kind, about)
    try:
        return _read_key(path, secret)
    except OSError as error:
        tried.append(_("{file} ({why})").format(file=path, why=error.strerror))
        return None
    except paramiko.PasswordRequiredException:
        pass
    except paramiko.SSHException:
        if secret is None:
            tried.append(_("{file} (not a usable key)").format(file=path))
            return None
        given.was_wrong(kind, about)
    attempt = given.next_attempt(kind, about)
    if not attempt:
        tried.append(_("{file} (wrong passphrase)").format(file=path))
        return None
    tried.append(_("{file} (needs its passphrase)").format(file=path))
    raise NeedsAnswer(passphrase(site, endpoint.name, about, attempt), ssh_errors.no_login(endpoint, tried))


def _read_key(path: Path, secret: str | None) -> paramiko.PKey:
    """A private key of any kind, with the certificate beside it. PKey.from_path takes no passphrase as text.

    Raises:
        OSError: it cannot be read. PasswordRequiredException, SSHException: it cannot be used, so or at all.
    """
    import paramiko

    failure = paramiko.SSHException("no key")
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            key = kind.from_private_key_file(str(path), secret)
        except paramiko.PasswordRequiredException:
            raise
        except (paramiko.SSHException, ValueError) as error:
            failure = paramiko.SSHException(str(error))
            continue
        certificate = Path(f"{path}-cert.pub")
        if certificate.exists():
            key.load_certificate(str(certificate))
        return key
    raise failure


def _public_blob(path: Path) -> bytes | None:
    """The public half beside a key file: recognises the agent's copy without the passphrase."""
    try:
        words = Path(f"{path}.pub").read_text(encoding="utf-8", errors="replace").split()
        return base64.b64decode(words[1], validate=True)
    except (OSError, IndexError, binascii.Error):
        return None


@contextmanager
def _agent(path: str, deadline: Deadline) -> Iterator[Sequence[paramiko.AgentKey]]:
    """Keys of the agent on a socket, usable inside the block; none when nobody listens there."""
    if not path:
        yield ()
        return
    import paramiko
    from paramiko.agent import AgentSSH

    class OneAgent(AgentSSH):
        """paramiko's own Agent reads SSH_AUTH_SOCK only; ssh_config may name another socket."""

        def __init__(self, connection: socket.socket) -> None:
            super().__init__()
            self._connect(connection)  # type: ignore[attr-defined]  # missing in types-paramiko

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(deadline.need())
        keys: Sequence[paramiko.AgentKey] = ()
        try:
            connection.connect(path)
            keys = OneAgent(connection).get_keys()
        except (OSError, paramiko.SSHException) as error:
            log.info("no keys from the SSH agent on %s: %s", path, error)
        yield keys
