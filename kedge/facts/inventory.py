"""Which machines a site consists of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HomeNamespace:
    """The namespace that is meant where none is named (site fact): of ``--namespace``, else of the context.

    Attributes:
        name: as kubectl would use it.
        chosen: somebody said so; False where it is ``default`` because nobody said anything.
    """

    name: str = "default"
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class ApiEndpoints:
    """Addresses behind Service default/kubernetes (site fact): where API servers run."""

    addresses: tuple[str, ...] = ()
