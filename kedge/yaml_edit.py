"""Surgical edits of YAML files: the intended values change and every other byte stays.

PyYAML tells where each value stands (node marks); the new text is spliced in there, so that comments, order,
quoting, CRLF, a byte-order mark and a missing last newline survive. Nothing is returned unproven: the result
is parsed again and must hold exactly the old data with the intended change.

KubeEdge writes its files through Go's sigs.k8s.io/yaml, PyYAML reads YAML 1.1; values are written in forms
that both read alike.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from kedge.i18n import Text, _
from kedge.steps import Splice, Value, split_path

BOM = "\ufeff"
_BREAK = re.compile(r"\r\n|\r|\n")
_PLAIN = re.compile(r"[A-Za-z0-9_./@][A-Za-z0-9_./@:-]*[A-Za-z0-9_./@-]|[A-Za-z_./@]")
_NUMBER_LIKE = re.compile(r"[-+.0-9][0-9a-fA-FxoX_.+-]*")
_WORDS_OF_OTHER_PARSERS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"})


class YamlEditError(Exception):
    """The file cannot be edited safely.

    Attributes:
        text: why, as a sentence. line, column: where (1-based), 0 when it concerns no single place.
    """

    def __init__(self, text: Text, line: int = 0, column: int = 0) -> None:
        if line:
            text = _("{problem} (line {line}, column {column})").format(problem=text, line=line, column=column)
        super().__init__(str(text))
        self.text, self.line, self.column = text, line, column


@dataclass(frozen=True, slots=True)
class Edited:
    """An edit that was proven. ``splices`` are offsets into the decoded text, applied one after another."""

    before: bytes
    after: bytes
    splices: tuple[Splice, ...]

    @property
    def inverse(self) -> tuple[Splice, ...]:
        """The splices that turn :attr:`after` into :attr:`before` again."""
        return tuple((start, new, old) for start, old, new in reversed(self.splices))


def edit(data: bytes, changes: Iterable[tuple[str, Value]]) -> Edited:
    """Set values by dotted path, inserting keys that are missing; a value that is there already is left alone.

    Raises:
        YamlEditError: it is not one plain YAML mapping in UTF-8, or the path goes through something that
            cannot be edited without touching more (an alias, a sequence, a flow mapping to insert into).
    """
    document = _Document(_decode(data))
    splices: list[Splice] = []
    for dotted, value in changes:
        path = split_path(dotted)
        splice = _change(document, path, value)
        if splice is not None:
            document = _proven(document, splice, path, value)
            splices.append(splice)
    return Edited(data, document.text.encode(), tuple(splices))


def values(data: bytes, paths: Iterable[str]) -> dict[str, Any]:
    """What stands at some dotted paths; None where nothing (or null) does. Raises YamlEditError."""
    tree = _Document(_decode(data)).tree
    return {dotted: _at(tree, split_path(dotted)) for dotted in paths}


def apply_splices(data: bytes, splices: Sequence[Splice]) -> bytes:
    """Apply splices one after another; raises YamlEditError when the text to replace is not there."""
    text = _decode(data)
    for splice in splices:
        text = _splice(text, splice)
    return text.encode()


def same(one: Any, other: Any) -> bool:
    """Equal in value *and* type, so that ``true`` is not ``1`` and ``"10"`` is not ``10``."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) or (one != one and other != other)  # noqa: PLR0124 - .nan


# ---------------------------------------------------------------------------------------------- the document


class _Loader(yaml.SafeLoader):
    """Composes nodes and remembers which of them carry an anchor, which composing alone forgets."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.anchored: set[int] = set()

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        anchored = getattr(self.peek_event(), "anchor", None) is not None  # type: ignore[no-untyped-call]
        node = super().compose_node(parent, index)
        if anchored and node is not None:
            self.anchored.add(id(node))
        return node


class _Document:
    """One parsed file: its nodes with their places, and its data."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.shift = len(BOM) if text.startswith(BOM) else 0
        loader = _Loader(text[self.shift :])
        try:
            root = loader.get_single_node()
            self.anchored = loader.anchored
            if not isinstance(root, MappingNode):
                raise YamlEditError(_("the file is not a YAML mapping"))
            self.merging: set[int] = set()  # gathered before constructing, which resolves << inside the nodes
            self._inspect(root, set())
            self.tree: Any = loader.construct_document(root)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise YamlEditError(
                _("it does not parse as one YAML document: {problem}").format(problem=error.problem or error.context),
                mark.line + 1 if mark else 0,
                mark.column + 1 if mark else 0,
            ) from None
        except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: 2001-99-99 as a date
            raise YamlEditError(_("it does not parse as YAML: {problem}").format(problem=error)) from None
        finally:
            loader.dispose()
        self.root = root

    def start(self, node: Node) -> int:
        """Offset of the first character of a node."""
        return int(node.start_mark.index) + self.shift

    def end(self, node: Node) -> int:
        """Offset behind its last character."""
        return int(node.end_mark.index) + self.shift

    def refuse_anchored(self, node: Node) -> None:
        """A shared value would change in several places at once."""
        if id(node) in self.anchored:
            raise _error(node, _("the value there is shared by a YAML anchor or alias; edit it by hand"))

    def entry(self, mapping: MappingNode, name: str) -> tuple[Node, Node] | None:
        """The (key, value) nodes of one key."""
        self.refuse_anchored(mapping)
        if id(mapping) in self.merging:
            raise _error(mapping, _("the mapping there takes values from another one by <<; edit it by hand"))
        for key, value in mapping.value:
            if isinstance(key, ScalarNode) and key.value == name:
                return key, value
        return None

    def _inspect(self, node: Node, seen: set[int]) -> None:
        """Refuse duplicate keys, which parsers settle differently, and note the mappings with a merge key."""
        if id(node) in seen:
            return
        seen.add(id(node))
        if isinstance(node, SequenceNode):
            for item in node.value:
                self._inspect(item, seen)
        if isinstance(node, MappingNode):
            names: set[tuple[str, str]] = set()
            for key, value in node.value:
                if key.tag == "tag:yaml.org,2002:merge":
                    self.merging.add(id(node))
                if isinstance(key, ScalarNode):
                    if (key.tag, key.value) in names:
                        raise _error(key, _("the key {key} stands twice in one mapping").format(key=key.value))
                    names.add((key.tag, key.value))
                self._inspect(value, seen)

    def line_end(self, offset: int) -> int:
        """Offset of the line break that ends the line, or of the end of the text."""
        found = _BREAK.search(self.text, offset)
        return found.start() if found else len(self.text)

    def newline(self, offset: int) -> str:
        """The kind of line break used there, else the file's first."""
        found = _BREAK.match(self.text, offset) or _BREAK.search(self.text)
        return found.group() if found else "\n"


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise YamlEditError(_("it is not UTF-8 text"), line, 1) from None


# --------------------------------------------------------------------------------------------- one change


def _change(document: _Document, path: tuple[str, ...], value: Value) -> Splice | None:
    mapping = document.root
    for depth, name in enumerate(path):
        entry = document.entry(mapping, name)
        if entry is None:
            return _append(document, mapping, _block(path[depth:], value, _column(mapping)))
        node = entry[1]
        document.refuse_anchored(node)
        if depth == len(path) - 1:
            return _replace(document, node, value)
        if isinstance(node, ScalarNode) and node.tag == "tag:yaml.org,2002:null":
            indent = entry[0].start_mark.column + _step(document.root)
            return _fill(document, node, _block(path[depth + 1 :], value, indent))
        if not isinstance(node, MappingNode):
            raise _error(node, _("{key} is not a mapping").format(key=".".join(path[: depth + 1])))
        mapping = node
    raise YamlEditError(_("the path is empty"))


def _replace(document: _Document, node: Node, value: Value) -> Splice | None:
    if not isinstance(node, ScalarNode) or node.style in ("|", ">"):
        raise _error(node, _("the value there is not a single plain value"))
    start = document.start(node)
    old = document.text[start : document.end(node)]
    new = scalar(value, node.style or "")
    if same(yaml.safe_load(old) if old else None, value):
        return None
    return start, old, new if old else f" {new}"


