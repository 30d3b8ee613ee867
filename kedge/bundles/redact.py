"""Masks secrets in whatever goes into a bundle, and counts what it masked.

Everything that is written passes here as JSON values, so that a rule meets every field. What a secret is, is told by
its form (a private key, a bearer token, a JWT, a password in a URL) or by its name (a key, flag or variable called
token, password, secret …). Lines stay lines: evidence points at them.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from kedge.sources.mask import MASK

DEEPEST = 64
"""Levels of nesting that are looked into; what lies deeper is not kept."""

_WORDS = (
    r"(?:pass(?:word|wd|phrase)|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|secret[-_]?key|"
    r"client[-_]?key[-_]?data|credentials?|auth[-_]?key|authorization|cookie|dockerconfigjson|dockercfg)"
)
_NAME = rf"[A-Za-z0-9_.-]{{0,32}}{_WORDS}[A-Za-z0-9_-]{{0,32}}"
_SPEAKS = re.compile(_WORDS, re.IGNORECASE)
_SECRET_NAME = re.compile(rf"(?i)^{_NAME}$")
_HARMLESS = re.compile(
    r"(?i)(?:names?|refs?|paths?|files?|dirs?|sources?|seconds|mode|class|count|type|server|url|policy|expir\w*|reviews?|"
    r"duration|strategy|events?|workers|works|timeout|interval|limit|size)$"
    r"|^automount|^image_?pull_?secrets$|^secrets$|^token_?port|^tunnel"
)
"""Names that speak of a secret without holding one: ``secretName``, ``tokenFile``, ``automountServiceAccountToken``."""

_PEM = re.compile(r"(-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----)(.*?)(-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_BEARER = re.compile(r"(?i)\b((?:bearer|basic)[ \t]+)(?!\*\*\*)[A-Za-z0-9._~+/=-]{8,}")
_JWT = re.compile(r"\b(?:[0-9a-f]{64}\.)?eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?")
_URL = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/@:\"']*):[^\s/@\"']+@", re.IGNORECASE)
_BLOCK = re.compile(rf"(?i)^([ \t]*)(?:-[ \t]+)?[\"']?(?P<name>{_NAME})[\"']?[ \t]*:[ \t]*[|>][0-9+-]*[ \t]*$")
_HEADER = re.compile(r"(?i)(\b(?:authorization|(?:set-)?cookie)\\?[\"']?[ \t]*[:=][ \t]*\[?\\?[\"']?)([^\"'\n\]\\]+)")
_PAIR = re.compile(
    rf"(?i)(?P<head>(?P<quote>\\?[\"']?)\b(?P<name>{_NAME})(?P=quote)[ \t]*(?:=|:)[ \t]*)"
    r"(?P<value>\[[^\]\n]*\]|\{[^}\n]*\}|\\?\"(?:[^\"\\\n]|\\(?!\").)*\\?\"|'[^'\n]*'|[^\s,;&|}\])\"']+)"
)
_FLAG = re.compile(rf"(?i)(?P<head>(?<![\w-])--?(?P<name>{_NAME})[ \t]+)(?P<value>[^\s-][^\s]*)")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_NOTHING = frozenset({'""', "''", "null", "~", "none", "nil", "<nil>", "true", "false", "{", "[", "{}", "[]", MASK})

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
        named = str(value.get("name", ""))
        found = {}
        for key, inner in value.items():
            hidden = (secret and not _HARMLESS.search(str(key))) or is_secret_name(str(key))
            if is_secret and key in ("data", "stringData"):
                found[key] = self._masked("data of a Secret", dict.fromkeys(inner or {}, MASK))
            elif key == _LAST_APPLIED:
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
            text = self._each("private key", _PEM, text, lambda m: m[1] + _stars(m[2]) + m[3])
        text = self._each("bearer or basic credentials", _BEARER, text, lambda m: m[1] + MASK)
        if "eyJ" in text:
            text = self._each("JSON web token", _JWT, text, lambda m: MASK)
        if "://" in text:
            text = self._each("password in a URL", _URL, text, lambda m: f"{m[1]}:{MASK}@")
        if _SPEAKS.search(text):
            text = "\n".join(self._lines(text.split("\n")))
        return text if self._addresses is None else _IPV4.sub(self._address, text)

    def _each(self, rule: str, pattern: re.Pattern[str], text: str, by: Callable[[re.Match[str]], str]) -> str:
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

    def _lines(self, lines: Sequence[str]) -> Iterator[str]:
        """Line by line; the indented lines below ``password: |`` belong to it."""
        below = -1
        for line in lines:
            indent = len(line) - len(line.lstrip(" \t"))
            if below >= 0 and line.strip() and indent > below:
                yield line[:indent] + MASK
                continue
            below = below if below >= 0 and not line.strip() else -1
            if below < 0 and _SPEAKS.search(line):
                block = _BLOCK.match(line)
                if block is not None and is_secret_name(block["name"]):
                    self.counts["value named as a secret"] += 1
                    below = indent
                else:
                    yield self._line(line)
                    continue
            yield line

    def _line(self, line: str) -> str:
        if (inner := _json(line.strip())) is not None:
            return json.dumps(self.value(inner), ensure_ascii=False)
        clean = self._each("request header", _HEADER, line, lambda m: m[1] + MASK)
        return _FLAG.sub(self._pair, _PAIR.sub(self._pair, clean))

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
    return _SECRET_NAME.match(name) is not None and _HARMLESS.search(name) is None


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
