"""Masks secrets in whatever goes into a bundle, and counts what it masked.

Everything that is written passes here as JSON values, so that a rule meets every field. What a secret is, is told by
its form or by its name (:mod:`kedge.bundles.forms`). Lines stay lines: evidence points at them.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from kedge.bundles import forms
from kedge.sources.mask import MASK

DEEPEST = 64
"""Levels of nesting that are looked into; what lies deeper is not kept."""

_NOTHING = frozenset(
    {'""', "''", "null", "~", "none", "nil", "<nil>", "true", "false", "yes", "no", "{", "[", "{}", "[]", MASK}
)

_BY_FORM = (
    ("base64 of a private key", forms.PEM_IN_BASE64, "LS0tLS1CRUdJTi"),
    ("bearer or basic credentials", forms.BEARER, ""),
    ("JSON web token", forms.JWT, "J"),
    ("issued token", forms.ISSUED, ""),
    ("hash of a password", forms.CRYPT, "$"),
    ("password in a URL", forms.URL, "://"),
    ("password in a URL", forms.URL_USER, "://"),
    ("key in a URL", forms.QUERY, "="),
)
"""Rule, pattern, and what stands in every text that it could match."""
_SAID = re.compile(r"(?i)pass|login|sshpass|mysql|snmp|-u|--user|--proxy-user|\bkind\b.*\bSecret")
"""What a line says that may hold a secret without naming it."""

_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]\d)")


class Redactor:
    """Masks JSON values.

    Args:
        addresses: IPv4 addresses too, each by the same other one wherever it stands.

    Attributes:
        counts: by rule, how often it masked something.
    """

    def __init__(self, *, addresses: bool = False) -> None:
        self.counts: Counter[str] = Counter()
        self._addresses: dict[str, str] | None = {} if addresses else None

    def value(self, value: Any, depth: int = 0) -> Any:
        """The same value without its secrets."""
        if isinstance(value, str):
            return self.text(value, depth)
        if depth > DEEPEST:
            return None
        if isinstance(value, list | tuple):
            return [self.value(inner, depth + 1) for inner in value]
        return self._mapping(value, depth) if isinstance(value, Mapping) else value

    def _mapping(self, value: Mapping[Any, Any], depth: int, *, secret: bool = False) -> dict[Any, Any]:
        is_secret = value.get("kind") == "Secret"
        named = str(value.get("name") or value.get("key") or "")
        found = {}
        for key, inner in value.items():
            hidden = (secret and not forms.HARMLESS.search(str(key))) or is_secret_name(str(key))
            if is_secret and key in ("data", "stringData"):
                found[key] = self._masked("data of a Secret", dict.fromkeys(inner or {}, MASK))
            elif value.get("kind") == "SecretList" and key == "items" and isinstance(inner, list):
                found[key] = [self.value({**one, "kind": "Secret"} if isinstance(one, dict) else one) for one in inner]
            elif key == forms.LAST_APPLIED:
                found[key] = self._masked("annotation last-applied-configuration", MASK)
            elif key == "value" and isinstance(inner, str) and is_secret_name(named) and inner:
                found[key] = self._masked("environment variable", MASK)
            else:
                found[self._key(key)] = self._hidden(str(key), inner, depth) if hidden else self.value(inner, depth + 1)
        return found

    def _hidden(self, name: str, value: Any, depth: int) -> Any:
        """What stands under the name of a secret: every scalar in it is one, but for what is named harmlessly."""
        if depth > DEEPEST or value is None or isinstance(value, bool) or str(value) in ("", MASK):
            return value if depth <= DEEPEST else None
        if isinstance(value, list | tuple):
            return [self._hidden(name, inner, depth + 1) for inner in value]
        if isinstance(value, Mapping):
            return self._mapping(value, depth + 1, secret=True)
        return self._masked("value named as a secret", MASK)

    def _key(self, key: Any) -> Any:
        """Names are short; what is longer, or may be an address, is text like any other."""
        return self.text(key) if isinstance(key, str) and (len(key) > 16 or self._addresses is not None) else key

    def _masked(self, rule: str, value: Any) -> Any:
        self.counts[rule] += 1
        return value

    def text(self, text: str, depth: int = 0) -> str:
        """A string without its secrets; one that is JSON itself is looked into."""
        if (inner := _json(text)) is not None:
            clean = self.value(inner, depth + 1)
            return text if clean == inner else json.dumps(clean, ensure_ascii=False)
        if "PRIVATE KEY" in text:
            text = self._each("private key", forms.PEM, text, lambda m: m[1] + _stars(m[2]) + m[3])
        for rule, pattern, mark in _BY_FORM:
            if mark in text:
                text = self._each(rule, pattern, text)
        if forms.SPEAKS.search(text) or _SAID.search(text):
            text = "\n".join(self._lines(text.split("\n"), in_secret=bool(forms.IS_SECRET.search(text))))
        return text if self._addresses is None else _IPV4.sub(self._address, text)

    def _each(
        self, rule: str, pattern: re.Pattern[str], text: str, by: Callable[[re.Match[str]], str] | None = None
    ) -> str:
        """Mask what the pattern finds, but for what it keeps."""
        by = by or (lambda m: m.groupdict().get("keep", "") + MASK)

        def one(found: re.Match[str]) -> str:
            clean = by(found)
            self.counts[rule] += clean != found[0]
            return clean

        return pattern.sub(one, text)

    def _pair(self, found: re.Match[str]) -> str:
        value, name = found["value"], found["name"]
        bare = value.strip("\\\"'")
        if not is_secret_name(name) or value.lower() in _NOTHING or bare in ("", MASK):
            return found[0]
        self.counts["value named as a secret"] += 1
        quote = re.match(r"\\?[\"']?", value)
        around = quote[0] if quote else ""
        return f"{found['head']}{around}{MASK}{around}" if around else f"{found['head']}{_quoted(found['head'])}"

    def _lines(self, lines: Sequence[str], *, in_secret: bool) -> Iterator[str]:
        """Line by line. What stands below ``password:`` belongs to it, and so does what ``data:`` of a Secret holds."""
        below, whole, data = -1, False, -1
        for at, line in enumerate(lines):
            indent = len(line) - len(line.lstrip(" \t"))
            data = -1 if line.strip() and indent <= data else data
            if data >= 0 and line.strip(" \t}"):
                yield self._each("data of a Secret", forms.ITS_DATA, line)
                continue
            if below >= 0 and line.strip() and _is_below(line, indent, below, whole=whole):
                self.counts["value named as a secret"] += not whole
                yield line[:indent] + ("- " if line[indent:].startswith("- ") else "") + MASK
                continue
            below = below if below >= 0 and not line.strip() else -1
            block = forms.BLOCK.match(line)
            if in_secret and forms.SECRET_DATA.match(line):
                data = indent
            elif block is not None and is_secret_name(block["name"]):
                below, whole = indent, (block["mark"] or "[") != "["
                self.counts["value named as a secret"] += whole
            elif _is_value_of_secret(lines, at):
                yield self._each("environment variable", forms.VALUE, line)
                continue
            elif forms.SPEAKS.search(line) or _SAID.search(line):
                clean = self._line(line)
                if clean != line and forms.ENTRY.match(line):
                    below, whole = indent, False  # a plain scalar of YAML may go on below
                yield clean
                continue
            yield line

    def _line(self, line: str) -> str:
        if (inner := _json(line.strip())) is not None:
            return json.dumps(self.value(inner), ensure_ascii=False)
        clean = self._each("request header", forms.HEADER, line)
        clean = forms.FLAG.sub(self._pair, forms.PAIR.sub(self._pair, clean))
        clean = self._each("password of a command line", forms.ARGUMENT, clean)
        if "</" in clean:
            clean = self._each("value named as a secret", forms.XML, clean)
        return self._each("secret in a sentence", forms.SPOKEN, clean)

    def _address(self, found: re.Match[str]) -> str:
        """Another address of the same kind, the same one everywhere: what agrees, still agrees."""
        known = self._addresses if self._addresses is not None else {}
        try:
            one = ipaddress.IPv4Address(found[0])
        except ValueError:
            return found[0]
        if one.is_loopback or one.is_unspecified or one.is_link_local:
            return found[0]
        if found[0] not in known:
            self.counts["address"] += 1
            known[found[0]] = str(ipaddress.IPv4Address("198.18.0.0") + len(known) + 1)
        return known[found[0]]


def is_secret_name(name: str) -> bool:
    """True for the name of a field, flag or variable that holds a secret itself."""
    name = name.rpartition("/")[2]  # of an annotation or a label
    return forms.SECRET_NAME.match(name) is not None and forms.HARMLESS.search(name) is None


def _is_below(line: str, indent: int, below: int, *, whole: bool) -> bool:
    """True for a line of the value whose name stands ``below`` deep; unless ``whole``, what names itself is not."""
    if whole:
        return indent > below
    return (indent > below or line[indent:].startswith("- ")) and not forms.ENTRY.match(line) and line.strip() != "]"


def _is_value_of_secret(lines: Sequence[str], at: int) -> bool:
    """``value: …`` with the name of a secret in the line before or after it."""
    if not forms.VALUE.match(lines[at]):
        return False
    for line in (*lines[at - 1 : at], *lines[at + 1 : at + 2]):
        if (named := forms.NAMED.match(line)) and is_secret_name(named["name"]):
            return True
    return False


def _json(text: str) -> Any:
    """The object, list or string that the text is; None when it is none."""
    if text[:1] not in ("{", "[", '"'):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _stars(body: str) -> str:
    return MASK.join("\n" * body.count("\n")) if "\n" in body else MASK


def _quoted(head: str) -> str:
    """A bare ``*`` after a colon would begin a YAML alias."""
    return f'"{MASK}"' if head.rstrip().endswith(":") else MASK
