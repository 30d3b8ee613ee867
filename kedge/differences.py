"""What differs between two looks: at one site at two moments, or at two nodes of one site. Pure.

Findings are compared by what they say, facts field by field. What differs always says nothing and is left out: moments,
versions of objects, ids, process numbers, lines of logs.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from kedge.model import Finding, Host, Observation, Unknown
from kedge.printable import one_line

_NOISE = re.compile(
    r"(^|_)(at|time|times|when|since|until|age|ages|seconds|ahead|now|mtime|uid|uids|pid|pids|inode|id|ids"
    r"|resource_version|generation|restarts|count|bytes|packets|lines|usage|used|free|elapsed|date|taken|heartbeat"
    r"|started|finished|created|renewed|modified|expiry|line|text|samples)$"
)
_MEASURED = re.compile(r"(Usage|Log|Clock|^Headroom|^Established)$")
"""Facts that are never twice the same; what is wrong with one is told by its finding."""

_LONGEST = 160
"""Characters of a value that are shown."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same.

    Attributes:
        kind: ``finding`` or ``fact``.
        what: the code, or the fact's type and field. target: node, host or "-".
        before, after: what A and B say, "-" where one has nothing of the kind.
    """

    kind: str
    what: str
    target: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: its findings and facts, and how names of its own are told from words."""

    name: str
    findings: tuple[Finding, ...]
    facts: Mapping[tuple[type, str], Any]


def differences(a: Side, b: Side) -> list[Difference]:
    """Findings first, by code; then facts, by target."""
    return [*_findings(a, b), *_facts(a, b)]


def of_node(side: Side, node: str) -> Side:
    """The part of one node, with its name and address replaced, so that two nodes can be held side by side."""
    host = side.facts.get((Host, node))
    address = host.address if isinstance(host, Host) else ""
    known = sorted(filter(None, (node, address)), key=len, reverse=True)
    pattern = re.compile("|".join(rf"(?<![\w.-]){re.escape(one)}(?![\w-])" for one in known))

    def neutral(text: str) -> str:
        return pattern.sub("NODE", text)

    findings = tuple(dataclasses.replace(f, target="NODE") for f in side.findings if f.target == node)
    facts = {
        (kind, "NODE"): _Flat(dict(_flat(value, neutral))) for (kind, own), value in side.facts.items() if own == node
    }
    return Side(node, findings, facts)


@dataclass(frozen=True, slots=True)
class _Flat:
    """A fact whose fields have been named already."""

    fields: dict[str, str]


# ----------------------------------------------------------------------------------------------- findings


def _findings(a: Side, b: Side) -> Iterator[Difference]:
    one, two = ({(f.code, f.target): f for f in side.findings} for side in (a, b))
    for code, target in sorted(one.keys() | two.keys()):
        was, now = one.get((code, target)), two.get((code, target))
        if _verdict(was) != _verdict(now):
            yield Difference("finding", code, target, _said(was), _said(now))


def _verdict(finding: Finding | None) -> tuple[Any, ...] | None:
    """What makes it another result; numbers and names in the sentence do not."""
    if finding is None:
        return None
    return (finding.status, finding.because, finding.text.msgid)


def _said(finding: Finding | None) -> str:
    if finding is None:
        return "-"
    because = f" (because {finding.because})" if finding.because else ""
    return _short(f"{finding.status.value}: {finding.text}{because}")


# -------------------------------------------------------------------------------------------------- facts


def _facts(a: Side, b: Side) -> Iterator[Difference]:
    keys = [key for key in a.facts.keys() | b.facts.keys() if not _MEASURED.search(key[0].__name__)]
    for kind, target in sorted(keys, key=lambda key: (key[1], key[0].__name__)):
        one, two = (_fields(side.facts.get((kind, target))) for side in (a, b))
        for name in sorted(one.keys() | two.keys()):
            was, now = one.get(name, "-"), two.get(name, "-")
            if was != now:
                what = f"{kind.__name__}.{name}" if name else kind.__name__
                yield Difference("fact", what, target, _short(was), _short(now))


def _fields(value: Any) -> dict[str, str]:
    return value.fields if isinstance(value, _Flat) else dict(_flat(value))


def _flat(value: Any, said: Callable[[str], str] = str, name: str = "") -> Iterator[tuple[str, str]]:
    """Every field with its value, as text, without what differs always."""
    if value is None or isinstance(value, datetime | timedelta | Observation):
        return
    if isinstance(value, Unknown):
        yield name, f"unknown: {value.reason.value}"
    elif isinstance(value, Enum):
        yield name, str(value.value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        yield from _each(fields, said, name)
    elif isinstance(value, Mapping):
        yield from _each(((said(str(key)), inner) for key, inner in value.items()), said, name)
    elif isinstance(value, frozenset | set | tuple | list):
        parts = [", ".join(f"{key}={text}" if key else text for key, text in _flat(one, said)) for one in value]
        yield name, "; ".join(sorted(filter(None, parts)))
    elif not (isinstance(value, str) and "\n" in value):
        yield name, said(str(value))


def _each(pairs: Iterable[tuple[str, Any]], said: Callable[[str], str], name: str) -> Iterator[tuple[str, str]]:
    for key, inner in pairs:
        if not _NOISE.search(key):
            yield from _flat(inner, said, f"{name}.{key}" if name else key)


def _short(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
