"""One kubeconfig file, read so that every mistake in it can be named with its line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from kedge.i18n import Text, _

_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""BaseLoader: every scalar stays a string, so that a context named ``1e3``, ``no`` or ``2026-01-01`` keeps its name."""


class ConfigError(Exception):
    """The user's configuration cannot be used as it is. ``text`` says what, where (file and line) and what to do."""

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


class NoConfigError(ConfigError):
    """There is no kubeconfig at all, which need not be a mistake: an edge has none."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One named cluster, user or context and where it stands."""

    name: str
    body: Mapping[str, Any] = field(repr=False)
    file: Path
    line: int
    lines: Mapping[str, int] = field(repr=False)

    def fail(self, text: Text, key: str = "") -> ConfigError:
        """The error for this entry, or for one key of it."""
        return at(self.file, self.lines.get(key, self.line), text)


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """What one file of a KUBECONFIG list holds."""

    path: Path
    current_context: str
    clusters: tuple[Entry, ...]
    users: tuple[Entry, ...]
    contexts: tuple[Entry, ...]


def at(file: Path, line: int, text: Text) -> ConfigError:
    """An error at a line of a file."""
    if line:
        return ConfigError(_("{file}, line {line}: {problem}").format(file=str(file), line=line, problem=text))
    return ConfigError(_("{file}: {problem}").format(file=str(file), problem=text))


def read_config_file(path: Path) -> ConfigFile:
    """Read one kubeconfig.

    Raises:
        ConfigError: unreadable, not YAML, or not the shape of a kubeconfig.
    """
    node = _compose(path)
    if node is None:
        return ConfigFile(path, "", (), (), ())
    if not isinstance(node, yaml.MappingNode):
        raise at(path, node.start_mark.line + 1, _("this is no kubeconfig: expected clusters, users and contexts"))
    parts = _items(node)
    current = parts.get("current-context")
    if current is not None and not isinstance(current, yaml.ScalarNode):
        raise at(path, current.start_mark.line + 1, _("current-context must be a name"))
    return ConfigFile(
        path,
        current.value if current is not None else "",
        _entries(path, parts, "clusters", "cluster"),
        _entries(path, parts, "users", "user"),
        _entries(path, parts, "contexts", "context"),
    )


def _compose(path: Path) -> yaml.Node | None:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise at(path, 0, _("this is no text file (byte {at} is not UTF-8)").format(at=error.start)) from None
    except OSError as error:
        problem = _("cannot be read: {reason}").format(reason=error.strerror or str(error))
        raise at(path, 0, problem) from error
    try:
        return yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = _("this is not valid YAML: {problem}").format(problem=error.problem or error.context or "")
        raise at(path, mark.line + 1 if mark else 0, problem) from None
    except yaml.YAMLError as error:
        raise at(path, 0, _("this is not valid YAML: {problem}").format(problem=str(error))) from None


def _items(node: yaml.MappingNode) -> dict[str, yaml.Node]:
    return {key.value: value for key, value in node.value if isinstance(key, yaml.ScalarNode)}


def _is_absent(node: yaml.Node | None) -> bool:
    return node is None or (isinstance(node, yaml.ScalarNode) and node.value in ("", "null", "~"))


def _entries(path: Path, parts: Mapping[str, yaml.Node], kind: str, key: str) -> tuple[Entry, ...]:
    node = parts.get(kind)
    if node is None or _is_absent(node):
        return ()
    if not isinstance(node, yaml.SequenceNode):
        raise at(path, node.start_mark.line + 1, _("{kind} must be a list").format(kind=kind))
    return tuple(_entry(path, item, kind, key) for item in node.value)


def _entry(path: Path, item: yaml.Node, kind: str, key: str) -> Entry:
    line = item.start_mark.line + 1
    if not isinstance(item, yaml.MappingNode):
        raise at(path, line, _("an entry of {kind} must have name and {key}").format(kind=kind, key=key))
    parts = _items(item)
    name, body = parts.get("name"), parts.get(key)
    if not isinstance(name, yaml.ScalarNode) or not name.value:
        raise at(path, line, _("an entry of {kind} has no name").format(kind=kind))
    if body is None or _is_absent(body):
        return Entry(name.value, {}, path, line, {})
    if not isinstance(body, yaml.MappingNode):
        problem = _("{key} of {name} must be a mapping").format(key=key, name=name.value)
        raise at(path, body.start_mark.line + 1, problem)
    lines = {name: value.start_mark.line + 1 for name, value in _items(body).items()}
    return Entry(name.value, _plain(body), path, line, lines)


def _plain(node: yaml.Node) -> Any:
    """The data under a node, scalars as strings; absent ones left out of mappings."""
    if isinstance(node, yaml.MappingNode):
        return {key: _plain(value) for key, value in _items(node).items() if not _is_absent(value)}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    return node.value
