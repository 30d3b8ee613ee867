"""The filter language of ``/``: text, regex, ``!not``, ``status:``, ``node:``, ``code:``, ``label:``."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kedge.i18n import Text, _
from kedge.model import Status
from kedge.picture import ComponentView
from tui.index import PictureIndex
from tui.patterns import compiled

Keep = Callable[[ComponentView], bool]


class FilterError(Exception):
    """The filter cannot be understood; carries the sentence."""

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


@dataclass(frozen=True, slots=True)
class Term:
    """One word of a filter: what it looks at, and what it looks for."""

    field: str
    pattern: str
    negated: bool = False


def parse(text: str) -> tuple[Term, ...]:
    """Split a filter into terms; all of them must hold.

    Raises:
        FilterError: a regular expression that does not compile.
    """
    terms = []
    for word in text.split():
        negated = word.startswith("!")
        field, colon, pattern = word.removeprefix("!").partition(":")
        if not colon or field not in _TESTS:
            field, pattern = "text", word.removeprefix("!")
            try:
                compiled(pattern)
            except re.error as error:
                sentence = _("no regular expression yet: {error}")
                raise FilterError(sentence.format(error=error)) from None
        if pattern:
            terms.append(Term(field, pattern, negated))
    return tuple(terms)


def hint(typed: str) -> str:
    """What a filter can say, while nothing is typed."""
    return "" if typed.strip() else "text  !not  status:fail  node:edge*  code:KE3*  label:a=b"


def keeper(terms: tuple[Term, ...], index: PictureIndex) -> Keep | None:
    """What the tree keeps for these terms; None when there are none."""
    if not terms:
        return None
    tests = [(_TESTS[term.field](term.pattern, index), not term.negated) for term in terms]

    def keep(view: ComponentView) -> bool:
        return all(test(view) is wanted for test, wanted in tests)

    return keep


def _text(pattern: str, index: PictureIndex) -> Keep:
    search = compiled(pattern).search
    words = index.words
    return lambda view: search(words[view.id]) is not None


def _status(pattern: str, index: PictureIndex) -> Keep:
    wanted = {status for status in Status if status.value.startswith(pattern.lower())}
    if pattern.lower() == "ok":
        wanted.add(Status.PASS)
    return lambda view: view.status in wanted


def _node(pattern: str, index: PictureIndex) -> Keep:
    match = re.compile(fnmatch.translate(pattern.lower())).match
    return lambda view: match(view.target.lower()) is not None


def _code(pattern: str, index: PictureIndex) -> Keep:
    match = re.compile(fnmatch.translate(pattern.lower())).match
    findings = index.findings
    return lambda view: any(match(finding.code.lower()) for finding in findings.get(view.id, ()))


def _label(pattern: str, index: PictureIndex) -> Keep:
    """``label:zone=north*`` or, for any value, ``label:zone``: everything of the nodes that carry it."""
    key, _equals, value = pattern.partition("=")
    match = re.compile(fnmatch.translate(value or "*")).match
    nodes = {node for node, labels in index.labels.items() if key in labels and match(labels[key])}
    return lambda view: view.target in nodes


_TESTS: Mapping[str, Callable[[str, PictureIndex], Keep]] = {
    "text": _text,
    "status": _status,
    "node": _node,
    "code": _code,
    "label": _label,
}
