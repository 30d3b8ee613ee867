"""Bodies as the API server writes them."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from lab.errors import ApiError
from lab.objects import Kind, Object

_ESCAPED = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})


def encode(body: Any) -> bytes:
    """Compact JSON as Go's encoder writes it: HTML's own characters escaped, a newline at the end."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPED).encode() + b"\n"


def json_response(body: Any, status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.Response(body=encode(body), status=status, content_type="application/json")


def error_response(error: ApiError) -> web.Response:
    """A `Status` body."""
    return json_response(error.status(), error.code)


def text_response(text: str, status: int = 200) -> web.Response:
    """A plain answer, such as Go's own 404 page."""
    return web.Response(text=text, status=status, content_type="text/plain", charset="utf-8")


def typed(kind: Kind, obj: Object) -> Object:
    """An object with the kind and apiVersion that single answers and watch events carry."""
    return {"kind": kind.kind, "apiVersion": kind.api_version, **obj}


def listed(kind: Kind, meta: Object, items: list[Object]) -> Object:
    """A list of a kind; its items carry no kind of their own."""
    return {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": meta, "items": items}
