"""docs/checks.md says of every check what it means, how to see it by hand and what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kedge.explain import explanation, sections
from kedge.plugins import Registry
from kedge.registry import discover

DOCUMENT = Path(__file__).parents[2] / "docs" / "checks.md"


@pytest.fixture(scope="module")
def registry() -> Registry:
    return discover()


def headings() -> list[tuple[str, str]]:
    return re.findall(r"^## (KE\d{3}) (.+)$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)


def test_every_code_has_its_section_under_its_title_in_order(registry: Registry) -> None:
    assert headings() == [(check.code, str(check.title)) for check in registry.checks]


def test_it_is_the_only_document_of_checks() -> None:
    assert [file.name for file in DOCUMENT.parent.glob("checks*.md")] == [DOCUMENT.name]
    assert len(sections()) == len(headings())


@pytest.mark.parametrize("code", [code for code, _title in headings()])
def test_a_section_tells_what_to_type_and_what_to_do(code: str) -> None:
    text = explanation(code)
    meaning = text.partition("*By hand:*")[0]
    assert len(meaning.split()) > 15
    assert re.search(r"\*By hand:\*[^*]*`[^`]+`", text)
    assert re.search(r"\*Do:\* \S+ \S+", text) or "*Do:* `" in text


def test_what_a_section_points_at_exists(registry: Registry) -> None:
    codes = {check.code for check in registry.checks}
    for code, text in sections().items():
        assert set(re.findall(r"KE\d{3}", text)) <= codes, code


def test_fixes_of_a_check_are_named_in_its_section(registry: Registry) -> None:
    """Whoever reads it learns the names that the screen offers."""
    installed = {fix.id for fix in registry.fixes}
    missing = {
        (check.code, fix)
        for check in registry.checks
        for fix in check.fixes
        if fix in installed and f"`{fix}`" not in explanation(check.code)
    }
    assert missing == set()


def test_sources_are_those_of_the_table() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    named = set(re.findall(r"\[(\d+(?:\.\d+)?)\]", re.sub(r"`[^`]*`", "", text)))
    rows = re.findall(r"^\| ([\d., to]+) \|", text, re.MULTILINE)
    known = {number for row in rows for number in re.findall(r"\d+(?:\.\d+)?", row)}
    spans = {f"{whole}.{n}" for whole, last in (("0", 10), ("4", 4), ("6", 5)) for n in range(1, last + 1)}
    assert named <= known | spans
