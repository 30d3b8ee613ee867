"""Reads KubeEdge's configuration files with the line of every value, as a person would point at it.

As EdgeCore reads them (sigs.k8s.io/yaml): YAML 1.1 booleans, keys in any case, unknown keys ignored, scalars
taken as text where text is wanted. Stricter where a mistake would otherwise hide: a key given twice, several
documents in one file. Values are looked up by path and never expanded, so aliases cannot blow anything up.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPEST = 100
"""libyaml's composer recurses in C without a limit: a file of brackets would end the process."""

_TRUE = frozenset({"true", "yes", "on", "y"})
_FALSE = frozenset({"false", "no", "off", "n"})


class YamlError(ValueError):
    """The text is no configuration file. ``line`` and ``column`` are 1-based, 0 when nothing tells them."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.line, self.column = line, column


class YamlFile:
    """A parsed file that is asked by path, e.g. ``modules.edgeStream.enable``.

    Raises:
        YamlError: the text is broken, empty, several documents, no mapping, or gives a key twice.
    """

    def __init__(self, text: str) -> None:
        text = text.removeprefix("\ufeff")
        try:
            _refuse_depth(text)
            root = yaml.compose(text, Loader=_LOADER)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
            problem = error.problem or error.context or "broken"
            if "cannot start any token" in problem and _line_of(text, line)[column - 1 : column] == "\t":
                problem = "a tab, where YAML wants spaces"
            raise YamlError(problem, line, column) from error
        except UnicodeEncodeError as error:
            line, column = _place(text, error.start)
            raise YamlError("a character that is none", line, column) from error
        except yaml.reader.ReaderError as error:
            line, column = _place(text, error.position)
            raise YamlError("a character that YAML does not allow", line, column) from error
        if root is None or (isinstance(root, ScalarNode) and not root.value):
            raise YamlError("it is empty")
        if not isinstance(root, MappingNode):
            raise YamlError("it is no mapping of keys to values", 1, 1)
        _refuse_duplicates(root)
        self._root = root

    def line(self, path: str) -> int:
        """1-based line of the key, 0 when the path is absent."""
        found = self._find(path)
        return found[0].start_mark.line + 1 if found else 0

    def has(self, path: str) -> bool:
        """Whether the path is there, even with an empty value."""
        return self._find(path) is not None

    def text(self, path: str, default: str = "") -> str:
        """A scalar as text; the default when it is absent, null or no scalar."""
        node = self._scalar(path)
        return default if node is None else str(node.value)

    def boolean(self, path: str, default: bool) -> bool:
        """A boolean; the default when it is absent or null. Raises YamlError for anything else."""
        node = self._scalar(path)
        if node is None:
            return default
        word = str(node.value).lower()
        if node.style or word not in _TRUE | _FALSE:  # quoted: EdgeCore refuses to start with it
            raise self._wrong(path, node, "must be true or false")
        return word in _TRUE

    def number(self, path: str, default: int) -> int:
        """A whole number; the default when it is absent or null. Raises YamlError for anything else."""
        node = self._scalar(path)
        if node is None:
            return default
        word = str(node.value).replace("_", "")
        if node.style or not (word.isascii() and word.isdigit() and len(word) <= 10):
            raise self._wrong(path, node, "must be a whole number")
        return int(word)

    def texts(self, path: str) -> tuple[str, ...]:
        """A list of scalars; empty when it is absent or no list."""
        found = self._find(path)
        if found is None or not isinstance(found[1], SequenceNode):
            return ()
        return tuple(str(item.value) for item in found[1].value if isinstance(item, ScalarNode))

    def _wrong(self, path: str, node: Node, must: str) -> YamlError:
        return YamlError(f"{path} {must}", node.start_mark.line + 1, node.start_mark.column + 1)

    def _scalar(self, path: str) -> ScalarNode | None:
        found = self._find(path)
        if found is None or not isinstance(found[1], ScalarNode) or found[1].tag.endswith(":null"):
            return None
        return found[1]

    def _find(self, path: str) -> tuple[Node, Node] | None:
        """The (key, value) nodes of a path."""
        found: tuple[Node, Node] | None = None
        node: Node = self._root
        for name in path.split("."):
            found = _child(node, name)
            if found is None:
                return None
            node = found[1]
        return found


def _child(node: Node, name: str, depth: int = 0) -> tuple[Node, Node] | None:
    """The entry of a mapping: the very key, else one that differs in case, else one merged in by ``<<``."""
    if not isinstance(node, MappingNode) or depth > _DEEPEST:
        return None
    for same in (str.__eq__, _same_but_case):
        for key, value in node.value:
            if isinstance(key, ScalarNode) and same(key.value, name):
                return key, value
    for key, value in node.value:
        if isinstance(key, ScalarNode) and key.value == "<<":
            for merged in value.value if isinstance(value, SequenceNode) else [value]:
                if found := _child(merged, name, depth + 1):
                    return found
    return None


def _same_but_case(one: str, other: str) -> bool:
    return one.lower() == other.lower()


def _refuse_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                line = event.start_mark.line + 1 if event.start_mark else 0
                raise YamlError(f"nested deeper than {_DEEPEST} levels", line, 1 if line else 0)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _refuse_duplicates(root: Node) -> None:
    for mapping in _mappings(root):
        seen: dict[str, int] = {}
        for key, _value in mapping.value:
            if not isinstance(key, ScalarNode) or key.value == "<<":
                continue
            line = key.start_mark.line + 1
            if key.value in seen:
                message = f"the key {key.value} is given twice, first in line {seen[key.value]}"
                raise YamlError(message, line, key.start_mark.column + 1)
            seen[key.value] = line


def _mappings(root: Node) -> Iterator[MappingNode]:
    """Every mapping once, however often an alias names it."""
    waiting, known = [root], {id(root)}
    while waiting:
        node = waiting.pop()
        if isinstance(node, MappingNode):
            yield node
            inner = [part for pair in node.value for part in pair]
        elif isinstance(node, SequenceNode):
            inner = list(node.value)
        else:
            continue
        for part in inner:
            if id(part) not in known:
                known.add(id(part))
                waiting.append(part)


def _place(text: str, position: int) -> tuple[int, int]:
    before = text[: max(position, 0)]
    return before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1


def _line_of(text: str, line: int) -> str:
    lines = text.splitlines()
    return lines[line - 1] if 0 < line <= len(lines) else ""
