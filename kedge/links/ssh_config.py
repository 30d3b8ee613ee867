"""How a host is reached: the site's settings on top of the user's ssh_config, hop by hop.

``ssh -G`` is asked when there is an ssh (8 ms, understands Include and Match); else paramiko's reader does.
What a site's settings say is handed to ssh as command-line options, so that it wins as it does there.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import re
import shlex
import shutil
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kedge.i18n import _
from kedge.links.known_hosts import SSH_PORT
from kedge.links.script import Sudo
from kedge.links.ssh_config_files import NotReadable, whole_text
from kedge.model import LinkError, Reason, Unknown

HIGHEST_PORT = 65_535
MOST_HOPS = 8
"""Jump hosts in a row; more is a loop in ssh_config."""

_NAME = re.compile(r"[A-Za-z0-9_.:%\[\]][A-Za-z0-9_.:%\[\]-]*")
_USER = re.compile(r"[A-Za-z0-9_.@\\+][A-Za-z0-9_.@\\+ $-]*")


@dataclass(frozen=True, slots=True)
class SshTarget:
    """One machine as a site's settings describe it; an empty value leaves the choice to ssh_config.

    Attributes:
        name: as Kubernetes or the inventory knows it; what ssh_config's ``Host`` is matched with.
        address: where to connect. port: 0 for ssh_config's.
        user, identity: who logs in, with which key file.
        jump: as ssh's ``-J``: ``[user@]host[:port]``, several separated by commas.
        sudo: how root commands are run.
        ssh_config: another file than ``~/.ssh/config``.
        site: the site's name, for questions.
    """

    name: str
    address: str = ""
    port: int = 0
    user: str = ""
    identity: str = ""
    jump: str = ""
    sudo: Sudo = Sudo.NOPASSWD
    ssh_config: Path | None = None
    site: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One SSH server on the way, everything decided.

    Attributes:
        name: for messages. address, port, user: where and as whom.
        identities: key files in the order they are tried; only_these: and no others from the agent.
        agent: socket of the SSH agent, "" for none.
        key_name: what known_hosts is asked for; key_port: with which port.
        known_hosts: the user's files, then the global ones.
        record_in: the file that an accepted key is added to; None when the user has none.
        ask_new_keys, add_new_keys: StrictHostKeyChecking. A changed key is refused whatever it says.
        hash_names: write names hashed.
        proxy_command: the command that makes the connection, "" for none.
        connect_timeout: seconds, 0 when ssh_config does not limit it.
        keepalive: seconds between keep-alives (ServerAliveInterval), 0 when ssh_config does not say.
    """

    name: str
    address: str
    port: int
    user: str
    identities: tuple[Path, ...] = ()
    only_these: bool = False
    agent: str = ""
    key_name: str = ""
    key_port: int = SSH_PORT
    known_hosts: tuple[Path, ...] = ()
    record_in: Path | None = None
    ask_new_keys: bool = True
    add_new_keys: bool = False
    hash_names: bool = False
    proxy_command: str = ""
    connect_timeout: float = 0.0
    keepalive: int = 0


def route(target: SshTarget) -> tuple[Endpoint, ...]:
    """The servers from the first jump host to the target itself. Blocking: runs ``ssh -G`` once per hop.

    Raises:
        LinkError: ssh_config cannot be used, a name cannot be a host's, or jumps go in circles.
    """
    if not target.name and not target.address:
        raise LinkError(Unknown(Reason.NO_SSH, _("There is no SSH address for this host")))
    hops: list[Endpoint] = []
    _resolve(target, hops, 0)
    return tuple(hops)


