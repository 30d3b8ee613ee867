"""Small files and small functions: past the wall, the design is telling something."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("kedge", "tui", "checks", "fixes", "lab")
FILE_WALL = 600
FUNCTION_WALL = 50
MEDIAN_WALL = 120


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    """Every function of a file with its length, docstring not counted: explaining is never too long."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if ast.get_docstring(node) is not None:
                docstring = node.body[0]
                length -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
            yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", length


@pytest.mark.parametrize("folder", [*PACKAGES, "tests", "bench"])
def test_no_file_is_longer_than_the_wall(folder: str) -> None:
    too_long = {str(p.relative_to(ROOT)): n for p in (ROOT / folder).rglob("*.py") if (n := _lines(p)) > FILE_WALL}
    assert not too_long


@pytest.mark.parametrize("package", PACKAGES)
def test_no_function_is_longer_than_the_wall(package: str) -> None:
    functions = (found for path in (ROOT / package).rglob("*.py") for found in _functions(path))
    assert not {name: length for name, length in functions if length > FUNCTION_WALL}


def test_the_median_file_is_short() -> None:
    lengths = [n for package in PACKAGES for p in (ROOT / package).rglob("*.py") if (n := _lines(p)) > 1]
    assert statistics.median(lengths) <= MEDIAN_WALL, f"{len(lengths)} files, longest {max(lengths)}"
