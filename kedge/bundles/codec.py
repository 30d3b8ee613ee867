"""Observations as JSON and back. What is decoded asks and answers exactly what was recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

import msgspec

from kedge import asks
from kedge.asks import Api, Ask, HostAsk
from kedge.i18n import Text
from kedge.model import Observation, Reason, Unknown

KINDS: dict[str, type[Ask]] = {
    kind.__name__: kind
    for name in asks.__all__
    if isinstance(kind := getattr(asks, name), type) and issubclass(kind, Ask) and kind not in (Ask, HostAsk)
}
"""Every ask by the name that bundles know it by; a name is never reused."""


class _Error(msgspec.Struct, forbid_unknown_fields=False):
    reason: str
    text: str
    line: int = 0
    column: int = 0


class Row(msgspec.Struct, rename="camel"):
    """One line of ``observations.jsonl``; fields are only added.

    Attributes:
        ask: the kind of ask; about: the fields that make two asks equal.
        objects: of an API answer, the decoded objects instead of its text.
        many: the objects are the items of a list.
    """

    ask: str
    source: str
    about: dict[str, Any] = {}
    what: str = ""
    at: datetime | None = None
    seconds: float = 0.0
    exit_code: int | None = None
    stdout: str = ""
    stderr: str = ""
    error: _Error | None = None
    cut: bool = False
    objects: list[Any] | None = None
    many: bool = False


def encoded(seen: Observation) -> dict[str, Any]:
    """An observation as JSON values. Of API objects only the fields that something reads are kept."""
    typed = isinstance(seen.ask, Api) and seen.objects is not None
    row = Row(
        ask=type(seen.ask).__name__,
        about=_about(seen.ask),
        source=seen.source,
        what=seen.what,
        at=seen.at,
        seconds=round(seen.seconds, 4),
        exit_code=seen.exit_code,
        stdout="" if typed else seen.stdout,
        stderr=seen.stderr,
        error=_error(seen.error),
        cut=seen.cut,
        objects=[_without_empty(thing) for thing in msgspec.to_builtins(seen.objects)] if typed else None,
        many=typed and bool(seen.ask.watched),
    )
    built: dict[str, Any] = msgspec.to_builtins(row)
    return built


def decoded(line: bytes) -> Observation | None:
    """An observation of one line; None for an ask that this version does not know.

    Raises:
        ValueError: the line is no observation.
    """
    try:
        row = msgspec.json.decode(line, type=Row)
        kind = KINDS.get(row.ask)
        ask = msgspec.convert(row.about, kind) if kind is not None else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if ask is None:
        return None
    return Observation(
        ask=ask,
        source=row.source,
        what=row.what,
        at=row.at,
        seconds=row.seconds,
        exit_code=row.exit_code,
        stdout=_body(row),
        stderr=row.stderr,
        error=_unknown(row.error),
        cut=row.cut,
    )


def _about(ask: Ask) -> dict[str, Any]:
    return {one.name: msgspec.to_builtins(getattr(ask, one.name)) for one in fields(ask) if one.compare}


def _error(error: Unknown | None) -> _Error | None:
    return None if error is None else _Error(error.reason.value, str(error.text), error.line, error.column)


def _unknown(error: _Error | None) -> Unknown | None:
    if error is None:
        return None
    known = error.reason in {reason.value for reason in Reason}
    reason = Reason(error.reason) if known else Reason.UNSUPPORTED
    return Unknown(reason, Text(error.text), error.line, error.column)


def _body(row: Row) -> str:
    """The text that the same decoder reads as the same objects."""
    if row.objects is None:
        return row.stdout
    whole: Mapping[str, Any] | Any = {"items": row.objects} if row.many else (row.objects or [{}])[0]
    return msgspec.json.encode(whole).decode()


def _without_empty(value: Any) -> Any:
    """Without what is null: a decoder fills in the same default."""
    if isinstance(value, dict):
        return {key: _without_empty(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_without_empty(inner) for inner in value]
    return value