def _resolve(target: SshTarget, hops: list[Endpoint], depth: int) -> None:
    if depth > MOST_HOPS:
        raise _invalid(target.name, _("its jump hosts go in circles (ProxyJump)"))
    for value, shape in ((target.name, _NAME), (target.address, _NAME), (target.user, _USER)):
        if value and not shape.fullmatch(value):
            raise _invalid(target.name, _("{value} can be no name of a host or user").format(value=repr(value)))
    options = _ask_ssh(target) if shutil.which("ssh") else _ask_paramiko(target)
    jump = target.jump or options.get("proxyjump", "")
    endpoint = _endpoint(target, options)
    if jump and jump.lower() != "none" and not endpoint.proxy_command:
        for hop in _jumps(jump, target):
            _resolve(hop, hops, depth + 1)
    hops.append(endpoint)


def _jumps(jump: str, target: SshTarget) -> list[SshTarget]:
    """Every hop by its own settings; only the first of several may have jump hosts of its own, as in ssh."""
    hops = []
    for position, word in enumerate(jump.split(",")):
        user, at, place = word.strip().removeprefix("ssh://").rpartition("@")
        host, port = _split_port(place)
        if not host or (at and not user):
            raise _invalid(target.name, _("{value} is no jump host").format(value=repr(word)))
        own = "none" if position else ""
        hops.append(SshTarget(host, "", port, user, jump=own, ssh_config=target.ssh_config, site=target.site))
    return hops


def _split_port(place: str) -> tuple[str, int]:
    bracketed = re.fullmatch(r"\[([^\]]+)\](?::(\d{1,5}))?", place)
    plain = re.fullmatch(r"([^:]+):(\d{1,5})", place)
    found = bracketed or plain
    return (found[1], int(found[2] or 0)) if found else (place, 0)