def _append(document: _Document, mapping: MappingNode, lines: list[str]) -> Splice:
    """Behind the last entry of a block mapping, in front of whatever comment follows it."""
    if mapping.flow_style:
        raise _error(mapping, _("a key would have to be inserted into a mapping in braces; edit it by hand"))
    leaf = mapping
    while not isinstance(leaf, ScalarNode) and leaf.value and not leaf.flow_style:
        last = leaf.value[-1]
        leaf = last[1] if isinstance(last, tuple) else last
        document.refuse_anchored(leaf)
    end = document.end(leaf)
    if isinstance(leaf, ScalarNode) and leaf.style in ("|", ">"):  # its end is the start of the next line
        newline = document.newline(len(document.text))
        opened = document.text[end - 1] not in "\r\n"
        return end, "", (newline if opened else "") + newline.join(lines) + ("" if opened else newline)
    at = document.line_end(end)
    newline = document.newline(at)
    return at, "", "".join(newline + line for line in lines)


def _fill(document: _Document, node: ScalarNode, lines: list[str]) -> Splice:
    """Put a block below a key that has no value yet (or an explicit null)."""
    start, end = document.start(node), document.end(node)
    while document.text[start - 1] == " ":
        start -= 1
    at = document.line_end(end)
    newline = document.newline(at)
    return start, document.text[start:at], document.text[end:at].rstrip() + "".join(newline + line for line in lines)


def _block(names: Sequence[str], value: Value, indent: int) -> list[str]:
    *outer, last = [scalar(name) for name in names]
    lines = [f"{' ' * (indent + 2 * depth)}{name}:" for depth, name in enumerate(outer)]
    return [*lines, f"{' ' * (indent + 2 * len(outer))}{last}: {scalar(value)}"]


def _column(mapping: MappingNode) -> int:
    return int(mapping.value[0][0].start_mark.column) if mapping.value else 0


def _step(root: MappingNode) -> int:
    """How far the file indents, by its first nested mapping."""
    for key, value in root.value:
        if isinstance(value, MappingNode) and value.value and not value.flow_style:
            return max(1, int(value.value[0][0].start_mark.column - key.start_mark.column))
    return 2


def scalar(value: Value, style: str = "") -> str:
    """A value as YAML, in the quotes that stand there (``'`` or ``"``), plain where every parser reads it alike."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return str(value)
    if style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    plain = (
        _PLAIN.fullmatch(value)
        and not _NUMBER_LIKE.fullmatch(value)
        and value.lower() not in _WORDS_OF_OTHER_PARSERS
        and isinstance(yaml.safe_load(value), str)
    )
    return value if plain and not style else '"' + "".join(map(_escaped, value)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08X}"


# ------------------------------------------------------------------------------------------------ proving


def _proven(document: _Document, splice: Splice, path: tuple[str, ...], value: Value) -> _Document:
    """The changed document, if it holds exactly the old data with the new value."""
    expected = copy.deepcopy(document.tree)
    mapping = expected
    for name in path[:-1]:
        if mapping.get(name) is None:
            mapping[name] = {}
        mapping = mapping[name]
    mapping[path[-1]] = value
    changed = _Document(_splice(document.text, splice))
    if not same(changed.tree, expected):
        raise YamlEditError(_("it is written in a way that cannot be edited without changing more; edit it by hand"))
    return changed


def _splice(text: str, splice: Splice) -> str:
    start, old, new = splice
    if text[start : start + len(old)] != old:
        raise YamlEditError(_("the text to replace is no longer there"))
    return text[:start] + new + text[start + len(old) :]


def _at(tree: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        if not isinstance(tree, dict) or name not in tree:
            return None
        tree = tree[name]
    return tree


def _error(node: Node, text: Text) -> YamlEditError:
    return YamlEditError(text, node.start_mark.line + 1, node.start_mark.column + 1)
