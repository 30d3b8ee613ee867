"""Asks one check about plain facts; whatever is not given is not known."""

from __future__ import annotations

from typing import Any

from kedge.i18n import _
from kedge.model import Reason, Unknown
from kedge.plugins import All, Check

NOTHING = Unknown(Reason.NOT_ASKED, _("not asked"))


def verdict(check: Check, *facts: Any) -> Any:
    """What the check says; ``facts`` in the order of its parameters, the last ones may be left out."""
    rest = [All({}) if need.mode == "all" else NOTHING for need in check.needs_facts[len(facts) :]]
    return check.function(*facts, *rest)
