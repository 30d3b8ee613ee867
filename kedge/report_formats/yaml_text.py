"""``-o yaml``: the document as YAML."""

from __future__ import annotations

import yaml

from kedge.model import Status
from kedge.picture import Picture
from kedge.report import EVERYTHING, document


def as_yaml(picture: Picture, show: frozenset[Status] = EVERYTHING) -> str:
    """The same names and values as ``-o json``."""
    text: str = yaml.safe_dump(document(picture, show), sort_keys=False, allow_unicode=True, width=4096)
    return text
