"""The first start: kubeconfigs that are there, and a file of the user's own that is written once."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from kedge.config import ConfigFileError, parse
from kedge.first_start import Answers, config_text, found_configs, try_login, write_config
from kedge.prompter import RefusingPrompter

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: second
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {}}]
contexts:
- {name: first, context: {cluster: c, user: u}}
- {name: second, context: {cluster: c, user: u}}
"""


def test_what_is_usable_comes_first_and_other_files_are_passed_by(tmp_path: Path) -> None:
    folder = tmp_path / ".kube"
    folder.mkdir()
    (folder / "config").write_text("a: [", encoding="utf-8")
    (folder / "plant.yaml").write_text(KUBECONFIG, encoding="utf-8")
    (folder / "notes.yaml").write_text("just: notes", encoding="utf-8")
    (folder / "cache").mkdir()
    found = [one for one in found_configs({}, tmp_path) if tmp_path in one.path.parents]
    assert [one.path.name for one in found] == ["plant.yaml", "config"]
    assert found[0].contexts == ("second", "first")
    assert found[1].problem is not None
    named = found_configs({"KUBECONFIG": str(folder / "notes.yaml")}, tmp_path / "nobody")
    assert all(one.path.name != "notes.yaml" or one.problem for one in named)


def test_the_file_says_what_was_answered_and_is_read_back() -> None:
    answers = Answers("plant-7", "~/.kube/plant.yaml", "k3s", "oncall", "bastion", "edge1", "10.0.0.9")
    config = parse(config_text(answers), Path("config.yaml"))
    site = config.sites["plant-7"]
    assert config.warnings == ()
    assert (site.kubeconfig, site.context, site.ssh.user, site.ssh.jump) == (
        "~/.kube/plant.yaml", "k3s", "oncall", "bastion",
    )  # fmt: skip
    assert site.host("edge1").address == "10.0.0.9"
    hostile = parse(config_text(Answers("a: {b}", user="x\n- y")), Path("config.yaml"))
    assert hostile.sites["a: {b}"].ssh.user == "x\n- y"


def test_a_file_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.yaml"
    write_config(path, config_text(Answers()))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(ConfigFileError, match="is there already"):
        write_config(path, "sites: {}")
    assert path.read_text(encoding="utf-8") == config_text(Answers())
    with pytest.raises(ConfigFileError, match="cannot be written"):
        write_config(path / "below", config_text(Answers()))


async def test_a_login_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "Name an edge" in str(await try_login(Answers(), RefusingPrompter()))
    said = str(await try_login(Answers(edge="edge1", address="127.0.0.1", jump="127.0.0.1:1"), RefusingPrompter()))
    assert "127.0.0.1" in said
