"""Reads known_hosts files as OpenSSH does (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT") and judges a host's key.

paramiko's own reader refuses a whole file for one ``@revoked`` or ``@cert-authority`` line and does not match
patterns, so it is not used. Nothing is ever added without :func:`append` being called for one accepted key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

SSH_PORT = 22


@dataclass(frozen=True, slots=True)
class KnownKey:
    """One line of a known_hosts file.

    Attributes:
        marker: ``@revoked``, ``@cert-authority`` or "".
        hosts: the first field as written: names, patterns, or one hash.
        key_type: e.g. ``ssh-ed25519``.
        blob: the key in wire format.
        file, line: where it stands, for messages.
    """

    marker: str
    hosts: str
    key_type: str
    blob: bytes = field(repr=False)
    file: Path
    line: int

    @property
    def place(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}"

    def is_for(self, name: str) -> bool:
        """Whether the line speaks of ``name``, which is a host name or ``[name]:port``."""
        if self.hosts.startswith("|1|"):
            return _hash_matches(self.hosts, name)
        matched = False
        for pattern in self.hosts.split(","):
            if pattern.startswith("!"):
                if _glob_matches(pattern[1:], name):
                    return False
            elif _glob_matches(pattern, name):
                matched = True
        return matched


class Standing(Enum):
    """What the files say about a key that a host has shown."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    REVOKED = "revoked"
    AUTHORITY = "authority"
    """Only a certificate authority vouches for the host, and host certificates cannot be checked here."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The standing, and the line that decides it."""

    standing: Standing
    by: KnownKey | None = None


def parse(text: str, file: Path) -> list[KnownKey]:
    """The keys of one file; lines that are no key lines are passed over, as ssh does."""
    keys = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        marker = words.pop(0) if words[0].startswith("@") else ""
        if len(words) < 3 or marker not in ("", "@revoked", "@cert-authority"):
            continue
        try:
            blob = base64.b64decode(words[2], validate=True)
        except (binascii.Error, ValueError):
            continue
        if blob:
            keys.append(KnownKey(marker, words[0], words[1], blob, file, number))
    return keys


def load(files: Iterable[Path]) -> list[KnownKey]:
    """The keys of several files; one that does not exist has none. Raises OSError for one that cannot be read."""
    keys: list[KnownKey] = []
    for file in files:
        try:
            text = file.read_text(encoding="utf-8", errors="surrogateescape")
        except FileNotFoundError:
            continue
        keys += parse(text, file)
    return keys


def name_of(host: str, port: int) -> str:
    """How a host is written in known_hosts."""
    return host.lower() if port == SSH_PORT else f"[{host.lower()}]:{port}"


def judge(keys: Sequence[KnownKey], host: str, port: int, key_type: str, blob: bytes) -> Judgement:
    """What the files say about the key that ``host`` shows.

    A host that is known by a key of another type only is CHANGED, stricter than ssh, which asks: an impostor
    would choose a type that is not on record, and a real host still has the key that is.
    """
    name = name_of(host, port)
    mine = [key for key in keys if key.is_for(name)]
    if port != SSH_PORT:
        # ssh accepts a key on record for the host without a port, but does not refuse another one for it.
        bare = name_of(host, SSH_PORT)
        mine += [key for key in keys if key.is_for(bare) and (key.blob == blob or key.marker)]
    for key in mine:
        if key.marker == "@revoked" and key.blob == blob:
            return Judgement(Standing.REVOKED, key)
    plain = [key for key in mine if not key.marker]
    for key in plain:
        if key.blob == blob:
            return Judgement(Standing.KNOWN, key)
    if plain:
        return Judgement(Standing.CHANGED, next((key for key in plain if key.key_type == key_type), plain[0]))
    for key in mine:
        if key.marker == "@cert-authority":
            return Judgement(Standing.AUTHORITY, key)
    return Judgement(Standing.UNKNOWN)


def types_on_record(keys: Sequence[KnownKey], host: str, port: int) -> list[str]:
    """Key types the host is known by: to be asked for first, so that a known host is not taken for a changed one."""
    names = {name_of(host, port), name_of(host, SSH_PORT)}
    return list(dict.fromkeys(key.key_type for key in keys if not key.marker and any(map(key.is_for, names))))


def fingerprint(blob: bytes) -> str:
    """As ``ssh-keygen -l`` prints it: ``SHA256:`` and base64 without padding."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def append(file: Path, host: str, port: int, key_type: str, blob: bytes, *, hashed: bool = False) -> None:
    """Add an accepted key, in one write at the end of the file; a new file is for its owner only.

    Raises:
        OSError: the file cannot be written.
    """
    name = name_of(host, port)
    line = f"{_hashed(name) if hashed else name} {key_type} {base64.b64encode(blob).decode()}\n"
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        unended = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        os.write(descriptor, (("\n" if unended else "") + line).encode())
    finally:
        os.close(descriptor)


def _hashed(name: str) -> str:
    salt = os.urandom(20)
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


def _hash_matches(field_: str, name: str) -> bool:
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in field_[3:].split("|"))
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), hashlib.sha1).digest(), digest)


def _glob_matches(pattern: str, name: str) -> bool:
    """ssh's patterns know ``*`` and ``?`` only; brackets are part of ``[host]:port``."""
    expression = "".join({"*": ".*", "?": "."}.get(sign, re.escape(sign)) for sign in pattern.lower())
    return re.fullmatch(expression, name, re.DOTALL) is not None
