"""Which rows are shown: words, ``ns:``, ``node:`` and labels, and the three scopes of the guide. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from kedge.i18n import Text, _


class Scope(Enum):
    """The guide's scenarios; the third one takes the namespace of the row under the cursor."""

    ALL = _("all")
    EDGE = _("edge nodes only")
    NAMESPACE = _("namespace {name}")

    @property
    def text(self) -> Text:
        """In words."""
        return self.value


@dataclass(frozen=True, slots=True)
class Sieve:
    """What a row must be.

    Attributes:
        words: parts of its names. namespace, node: "" for any. labels: (name, value) each; value None for any.
    """

    words: tuple[str, ...] = ()
    namespace: str = ""
    node: str = ""
    labels: tuple[tuple[str, str | None], ...] = ()
    edge_only: bool = False

    def keeps(self, names: str, *, namespace: str, node: str, edge: bool, labels: Mapping[str, str] | None) -> bool:
        """Whether a row of these properties is shown."""
        if (self.edge_only and not edge) or (self.namespace and namespace != self.namespace):
            return False
        if self.node and node != self.node:
            return False
        known = labels or {}
        if not all(name in known and value in (None, known[name]) for name, value in self.labels):
            return False
        return all(word in names.casefold() for word in self.words)


def sieve(text: str, *, edge_only: bool = False, namespace: str = "") -> Sieve:
    """Read what was typed: ``gateway ns:factory node:edge1 app=line-gateway tier``.

    A word with ``=`` is a label; ``name=`` alone wants the label with any value.
    """
    words, labels, node = [], [], ""
    for word in text.split():
        key, colon, value = word.partition(":")
        if colon and value and key in ("ns", "namespace"):
            namespace = value
        elif colon and value and key == "node":
            node = value
        elif "=" in word and not word.startswith("="):
            name, _equals, wanted = word.partition("=")
            labels.append((name, wanted or None))
        else:
            words.append(word.casefold())
    return Sieve(tuple(words), namespace, node, tuple(labels), edge_only)
