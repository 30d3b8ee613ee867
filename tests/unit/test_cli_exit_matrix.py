"""The exit codes that do not come from a look alone: the same in every format, with a document or a sentence."""

from __future__ import annotations

import atexit
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from kedge import cli
from kedge.commands import check as check_command
from kedge.commands import verify as verify_command
from kedge.commands.change import Change
from kedge.commands.looks import Look
from kedge.commands.pod_tests import PodTest, Stopped
from kedge.commands.repair import run_change
from kedge.commands.verify import Seen
from kedge.exit_codes import Exit
from kedge.i18n import Text, _
from kedge.model import Status
from kedge.report_formats import FORMATS
from tests.unit.test_cli_exit_codes import VALID, look
from tests.unit.test_eight_points import picture

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the program from its entry point to the exit code that the shell is told."""
    monkeypatch.setattr(os, "_exit", sys.exit)
    monkeypatch.setattr(atexit, "_run_exitfuncs", lambda: None)
    monkeypatch.setattr(cli, "obey", lambda: None)

    def ran(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["kedge-tui", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    return ran


def fails(error: BaseException) -> Callable[..., Any]:
    """Something that ends like this."""

    def fail(*_words: Any, **_options: Any) -> Any:
        raise error

    return fail


# ------------------------------------------------------------------------------------------------- verify

WORKS = picture("edge1")
BROKEN = picture("edge1", KE501_edge1=Status.FAIL)
UNTESTED = picture("edge1", KE502_edge1=Status.SKIP)
VERIFIED: dict[str, tuple[Seen, Exit]] = {
    "all works": (Seen(Look(WORKS)), Exit.OK),
    "one fails": (Seen(Look(BROKEN)), Exit.FAILURE),
    "one was not tested": (Seen(Look(UNTESTED)), Exit.UNJUDGED),
    "time was up": (Seen(Look(UNTESTED, complete=False)), Exit.UNJUDGED),
    "no edge at all": (Seen(Look(picture())), Exit.UNJUDGED),
    "a pod proved it": (Seen(Look(UNTESTED), (PodTest("edge1", True, _("it works")),)), Exit.OK),
    "a pod did not work": (Seen(Look(WORKS), (PodTest("edge1", False, _("nothing came")),)), Exit.FAILURE),
}


@pytest.mark.parametrize("output", sorted(FORMATS))
@pytest.mark.parametrize("situation", VERIFIED)
def test_verify_ends_the_same_in_every_format(
    monkeypatch: pytest.MonkeyPatch, run: Run, situation: str, output: str
) -> None:
    seen, code = VERIFIED[situation]

    async def look_at(*_words: Any) -> Seen:
        return seen

    monkeypatch.setattr(verify_command, "_seen", look_at)
    ended, out, err = run("verify", "-o", output)
    assert ended == code
    assert ("not everything answered within 120 s" in err) is not seen.look.complete
    VALID.get(output, str)(out)


# ------------------------------------------------------------------------------------- no report, but a sentence

GONE = "/nonexistent/kubeconfig"
ENDS: dict[str, tuple[BaseException | tuple[str, ...], Exit, str]] = {
    "interrupted": (KeyboardInterrupt(), Exit.INTERRUPTED, "Interrupted before the end; nothing was changed"),
    "a bug": (KeyError("edge1"), Exit.INTERNAL, "something in kedge-tui failed: KeyError: 'edge1'"),
    "a full disk": (OSError(28, "No space left on device", "/tmp/x"), Exit.INTERNAL, "/tmp/x: No space left on device"),
    "no such site": (("--site", "nope"), Exit.USAGE, "There is no site nope"),
    "no such config": (("--config", "/nonexistent"), Exit.USAGE, "/nonexistent does not exist"),
    "no such kubeconfig": (("--kubeconfig", GONE), Exit.USAGE, f"{GONE}: this kubeconfig does not exist"),
    "bad duration": (("--timeout", "soon"), Exit.USAGE, "soon"),
}


@pytest.mark.parametrize("output", sorted(FORMATS))
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("command", ["check", "verify"])
def test_without_a_report_there_is_no_document_in_any_format(
    monkeypatch: pytest.MonkeyPatch, run: Run, command: str, end: str, output: str
) -> None:
    what, code, sentence = ENDS[end]
    if isinstance(what, BaseException):
        monkeypatch.setattr(check_command, "_live", fails(what))
        monkeypatch.setattr(verify_command, "_seen", fails(what))
    words = what if isinstance(what, tuple) else ()
    ended, out, err = run(command, *words, "-o", output)
    assert (ended, out) == (code, "")
    assert sentence in err
    assert "Traceback" not in err


def test_test_pods_that_are_left_are_named(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.setattr(verify_command, "_seen", fails(Stopped(["edge1"])))
    ended, out, err = run("verify", "--deploy-test-pod", "-o", "json")
    assert (ended, out) == (Exit.INTERRUPTED, "")
    assert "the test pod of edge1 could not be taken away" in err


def test_a_report_that_nobody_reads_to_its_end_is_no_failure(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.setattr(check_command, "_live", lambda *_words: look(complete=True))
    monkeypatch.setattr(click, "echo", fails(BrokenPipeError(32, "Broken pipe")))
    assert run("check") == (Exit.UNJUDGED, "", "")


# -------------------------------------------------------------------------------------------------- changes

CHANGED: dict[str, tuple[Exit, Text]] = {
    "fixed": (Exit.OK, _("KE206 is green")),
    "refused": (Exit.FAILURE, _("it changed since it was shown")),
    "not judged": (Exit.UNJUDGED, _("whether it is needed is not known")),
    "not verified": (Exit.NOT_VERIFIED, _("applied; KE206 is still red")),
    "only shown": (Exit.NOT_APPLIED, _("Nothing was changed")),
    "stopped": (Exit.INTERRUPTED, _("Stopped as asked")),
}


@pytest.mark.parametrize("output", ["json", "table"])
@pytest.mark.parametrize("end", CHANGED)
def test_a_change_ends_the_same_in_every_format(capsys: pytest.CaptureFixture[str], end: str, output: str) -> None:
    code, text = CHANGED[end]

    async def change() -> Change:
        return Change("fix", "mend", target="edge1").ended(code, text)

    with pytest.raises(SystemExit) as ended:
        run_change(change(), output)
    assert ended.value.code == code
    out, err = capsys.readouterr()
    if output == "json":
        assert (json.loads(out)["exitCode"], json.loads(out)["message"]) == (code, str(text))
    else:
        assert (out, err) == ("", f"{text}\n")


def test_every_code_of_the_contract_is_held_by_some_test() -> None:
    text = Path(__file__).read_text() + Path(__file__).with_name("test_cli_exit_codes.py").read_text()
    assert [code.name for code in Exit if f"Exit.{code.name}" not in text] == []
