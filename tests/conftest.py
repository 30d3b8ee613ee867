"""Tiers: a test's folder says what it needs, and what this machine cannot run is said aloud, never hidden.

``tests/{unit,replay,lab,tui,real}``: the folder is the tier. A tier that the machine cannot run is skipped with
the reason, and every run ends with a table of tiers. The environment variable ``KEDGE_TIERS`` names tiers that
must run (``KEDGE_TIERS=unit,replay,lab,tui,real`` in continuous integration): a skipped test in a named tier, or
a named tier without a test, fails the run.

No test sees whose machine it runs on: home, configuration, state, locale, time zone and terminal are its own.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import hypothesis
import pytest

HERE = Path(__file__).parent
TIERS = ("unit", "replay", "lab", "tui", "real")
VARIABLE = "KEDGE_TIERS"

REAL_TOOLS = (
    "sshd", "ssh-keygen", "iptables-save", "ip", "tmux", "vim", "less", "bash", "dash", "busybox", "sudo", "openssl",
)  # fmt: skip
"""What the real tier drives; .ci/run installs the packages that hold them."""


# ------------------------------------------------------------------------------------- what this machine can


def _missing_for_lab() -> Iterator[str]:
    for module in ("aiohttp", "asyncssh"):
        if importlib.util.find_spec(module) is None:
            yield f"no Python package {module} (extra lab)"
    if not shutil.which("bash"):
        yield "no bash"


def _missing_for_real() -> Iterator[str]:
    if not sys.platform.startswith("linux"):
        yield f"needs Linux, this is {sys.platform}"
        return
    if os.geteuid() != 0:
        yield "needs root"
    searched = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    absent = [tool for tool in REAL_TOOLS if not shutil.which(tool, path=searched)]
    if absent:
        yield f"not installed: {', '.join(absent)}"
    elif os.geteuid() == 0 and not _can_unshare_network():
        yield "may not make network namespaces"


def _can_unshare_network() -> bool:
    """A container without CAP_SYS_ADMIN is root and still may not."""
    return subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False, timeout=10).returncode == 0


_MISSING: dict[str, Callable[[], Iterator[str]]] = {"lab": _missing_for_lab, "real": _missing_for_real}


@cache
def missing(tier: str) -> str:
    """Why this machine cannot run the tier; empty when it can."""
    reasons = _MISSING.get(tier)
    return "; ".join(reasons()) if reasons else ""


# ------------------------------------------------------------------------------------- whose machine it is

PERSONAL = (
    "KUBECONFIG",
    "SSH_AUTH_SOCK",
    "LANGUAGE",
    "LC_ALL",
    "LC_MESSAGES",
    "NO_COLOR",
    "FORCE_COLOR",
    "COLUMNS",
    "LINES",
)

SNAPSHOTS = "TEXTUAL_SNAPSHOT_TEMPDIR"
"""Set by pytest-textual-snapshot for its workers."""


def _forget_the_machine(config: pytest.Config) -> None:
    """For the whole process, so that fixtures of any scope are covered."""
    home = tempfile.TemporaryDirectory(prefix="kedge-home-")
    config.add_cleanup(home.cleanup)
    ours = (name for name in os.environ if name.startswith(("KEDGE_TUI_", "TEXTUAL")) and name != SNAPSHOTS)
    for name in [*PERSONAL, *ours]:
        os.environ.pop(name, None)
    os.environ.update(HOME=home.name, LANG="C.UTF-8", TZ="UTC", TERM="xterm-256color")
    time.tzset()


@pytest.fixture(autouse=True)
def _own_config_and_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test starts without a config file, an audit log or a history."""
    for name in ("CONFIG", "STATE", "CACHE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / ".xdg" / name.lower()))


# ---------------------------------------------------------------------------------------------- the run


def named_tiers() -> tuple[str, ...]:
    """The tiers that must run, from the environment; raises UsageError for a name that is none."""
    named = tuple(filter(None, (word.strip() for word in os.environ.get(VARIABLE, "").split(","))))
    unknown = [word for word in named if word not in TIERS]
    if unknown:
        raise pytest.UsageError(f"{VARIABLE}: no tier called {', '.join(unknown)}; the tiers are {', '.join(TIERS)}")
    return named


def tier_of(path: Path) -> str:
    """The tier a test file belongs to; empty for one outside the tier folders."""
    parts = path.relative_to(HERE).parts if path.is_relative_to(HERE) else ()
    return parts[0] if parts and parts[0] in TIERS else ""


def group_of(path: Path) -> str:
    """One worker takes a whole file, so that its fixtures are made once; the real tier shares one machine."""
    return "real" if tier_of(path) == "real" else str(path.relative_to(HERE))


def without_group(nodeid: str, root: Path) -> str:
    """A test's name as it is without workers: xdist adds the group to what its workers report."""
    path = root / nodeid.partition("::")[0]
    return nodeid.removesuffix(f"@{group_of(path)}") if tier_of(path) else nodeid


def pytest_configure(config: pytest.Config) -> None:
    named_tiers()
    _forget_the_machine(config)
    # A busy machine is slow, not wrong: pytest-timeout guards against hanging.
    # Continuous integration tries the same examples every time; new ones are found where somebody looks at them.
    hypothesis.settings.register_profile("steady", deadline=None, derandomize="CI" in os.environ)
    hypothesis.settings.load_profile("steady")
    if not hasattr(config, "workerinput"):  # not inside an xdist worker
        config.pluginmanager.register(TierReport(config), "kedge-tiers")


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        tier = tier_of(item.path)
        if not tier:
            raise pytest.UsageError(f"{item.nodeid} is in no tier: put it into tests/{{{','.join(TIERS)}}}")
        item.add_marker(getattr(pytest.mark, tier))
        item.add_marker(pytest.mark.xdist_group(group_of(item.path)))
        if why := missing(tier):
            item.add_marker(pytest.mark.skip(reason=f"tier {tier}: {why}"))


class TierReport:
    """Counts outcomes by tier and fails the run for what was named and did not run."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._named = named_tiers()
        self._counts: dict[str, Counter[str]] = {tier: Counter() for tier in TIERS}
        self._complaints: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self._count(report.nodeid, report.outcome)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.outcome != "passed":  # a module that skips or breaks as a whole
            self._count(report.nodeid, report.outcome)

    def _count(self, nodeid: str, outcome: str) -> None:
        if tier := tier_of(self._config.rootpath / nodeid.partition("::")[0]):
            self._counts[tier][outcome] += 1

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._config.option.collectonly:
            return
        for tier in self._named:
            counts = self._counts[tier]
            if counts["skipped"]:
                why = missing(tier) or "see the skip reasons above"
                self._complaints.append(f"tier {tier} must run ({VARIABLE}), {counts['skipped']} skipped: {why}")
            elif not counts:
                self._complaints.append(f"tier {tier} must run ({VARIABLE}), but no test of it was collected")
        whole = session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        self._name_the_failed_for_a_run_without_workers(whole)
        if self._complaints and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _name_the_failed_for_a_run_without_workers(self, whole: bool) -> None:
        """Else ``--last-failed`` in one process finds no test of the names that the workers reported.

        A run that broke off leaves none: those that failed until then would stand for tests that never ran.
        """
        cache = getattr(self._config, "cache", None)  # absent where the plugin is switched off
        if cache is not None:
            failed = cache.get("cache/lastfailed", {}) if whole else {}
            cache.set("cache/lastfailed", {without_group(one, self._config.rootpath): True for one in failed})

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("tiers")
        for tier in TIERS:
            terminalreporter.write_line(f"{tier:<8}{self._line(tier)}")
        for complaint in self._complaints:
            terminalreporter.write_line(f"FAILED: {complaint}", red=True)

    def _line(self, tier: str) -> str:
        counts = self._counts[tier]
        words = [f"{counts[outcome]} {outcome}" for outcome in ("passed", "failed", "skipped") if counts[outcome]]
        if why := missing(tier):
            words.append(f"this machine cannot run it: {why}")
        return ", ".join(words) or "not asked for"
