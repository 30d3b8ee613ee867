"""``--plain``: the numbered dialogue, with a real executor on fake hosts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kedge.commands import plain
from kedge.i18n import Text
from kedge.model import Status
from tests.tui.sites import AFTER, BEFORE, CONFIG, FakeSite, FakeWorkbench, picture


class Session:
    """An open site and somebody who types."""

    def __init__(self, bench: FakeWorkbench) -> None:
        bench.site = FakeSite(bench)
        self.site: Any = bench.site
        self.site.hosts = SimpleNamespace(retry=lambda: None)
        name = SimpleNamespace(name="plant-7", context="k3s")
        self.site.engine = SimpleNamespace(site=name, store=None, look=self.look)
        self.executor = bench.executor
        self.looks = 0

    async def look(self, costs: object) -> None:
        self.looks += 1

    @asynccontextmanager
    async def within(self, seconds: float) -> AsyncIterator[None]:
        yield


async def talk(scratch: Path, monkeypatch: pytest.MonkeyPatch, *typed: str) -> tuple[FakeWorkbench, Session, str]:
    bench = FakeWorkbench(scratch)
    session = Session(bench)
    answers, said = iter(typed), []

    async def ask(question: Text) -> str:
        said.append(str(question))
        return next(answers, "")

    monkeypatch.setattr(plain, "proposals", lambda finding, registry, store: bench.proposals(finding))
    await plain.Menu(session, None, ask, said.append).run()  # type: ignore[arg-type]
    return bench, session, "\n".join(said)


async def test_the_list_names_causes_only_and_their_consequences_stand_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [(f.code, f.status) for f in plain.broken(picture())] == [("KE206", Status.FAIL)]
    _bench, session, said = await talk(tmp_path, monkeypatch, "7", "r", "1", "b", "q")
    assert "plant-7: 3 failed, 0 warnings, 0 unknown\n1. fail, KE206 on edge1: EdgeStream is disabled on edge1" in said
    assert "7 is not one of the choices" in said
    assert "because of it: fail, KE306 on edge1" in said
    assert "fix 1: Enable EdgeStream and restart edgecore, risk medium" in said
    assert session.looks == 2
    assert "\x1b" not in said


@pytest.mark.parametrize(("answer", "after"), [("yes", AFTER), ("y", BEFORE), ("", BEFORE)])
async def test_only_the_word_yes_applies_what_was_read_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, after: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    bench, _session, said = await talk(tmp_path, monkeypatch, "1", "1", answer, "q")
    assert bench.host.files[CONFIG] == after
    printed = capsys.readouterr()
    assert "+    enable: true" in printed.out
    assert ("Fixed" in printed.out) == (after is AFTER)
    assert ("Nothing needs attention" in said) == (after is AFTER)
