"""``-o ndjson``: one JSON object a line, for log shippers and ``jq -c``."""

from __future__ import annotations

import json
from typing import Any

from kedge.model import Status
from kedge.picture import Picture
from kedge.report import EVERYTHING, document

PARTS = {"causes": "cause", "results": "result", "paths": "path"}


def as_ndjson(picture: Picture, show: frozenset[Status] = EVERYTHING) -> str:
    """A line of kind ``report`` with what concerns the whole, then a ``cause``, ``result`` or ``path`` a line.

    Every line names the site and the moment, so that it can stand alone among the lines of other sites.
    """
    whole = document(picture, show)
    common = {name: whole[name] for name in ("site", "context", "generatedAt")}
    head = {name: value for name, value in whole.items() if name not in PARTS}
    lines = [{"kind": "report", **head}]
    lines += [{"kind": kind, **common, **one} for part, kind in PARTS.items() for one in whole[part]]
    return "".join(_line(one) for one in lines)


def _line(one: dict[str, Any]) -> str:
    return json.dumps(one, ensure_ascii=False, separators=(",", ":")) + "\n"
