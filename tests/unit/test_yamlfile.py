"""Configuration files as EdgeCore reads them, with the place of every mistake."""

from __future__ import annotations

import contextlib
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.probes.yamlfile import YamlError, YamlFile

CONFIG = textwrap.dedent(
    """\
    # edgecore.yaml
    apiVersion: edgecore.config.kubeedge.io/v1alpha2
    modules:
      edgeStream:
        enable: false   # off
        server: 10.99.0.10:10004
        readDeadline: 15
      edgeHub:
        token: ""
        dns: [a, b]
    """
)


def test_values_come_with_their_lines() -> None:
    file = YamlFile(CONFIG)
    assert file.boolean("modules.edgeStream.enable", True) is False
    assert file.line("modules.edgeStream.enable") == 5
    assert file.text("modules.edgeStream.server") == "10.99.0.10:10004"
    assert file.line("modules.edgeStream.server") == 6
    assert file.number("modules.edgeStream.readDeadline", 1) == 15
    assert file.texts("modules.edgeHub.dns") == ("a", "b")
    assert file.text("modules.edgeHub.token", "none") == ""


def test_what_is_absent_gives_the_default_and_no_line() -> None:
    file = YamlFile("modules:\n  edged:\n  edgeStream: {enable: }\n")
    assert file.boolean("modules.edgeStream.enable", True) is True
    assert file.number("modules.edged.port", 7) == 7
    assert file.text("modules.edgeStream.enable.deeper", "none") == "none"
    assert file.line("modules.nothing") == 0
    assert file.has("modules.edged")
    assert not file.has("modules.edged.port")


@pytest.mark.parametrize("word", ["yes", "on", "True", "TRUE", "y"])
def test_booleans_are_those_of_yaml_1_1(word: str) -> None:
    assert YamlFile(f"enable: {word}").boolean("enable", False) is True
    assert YamlFile("enable: No").boolean("enable", True) is False


@pytest.mark.parametrize("value", ['"true"', "enabled", "1", "'on'"])
def test_what_is_no_boolean_is_refused_at_its_place(value: str) -> None:
    with pytest.raises(YamlError, match="must be true or false") as caught:
        YamlFile(f"a:\n  enable: {value}").boolean("a.enable", False)
    assert (caught.value.line, caught.value.column) == (2, 11)


def test_keys_match_in_any_case_as_in_go() -> None:
    file = YamlFile("Modules:\n  edgestream:\n    Enable: true\n")
    assert file.boolean("modules.edgeStream.enable", False) is True
    assert file.line("modules.edgeStream.enable") == 3


def test_the_very_key_wins_over_one_that_differs_in_case() -> None:
    assert YamlFile("ENABLE: false\nenable: true\n").boolean("enable", False) is True


def test_anchors_and_merges_are_read() -> None:
    file = YamlFile("base: &b {enable: true}\nstream:\n  <<: *b\n  server: x\nother: *b\n")
    assert file.boolean("stream.enable", False) is True
    assert file.boolean("other.enable", False) is True
    assert file.line("stream.enable") == 1


@pytest.mark.parametrize(
    ("text", "words", "line", "column"),
    [
        ("", "empty", 0, 0),
        ("\n# only a comment\n", "empty", 0, 0),
        ("just words", "no mapping", 1, 1),
        ("- a\n- b\n", "no mapping", 1, 1),
        ("a: 1\nb: 2\na: 3\n", "the key a is given twice, first in line 1", 3, 1),
        ("m:\n  a: 1\n  a: 2\n", "given twice", 3, 3),
        ("a: 1\n---\nb: 2\n", "document", 2, 1),
        ("modules:\n\tedgeStream:\n", "tab", 2, 1),
        ("a: [1, 2", "did not find|expected", 2, 1),
        ("modules:\n  edgeStream:\n    enable: tr\n  edg", "could not find", 5, 1),
        ('a: 1\nb: "cut', "unexpected end", 2, 8),
        ("a: 1\nb: \x00\n", "character", 2, 4),
        ("a: *nowhere\n", "alias", 1, 4),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, words: str, line: int, column: int) -> None:
    with pytest.raises(YamlError, match=words) as caught:
        YamlFile(text)
    assert caught.value.line == line
    assert caught.value.column == column


def test_a_byte_order_mark_is_no_mistake() -> None:
    assert YamlFile("\ufeffenable: true\n").boolean("enable", False) is True


@pytest.mark.parametrize("text", ["[" * 200_000, "a: " + "{b: " * 5_000, "- " * 3_000])
def test_a_file_of_brackets_ends_nothing(text: str) -> None:
    with pytest.raises(YamlError, match="nested deeper"):
        YamlFile(text)


def test_aliases_that_multiply_cost_nothing() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 40)]
    assert YamlFile("\n".join(lines) + "\nenable: true\n").boolean("enable", False) is True


def test_an_alias_of_itself_is_read_without_end() -> None:
    assert YamlFile("a: &a\n  <<: *a\n  b: 1\n").text("a.c", "none") == "none"


@given(st.text(st.sampled_from("ab:-[]{}&*!|>'\"%@#, \n\t<") | st.characters(), max_size=60))
def test_no_text_does_worse_than_a_yaml_error(text: str) -> None:
    with contextlib.suppress(YamlError):
        file = YamlFile(text)
        file.text("a.b")
        file.boolean("a", default=True)
        file.number("a", 1)
