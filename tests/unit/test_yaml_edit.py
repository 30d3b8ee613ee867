"""Surgical YAML edits: what changes, what stays, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from kedge.yaml_edit import BOM, YamlEditError, apply_splices, edit, scalar, values

RECORDINGS = Path(__file__).parent.parent / "recordings"


def recorded_edgecore() -> bytes:
    answers = json.loads((RECORDINGS / "edgestream-disabled" / "host-edge1.json").read_text())
    return next(a["out"] for a in answers if a["cmd"] == "cat /etc/kubeedge/config/edgecore.yaml").encode()


def changed_lines(before: bytes, after: bytes) -> list[tuple[bytes, bytes]]:
    old, new = before.split(b"\n"), after.split(b"\n")
    assert len(old) == len(new)
    return [(a, b) for a, b in zip(old, new, strict=True) if a != b]


def test_a_recorded_edgecore_yaml_changes_on_one_line() -> None:
    before = recorded_edgecore()
    after = edit(before, [("modules.edgeStream.enable", True)]).after
    assert changed_lines(before, after) == [(b"    enable: false", b"    enable: true")]
    assert yaml.safe_load(after)["modules"]["edgeStream"]["enable"] is True


def test_the_inverse_gives_the_same_bytes() -> None:
    before = recorded_edgecore()
    changes = [
        ("modules.edgeStream.enable", True),
        ("modules.edgeStream.server", "cloud.example:30004"),
        ("modules.new.x", 1),
    ]
    edited = edit(before, changes)
    assert edited.after != before
    assert apply_splices(edited.after, edited.inverse) == before


def test_a_value_that_is_there_already_changes_nothing() -> None:
    before = recorded_edgecore()
    assert edit(before, [("modules.edgeStream.enable", False)]).splices == ()


@pytest.mark.parametrize(
    ("before", "path", "value", "after"),
    [
        pytest.param(b"a: 1  # why\nb: 2\n", "a", 3, b"a: 3  # why\nb: 2\n", id="comment"),
        pytest.param(b"a: 1\r\nb: 2\r\n", "b", 3, b"a: 1\r\nb: 3\r\n", id="crlf"),
        pytest.param(b"a: 1\r\nb: 2\r\n", "c", 3, b"a: 1\r\nb: 2\r\nc: 3\r\n", id="crlf-insert"),
        pytest.param(b"a: 1\nb: 2", "b", 3, b"a: 1\nb: 3", id="no-last-newline"),
        pytest.param(b"a: 1\nb: 2", "c", 3, b"a: 1\nb: 2\nc: 3", id="no-last-newline-insert"),
        pytest.param(BOM.encode() + b"a: 1\n", "a", 2, BOM.encode() + b"a: 2\n", id="byte-order-mark"),
        pytest.param(b"a: 'x'\n", "a", "it's", b"a: 'it''s'\n", id="single-quotes"),
        pytest.param(b'a: "x"\n', "a", 'say "y"', b'a: "say \\"y\\""\n', id="double-quotes"),
        pytest.param(b"a: 'false'\n", "a", True, b"a: true\n", id="text-becomes-bool"),
        pytest.param(b"a:   # nothing yet\nb: 1\n", "a", True, b"a: true   # nothing yet\nb: 1\n", id="empty-value"),
        pytest.param(b"m: {a: 1, b: 2}\n", "m.b", 3, b"m: {a: 1, b: 3}\n", id="set-inside-braces"),
        pytest.param(b"m:\n    a: 1\nz: 1\n", "m.b", 2, b"m:\n    a: 1\n    b: 2\nz: 1\n", id="own-indent"),
        pytest.param(
            b"m:\n  a: 1\n  # of z\nz: 1\n", "m.b", 2, b"m:\n  a: 1\n  b: 2\n  # of z\nz: 1\n", id="before-comment"
        ),
        pytest.param(b"m:  # c\nz: 1\n", "m.x.b", 2, b"m:  # c\n  x:\n    b: 2\nz: 1\n", id="below-an-empty-key"),
        pytest.param(b"m: ~  # c\nz: 1\n", "m.b", 2, b"m:  # c\n  b: 2\nz: 1\n", id="below-a-null"),
        pytest.param(
            b"m:\n  l:\n  - 1\n  - 2\nz: 1\n", "m.b", 2, b"m:\n  l:\n  - 1\n  - 2\n  b: 2\nz: 1\n", id="behind-a-list"
        ),
        pytest.param(b"t: |\n  x\n\n# end\n", "b", 2, b"t: |\n  x\n\nb: 2\n# end\n", id="behind-a-block"),
        pytest.param(b"e:\n  x.y: 1%\n", "e.x\\.y", "2%", b'e:\n  x.y: "2%"\n', id="dot-inside-a-key"),
        pytest.param(b"---\na: 1\n...\n", "a", 2, b"---\na: 2\n...\n", id="document-markers"),
        pytest.param(b"a: &x 1\nb: *x\nc: 2\n", "c", 3, b"a: &x 1\nb: *x\nc: 3\n", id="anchor-elsewhere"),
        pytest.param("名: 值\na: 1\n".encode(), "a", 2, "名: 值\na: 2\n".encode(), id="other-scripts"),
    ],
)
def test_only_the_intended_place_changes(before: bytes, path: str, value: str | int, after: bytes) -> None:
    edited = edit(before, [(path, value)])
    assert edited.after == after
    assert apply_splices(edited.after, edited.inverse) == before


@pytest.mark.parametrize(
    ("data", "path", "line", "words"),
    [
        pytest.param(b"a: [1\nb: 2\n", "b", 2, "does not parse", id="broken"),
        pytest.param(b"a: 1\n---\nb: 2\n", "b", 2, "another document", id="two-documents"),
        pytest.param(b"a: 1\nb: 2\na: 3\n", "b", 3, "stands twice", id="duplicate-key"),
        pytest.param(b"a: &x {k: 1}\nb: *x\n", "b.k", 1, "anchor", id="alias-on-the-path"),
        pytest.param(b"a: &x 1\nb: *x\n", "a", 1, "anchor", id="anchored-value"),
        pytest.param(b"d: &d {x: 1}\nm:\n  <<: *d\n  y: 2\n", "m.y", 3, "<<", id="merge-key"),
        pytest.param(b"m: {a: 1}\n", "m.b", 1, "braces", id="insert-into-braces"),
        pytest.param(b"m:\n- a\n", "m.b", 2, "not a mapping", id="through-a-list"),
        pytest.param(b"m:\n- a\n", "m", 2, "not a single plain value", id="list-by-value"),
        pytest.param(b"m: |\n  x\n", "m", 1, "not a single plain value", id="block-by-value"),
        pytest.param(b"- a\n", "m", 0, "not a YAML mapping", id="a-list"),
        pytest.param(b"", "m", 0, "not a YAML mapping", id="empty"),
        pytest.param(b"a: 1\nb: \xff\n", "a", 2, "not UTF-8", id="latin-1"),
        pytest.param(b"a: !!python/object:os.system {}\n", "a", 1, "does not parse", id="python-tag"),
        pytest.param(b"t: |\n  x", "b", 0, "without changing more", id="would-change-a-neighbour"),
    ],
)
def test_what_cannot_be_edited_safely_is_refused_with_its_place(data: bytes, path: str, line: int, words: str) -> None:
    with pytest.raises(YamlEditError, match=words) as caught:
        edit(data, [(path, 1)])
    assert caught.value.line == line


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "on",
        "y",
        "null",
        "~",
        "10",
        "1.5",
        "0x1F",
        "1e3",
        "0o14",
        "1:20",
        "a: b",
        "a #b",
        "",
        " a",
        "a:",
        "-",
        "*x",
        "&x",
        "{a",
        "2001-01-01",
        "a\nb",
        "\u2028",
        "\U00010b9d",
        '"',
        "\\",
    ],
)
def test_text_that_other_parsers_take_for_something_else_is_quoted(text: str) -> None:
    assert scalar(text)[0] == '"'
    assert yaml.safe_load(scalar(text)) == text


@pytest.mark.parametrize("text", ["10.99.0.10:10004", "cloud.example:30004", "/etc/kubeedge/ca", "edge-1"])
def test_addresses_and_paths_stay_plain(text: str) -> None:
    assert scalar(text) == text


def test_values_are_read_by_path_and_absent_ones_are_none() -> None:
    assert values(b"m:\n  a: true\n  n:\n", ["m.a", "m.n", "m.n.x", "q", "m.a.b"]) == {
        "m.a": True,
        "m.n": None,
        "m.n.x": None,
        "q": None,
        "m.a.b": None,
    }


def test_splices_that_no_longer_fit_are_refused() -> None:
    edited = edit(b"a: 1\nb: 2\n", [("b", 3)])
    with pytest.raises(YamlEditError, match="no longer there"):
        apply_splices(b"a: 10\nb: 3\n", edited.inverse)
