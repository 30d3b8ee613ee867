"""The filter language of ``/``: text, regex, ``!not``, ``status:fail``, ``node:edge*``, ``code:KE3*``."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from dataclasses import dataclass

from kedge.i18n import Text, _, translate
from kedge.picture import ComponentView
from tui.index import PictureIndex

Keep = Callable[[ComponentView], bool]


class FilterError(Exception):
    """The filter cannot be understood; carries the sentence."""

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


@dataclass(frozen=True, slots=True)
class Term:
    """One word of a filter."""

    field: str
    pattern: str
    negated: bool


def parse(text: str) -> tuple[Term, ...]:
    """Split a filter into terms; all of them must hold.

    Raises:
        FilterError: unknown field, or a regular expression that does not compile.
    """
    terms = []
    for word in text.split():
        negated = word.startswith("!")
        field, colon, pattern = word.removeprefix("!").partition(":")
        if not colon or field not in ("status", "node", "code"):
            field, pattern = "text", word.removeprefix("!")
            try:
                re.compile(pattern)
            except re.error as error:
                raise FilterError(
                    _("`{pattern}` is not a regular expression: {error}").format(pattern=pattern, error=error)
                ) from None
        if pattern:
            terms.append(Term(field, pattern, negated))
    return tuple(terms)


def keeper(terms: tuple[Term, ...], index: PictureIndex) -> Keep | None:
    """What the tree keeps for these terms; None when there are none."""
    if not terms:
        return None
    findings = index.findings
    words = index.words if any(term.field == "text" for term in terms) else {}

    def keep(view: ComponentView) -> bool:
        codes = {finding.code for finding in findings.get(view.id, ())}
        return all(_holds(term, view, codes, words.get(view.id, "")) for term in terms)

    return keep


def _holds(term: Term, view: ComponentView, codes: set[str], words: str) -> bool:
    pattern = term.pattern.lower()
    if term.field == "status":
        found = view.status.value.startswith(pattern) or (pattern == "ok" and view.status.value == "pass")
    elif term.field == "node":
        found = fnmatch.fnmatchcase(view.target.lower(), pattern)
    elif term.field == "code":
        found = any(fnmatch.fnmatchcase(code.lower(), pattern) for code in codes)
    else:
        found = re.search(term.pattern, f"{translate(view.label)} {view.target} {words}", re.IGNORECASE) is not None
    return found is not term.negated
