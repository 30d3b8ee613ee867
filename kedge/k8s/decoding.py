"""From the bytes of an answer to objects, forgivingly, on any thread."""

from __future__ import annotations

import threading
from functools import cache
from typing import Any

import msgspec

from kedge.k8s.meta import List, ListMeta, Status, Struct


class DecodeError(ValueError):
    """The body is not JSON, or not the object that was expected; the message says where."""


class _RawEvent(Struct, frozen=True):
    type: str = ""
    object: msgspec.Raw = msgspec.Raw(b"{}")


_BUILDING = threading.Lock()
"""msgspec 0.22 crashes when a thread uses a type whose parts another thread is still looking at for the first time."""


def _decoder(of: Any) -> msgspec.json.Decoder[Any]:
    with _BUILDING:
        return _built(of)


@cache
def _built(of: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(of, strict=False)


def decode_one(body: bytes | str, of: Any) -> Any:
    """One object of type ``of``; raises :class:`DecodeError`."""
    try:
        return _decoder(of).decode(body)
    except msgspec.ValidationError:
        return _decode_without_nulls(body, of)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(str(error)) from error


def _decode_without_nulls(body: bytes | str, of: Any) -> Any:
    """The slow way for the rare answer with a null where a value belongs."""
    try:
        return msgspec.convert(_without_nulls(msgspec.json.decode(body)), of, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(str(error)) from error


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value if inner is not None]
    return value


def decode_list(body: bytes | str, of: Any) -> tuple[tuple[Any, ...], ListMeta]:
    """The items of a list answer, each of type ``of``, and where the list stands; raises :class:`DecodeError`."""
    found: List[Any] = decode_one(body, List[of])
    return found.items or (), found.metadata


def decode_event(line: bytes | str, of: Any) -> tuple[str, Any]:
    """One line of a watch: its type, and the object (a :class:`Status` for ERROR). Raises :class:`DecodeError`."""
    raw: _RawEvent = decode_one(line, _RawEvent)
    return raw.type, decode_one(bytes(raw.object), Status if raw.type == "ERROR" else of)
