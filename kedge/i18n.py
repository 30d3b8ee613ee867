"""Sentences that can be shown in another language without ever being stored in one.

A verdict, plan or error carries a :class:`Text`: the English message id and its parameters. JSON, audit
and logs print ``str(text)``, which is English whatever the locale; only ``tui`` and the reports meant for
people call :func:`translate`.
"""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DOMAIN = "kedge-tui"
LOCALES = Path(__file__).parent / "locale"


@dataclass(frozen=True, slots=True)
class Text:
    """One translatable sentence.

    Attributes:
        msgid: the English source, with ``{name}`` placeholders.
        params: values for the placeholders; a value may itself be a :class:`Text`.
        plural: the English plural form, chosen by ``params[count]`` when given.
        count: name of the parameter that decides between ``msgid`` and ``plural``.
    """

    msgid: str
    params: tuple[tuple[str, Any], ...] = field(default=())
    plural: str = ""
    count: str = ""

    def format(self, **params: object) -> Text:
        """The same sentence with (more) parameters filled in."""
        return Text(self.msgid, tuple({**dict(self.params), **params}.items()), self.plural, self.count)

    def __str__(self) -> str:
        return self._render(gettext.NullTranslations())

    def __bool__(self) -> bool:
        return bool(self.msgid)

    def _render(self, catalogue: gettext.NullTranslations) -> str:
        values = {name: value._render(catalogue) if isinstance(value, Text) else value for name, value in self.params}
        if self.plural:
            template = catalogue.ngettext(self.msgid, self.plural, int(values[self.count]))
        else:
            template = catalogue.gettext(self.msgid) if self.msgid else ""
        return template.format_map(_Lenient(values)) if values else template


class _Lenient(dict[str, Any]):
    """Leaves an unknown placeholder standing: a translator's slip must not take a sentence away."""

    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


def _(msgid: str) -> Text:
    """Mark an English sentence for translation."""
    return Text(msgid)


def ngettext(one: str, many: str, count: str) -> Text:
    """Mark a sentence with a plural; ``count`` names the parameter that decides."""
    return Text(one, (), many, count)


_active: gettext.NullTranslations = gettext.NullTranslations()


def install(languages: list[str] | None) -> None:
    """Choose the language of :func:`translate`; ``None`` means English. Call before importing ``tui``."""
    global _active
    _active = (
        gettext.translation(DOMAIN, LOCALES, languages, fallback=True) if languages else gettext.NullTranslations()
    )


def translate(text: Text | str) -> str:
    """The sentence in the language that the person reads."""
    return text._render(_active) if isinstance(text, Text) else text


def as_json(text: Text | str | None) -> str | None:
    """English text for machine-readable output."""
    return None if text is None else str(text)


def params_of(text: Text) -> Mapping[str, Any]:
    """The parameters of a sentence by name."""
    return dict(text.params)
