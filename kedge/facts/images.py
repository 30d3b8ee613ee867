"""Container images on a host."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

DEFAULT_REGISTRY = "docker.io"
DEFAULT_TAG = "latest"


@dataclass(frozen=True, slots=True)
class ImageList:
    """The images that a host's runtime holds (target: the host).

    Attributes:
        images: full references: ``registry/name:tag``, ``registry/name@sha256:…``, and bare ``sha256:…`` ids.
        tool: which tool listed them (k3s, crictl, ctr, nerdctl or docker).
    """

    images: frozenset[str] = frozenset()
    tool: str = ""
    at: datetime | None = None

    def has(self, image: str) -> bool:
        """Whether a pod that names this image finds it here, as a runtime would look: digest before tag."""
        name, digest = split_digest(full_name(image))
        if digest:
            return f"{name}@{digest}" in self.images or digest in self.images
        return name in self.images

    def named_like(self, image: str) -> tuple[str, ...]:
        """Images of the same repository under other tags or digests: what is there instead."""
        wanted = repository(image)
        return tuple(sorted(name for name in self.images if repository(name) == wanted))


def full_name(image: str) -> str:
    """A reference with registry and tag spelled out, as runtimes store it (``docker.io/library/nginx:latest``)."""
    if image.startswith("sha256:"):
        return image
    name, digest = split_digest(image.strip())
    first, slash, _rest = name.partition("/")
    if not slash:
        name = f"{DEFAULT_REGISTRY}/library/{name}"
    elif "." not in first and ":" not in first and first != "localhost":
        name = f"{DEFAULT_REGISTRY}/{name}"
    elif first == "index.docker.io":
        name = f"{DEFAULT_REGISTRY}/{_rest}"
    if digest:
        return f"{untagged(name)}@{digest}"
    return name if _tag_at(name) else f"{name}:{DEFAULT_TAG}"


def repository(image: str) -> str:
    """Registry and name without tag and digest; "" for a bare id."""
    return "" if image.startswith("sha256:") else untagged(split_digest(full_name(image))[0])


def split_digest(image: str) -> tuple[str, str]:
    """(name, digest); the digest is "" when there is none."""
    if image.startswith("sha256:"):
        return "", image
    name, _at, digest = image.partition("@")
    return name, digest


def untagged(name: str) -> str:
    """A name without its tag; a registry's port is not one."""
    at = _tag_at(name)
    return name[:at] if at else name


def _tag_at(name: str) -> int:
    colon = name.rfind(":")
    return colon if colon > name.rfind("/") else 0
