"""What the documentation shows works, and what it points at is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kedge.model import Status

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!\w+://|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_example_plugin_is_a_check_and_its_example_test_passes() -> None:
    page = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    module: dict[str, object] = {"__name__": "plant_checks", "Status": Status}
    source = next(block for block in blocks if '@check("PLANT1"' in block)
    test = next(block for block in blocks if "def test_docker_is_named" in block)
    exec(compile(source + test, "docs/plugins.md", "exec"), module)  # noqa: S102 - our own documentation
    run = module["test_docker_is_named"]
    assert callable(run)
    run()
