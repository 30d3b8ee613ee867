"""Kubernetes quantities as whole numbers, rounded exactly as ``kubectl top`` rounds them.

kubectl adds up quantities without rounding, then prints CPU in millicores *rounded up* (``Quantity.MilliValue``),
memory in Mi *rounded down*, and percentages with their fraction cut off (kubectl ``pkg/metricsutil``).
"""

from __future__ import annotations

import re
from fractions import Fraction

NANO = 1_000_000_000
MEBIBYTE = 1 << 20

_SUFFIXES = {"": Fraction(1)}
_SUFFIXES |= {s: Fraction(1, 1000**power) for power, s in enumerate(("m", "u", "n"), start=1)}
_SUFFIXES |= {s: Fraction(1000**power) for power, s in enumerate("kMGTPE", start=1)}
_SUFFIXES |= {f"{s}i": Fraction(1024**power) for power, s in enumerate("KMGTPE", start=1)}
_QUANTITY = re.compile(r"([+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30}))(?:[eE]([+-]?\d{1,2})|([a-zA-Z]{0,2}))", re.ASCII)


def nanos(text: str | int) -> int | None:
    """A quantity in billionths of its unit (nanocores, nanobytes), rounded up; None for what is none.

    The forms that kubelets write in every answer (``72153582n``, ``483996Ki``) take a short way.
    """
    if isinstance(text, int):
        return text * NANO
    if len(text) < 25 and text[:-1].isdecimal() and text.isascii() and text[-1] == "n":
        return int(text[:-1])
    if len(text) < 25 and text[:-2].isdecimal() and text.isascii() and text.endswith("Ki"):
        return int(text[:-2]) * 1024 * NANO
    found = _QUANTITY.fullmatch(text)
    if found is None or (found[3] or "") not in _SUFFIXES:
        return None
    factor = Fraction(10) ** int(found[2]) if found[2] else _SUFFIXES[found[3] or ""]
    exact = Fraction(found[1].rstrip(".")) * factor * NANO
    return -((-exact.numerator) // exact.denominator)


def millicores(nano: int) -> int:
    """As in the column CPU(cores): rounded up."""
    return -(-nano // 1_000_000)


def mebibytes(nano: int) -> int:
    """As in the column MEMORY(bytes): whole bytes rounded up, then Mi rounded down."""
    return -(-nano // NANO) // MEBIBYTE


def percent(used: int, of: int) -> int:
    """As in the columns CPU(%) and MEMORY(%): of milli-values that are rounded up, with the fraction cut off."""
    whole = -(-of // 1_000_000)
    return int(-(-used // 1_000_000) / whole * 100) if whole else 0
