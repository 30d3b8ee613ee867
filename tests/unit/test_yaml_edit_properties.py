"""Any tree of the shape of an edgecore.yaml: one path changes, nothing else, and the way back gives the same bytes."""

from __future__ import annotations

import copy
import string
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kedge.yaml_edit import apply_splices, edit, same

KEYS = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=8)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)
SCALARS = st.one_of(st.booleans(), st.integers(-9999, 99999), TEXTS)
VALUES = st.one_of(st.booleans(), st.integers(-9999, 99999), TEXTS, st.floats(-1e6, 1e6).map(lambda x: round(x, 3)))
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.dictionaries(KEYS, inner, min_size=1, max_size=4), st.lists(SCALARS, max_size=3)),
    max_leaves=8,
)
FILES = st.dictionaries(KEYS, TREES, min_size=1, max_size=5)
COMMENTS = st.lists(st.sampled_from(["", "# plain", "  # with: colon"]), min_size=1, max_size=4)


def leaves(tree: dict[str, Any], prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for key, value in tree.items():
        found += leaves(value, (*prefix, key)) if isinstance(value, dict) else [(*prefix, key)]
    return found


def mappings(tree: dict[str, Any], prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    return [prefix] + [m for k, v in tree.items() if isinstance(v, dict) for m in mappings(v, (*prefix, k))]


def put(tree: dict[str, Any], path: tuple[str, ...], value: object) -> dict[str, Any]:
    tree = copy.deepcopy(tree)
    inner = tree
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return tree


def written(tree: dict[str, Any], comments: list[str], newline: str, last: bool) -> bytes:
    """The tree as a person's file: comment lines between the lines of top-level keys."""
    lines: list[str] = []
    for index, (key, value) in enumerate(tree.items()):
        lines += yaml.safe_dump({key: value}, allow_unicode=True, default_flow_style=False, width=10_000).splitlines()
        lines.append(comments[index % len(comments)])
    return (newline.join(lines) + (newline if last else "")).encode()


ANY_FILE = st.tuples(FILES, COMMENTS, st.sampled_from(["\n", "\r\n"]), st.booleans())


@settings(max_examples=60, deadline=None)
@given(ANY_FILE, VALUES, st.data())
def test_setting_one_value(file: tuple[Any, list[str], str, bool], value: Any, data: st.DataObject) -> None:
    tree, before = file[0], written(*file)
    read = yaml.safe_load(before)
    path = data.draw(st.sampled_from(leaves(tree)))
    if isinstance(put(tree, path, None), dict) and isinstance(_at(read, path), list):
        return  # a list is refused, which the examples test
    edited = edit(before, [(".".join(path), value)])
    assert same(yaml.safe_load(edited.after), put(read, path, value))
    assert apply_splices(edited.after, edited.inverse) == before
    comments = [line for line in before.splitlines() if line.strip().startswith(b"#")]
    assert [line for line in edited.after.splitlines() if line.strip().startswith(b"#")] == comments


@settings(max_examples=60, deadline=None)
@given(ANY_FILE, KEYS, VALUES, st.data())
def test_inserting_one_key(file: tuple[Any, list[str], str, bool], key: str, value: Any, data: st.DataObject) -> None:
    tree, before = file[0], written(*file)
    read = yaml.safe_load(before)
    parent = data.draw(st.sampled_from(mappings(tree)))
    path = (*parent, f"new-{key}")
    edited = edit(before, [(".".join(path), value)])
    assert same(yaml.safe_load(edited.after), put(read, path, value))
    assert apply_splices(edited.after, edited.inverse) == before
    assert edited.after.endswith((b"\n", b"\r\n")) == before.endswith((b"\n", b"\r\n"))


def _at(tree: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree
