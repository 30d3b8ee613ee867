"""Reads configuration files with the line of every value, as a person would point at it.

Forgiving where KubeEdge is (unknown keys, absent sections), strict where it is not (broken YAML).
"""

from __future__ import annotations

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

_TRUE = frozenset({"true", "yes", "on", "y"})


class YamlError(ValueError):
    """The text is not YAML. ``line`` and ``column`` are 1-based, 0 when the parser does not say."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.line, self.column = line, column


class YamlText:
    """A parsed document that is asked by path, e.g. ``modules.cloudStream.enable``.

    Raises:
        YamlError: the text is broken, or holds something else than a mapping.
    """

    def __init__(self, text: str) -> None:
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            problem = error.problem or error.context or "broken"
            raise YamlError(problem, mark.line + 1 if mark else 0, mark.column + 1 if mark else 0) from error
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise YamlError(str(error).partition("\n")[0]) from error
        if not isinstance(root, MappingNode):
            raise YamlError("it is not a mapping", 1, 1)
        self._root = root

    def line(self, path: str) -> int:
        """1-based line of the value, 0 when the path is absent."""
        node = self._find(path)
        return node.start_mark.line + 1 if node is not None and node.start_mark else 0

    def text(self, path: str, default: str = "") -> str:
        """A scalar as text; the default when it is absent, null or no scalar."""
        node = self._find(path)
        if not isinstance(node, ScalarNode) or node.tag.endswith(":null"):
            return default
        return str(node.value)

    def boolean(self, path: str, default: bool) -> bool:
        """A boolean; the default when it is absent or none."""
        node = self._find(path)
        if not isinstance(node, ScalarNode) or not node.tag.endswith(":bool"):
            return default
        return str(node.value).lower() in _TRUE

    def number(self, path: str, default: int) -> int:
        """A whole number; the default when it is absent or none."""
        text = self.text(path).replace("_", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else default

    def texts(self, path: str) -> tuple[str, ...]:
        """A list of scalars; empty when it is absent or no list."""
        node = self._find(path)
        if not isinstance(node, SequenceNode):
            return ()
        return tuple(str(item.value) for item in node.value if isinstance(item, ScalarNode))

    def _find(self, path: str) -> Node | None:
        node: Node | None = self._root
        for name in path.split("."):
            if not isinstance(node, MappingNode):
                return None
            node = next((value for key, value in reversed(node.value) if _is_key(key, name)), None)
        return node


def _is_key(key: Node, name: str) -> bool:
    return isinstance(key, ScalarNode) and key.value == name
