"""Which machines a site consists of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ApiEndpoints:
    """Addresses behind Service default/kubernetes (site fact): where API servers run."""

    addresses: tuple[str, ...] = ()