def _ask_ssh(target: SshTarget) -> dict[str, str]:
    argv = ["ssh", "-T", "-G"]
    argv += ["-F", str(target.ssh_config.expanduser())] if target.ssh_config else []
    argv += ["-o", f"HostName={target.address}"] if target.address else []
    argv += ["-p", str(target.port)] if target.port else []
    argv += ["-l", target.user] if target.user else []
    argv += ["--", target.name or target.address]
    try:
        done = subprocess.run(argv, capture_output=True, timeout=10, check=False, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise _invalid(target.name, _("`ssh -G` did not end within 10 s (a `Match exec` that hangs?)")) from None
    except OSError as error:
        raise _invalid(target.name, _("ssh cannot be started: {error}").format(error=error.strerror)) from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        lines = [line for line in said if "Pseudo-terminal" not in line]
        raise _invalid(target.name, _("ssh refuses its configuration: {error}").format(error=lines[0] if lines else ""))
    options: dict[str, str] = {}
    for line in done.stdout.decode("utf-8", "surrogateescape").splitlines():
        key, _blank, value = line.partition(" ")
        repeated = key in options and key == "identityfile"
        options[key] = f"{options[key]}\n{value}" if repeated else value
    return options


def _ask_paramiko(target: SshTarget) -> dict[str, str]:
    """Without an ssh program: the same files, and the defaults that ``ssh -G`` would have filled in."""
    import paramiko  # at connect time only: it costs 120 ms

    file = (target.ssh_config or Path("~/.ssh/config")).expanduser()
    options = {"identityfile": "\n".join(f"~/.ssh/{name}" for name in ("id_ed25519", "id_ecdsa", "id_rsa"))}
    given = {"HostName": target.address, "Port": target.port, "User": target.user}
    first = "".join(f"  {key} {value}\n" for key, value in given.items() if value)  # what is found first counts
    try:
        config = paramiko.SSHConfig.from_text(f"Host *\n{first}Host *\n{whole_text(target.ssh_config)}")
        found: Mapping[str, Any] = config.lookup(target.name or target.address)
    except NotReadable as error:
        raise _invalid(target.name, error.text) from None
    except (paramiko.SSHException, OSError, ValueError) as error:
        raise _invalid(target.name, _("{file} cannot be used: {error}").format(file=file, error=error)) from None
    for key, value in found.items():
        options[key] = "\n".join(value) if isinstance(value, list) else str(value)
    return options


def _endpoint(target: SshTarget, options: Mapping[str, str]) -> Endpoint:
    address = options.get("hostname") or target.address or target.name
    user = options.get("user") or getpass.getuser()
    port = _port(target, options.get("port") or str(SSH_PORT))
    tokens = _tokens(target.name or target.address, address, port, user)
    alias = options.get("hostkeyalias", "")
    strict = options.get("stricthostkeychecking", "ask").lower()
    proxy = options.get("proxycommand", "none")
    timeout = options.get("connecttimeout", "none")
    alive = options.get("serveraliveinterval", "0")
    own = _files(options.get("userknownhostsfile", "~/.ssh/known_hosts"), tokens)
    shared = _files(options.get("globalknownhostsfile", "/etc/ssh/ssh_known_hosts"), tokens)
    identities = [target.identity] if target.identity else options.get("identityfile", "").split("\n")
    return Endpoint(
        name=target.name or target.address,
        address=address,
        port=port,
        user=user,
        identities=tuple(Path(_expand(i, tokens)) for i in identities if i and i != "none"),
        only_these=bool(target.identity) or options.get("identitiesonly") == "yes",
        agent=_agent(options.get("identityagent", "")),
        key_name=alias or address,
        key_port=SSH_PORT if alias else port,
        known_hosts=(*own, *shared),
        record_in=own[0] if own else None,
        ask_new_keys=strict not in ("yes", "true"),
        add_new_keys=strict in ("accept-new", "no", "off", "false"),
        hash_names=options.get("hashknownhosts") == "yes",
        proxy_command="" if proxy == "none" or target.jump else _expand(proxy, tokens, home=False),
        connect_timeout=float(timeout) if timeout.isdecimal() else 0.0,
        keepalive=int(alive) if alive.isdecimal() else 0,
    )


def _port(target: SshTarget, word: str) -> int:
    if not word.isdecimal() or not 0 < int(word) <= HIGHEST_PORT:
        raise _invalid(target.name, _("{value} is no port").format(value=repr(word)))
    return int(word)


def _files(value: str, tokens: Mapping[str, str]) -> tuple[Path, ...]:
    """``ssh -G`` prints several files with blanks between and quotes none, so a name with blanks is tried whole."""
    if value in ("", "none"):
        return ()
    try:
        words = shlex.split(value)
    except ValueError:
        words = value.split()
    whole = Path(_expand(value, tokens))
    return (whole,) if len(words) > 1 and whole.exists() else tuple(Path(_expand(word, tokens)) for word in words)


def _agent(setting: str) -> str:
    if setting == "none":
        return ""
    if setting in ("", "SSH_AUTH_SOCK"):
        return os.environ.get("SSH_AUTH_SOCK", "")
    return os.environ.get(setting[1:], "") if setting.startswith("$") else os.path.expanduser(setting)


def _tokens(name: str, address: str, port: int, user: str) -> dict[str, str]:
    """The ``%`` tokens of ssh_config(5) that paths and commands use."""
    local = socket.gethostname()
    home = os.path.expanduser("~")
    joined = hashlib.sha1(f"{local}{address}{port}{user}".encode(), usedforsecurity=False).hexdigest()
    return {
        "%": "%", "C": joined, "d": home, "h": address, "i": str(os.getuid()), "k": name, "L": local.split(".")[0],
        "l": local, "n": name, "p": str(port), "r": user, "u": getpass.getuser(),
    }  # fmt: skip


def _expand(value: str, tokens: Mapping[str, str], *, home: bool = True) -> str:
    filled = re.sub(r"%(.)", lambda found: tokens.get(found[1], found[0]), value)
    return os.path.expanduser(filled.strip('"')) if home else filled


def _invalid(name: str, why: object) -> LinkError:
    return LinkError(Unknown(Reason.INVALID, _("SSH to {host} is not possible: {why}").format(host=name, why=why)))
