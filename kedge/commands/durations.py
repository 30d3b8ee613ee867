"""Durations on the command line as kubectl takes them: ``90``, ``90s``, ``5m``, ``1h30m``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_PARTS = re.compile(r"(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m)?(?:(?P<s>\d+(?:\.\d+)?)s?)?")


def duration(flag: str, default: str, help: str) -> Callable[[F], F]:
    """An option that takes a duration and gives seconds; a number alone is seconds."""
    return click.option(flag, default=default, show_default=bool(default), metavar="TIME", help=help, callback=_seconds)


def _seconds(context: click.Context, parameter: click.Parameter, value: str) -> float:
    found = _PARTS.fullmatch(str(value).strip())
    if not value:
        return 0.0
    if not found or not any(found.groups()):
        raise click.BadParameter(f"{value!r} is no duration; write it like 90s, 5m or 1h30m.")
    hours, minutes, seconds = (float(found[part] or 0) for part in "hms")
    return hours * 3600 + minutes * 60 + seconds
