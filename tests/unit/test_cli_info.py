"""info: every path and setting with its origin, and what is wrong, without dialling anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kedge.cli import COMMANDS, cli
from kedge.commands.info import command

KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://ann:secret@10.0.0.1:6443", insecure-skip-tls-verify: true}}]
users: [{name: u, user: {token: very-secret}}]
contexts: [{name: k3s, context: {cluster: c, user: u}}, {name: other, context: {cluster: c, user: u}}]
current-context: other
"""
CONFIG = """\
sites:
  plant-7:
    kubeconfig: {kubeconfig}
    context: k3s
    readOnly: true
    ssh: {{user: oncall}}
    hosts: [{{match: "edge*", roles: [edge]}}]
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    (tmp_path / "config.yaml").write_text(CONFIG.format(kubeconfig=tmp_path / "kubeconfig"))
    return tmp_path


def info(*words: str) -> tuple[int, dict[str, Any]]:
    ran = CliRunner().invoke(command, ["-o", "json", *words])
    return ran.exit_code, json.loads(ran.stdout)


def test_paths_site_and_settings_name_their_origin(files: Path) -> None:
    code, found = info("--config", str(files / "config.yaml"))
    assert code == 0
    assert found["paths"]["config"] == {"value": str(files / "config.yaml"), "origin": "flag"}
    assert found["paths"]["kubeconfig"] == {"value": str(files / "kubeconfig"), "origin": "file"}
    assert found["site"]["name"] == {"value": "plant-7", "origin": "file"}
    assert found["site"]["context"] == {"value": "k3s", "origin": "file"}
    assert found["settings"]["readOnly"] == {"value": "true", "origin": "file"}
    assert found["settings"]["ssh.user"] == {"value": "oncall", "origin": "file"}
    assert found["settings"]["ssh.jump"] == {"value": "-", "origin": "default"}
    assert found["settings"]["hosts[edge*]"]["value"] == 'roles: ["edge"]'


def test_flags_and_environment_win(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEDGE_TUI_CONFIG", str(files / "config.yaml"))
    _code, found = info("--context", "other", "--site", "plant-7", "--no-ssh")
    assert found["paths"]["config"]["origin"] == "environment"
    assert found["site"]["context"] == {"value": "other", "origin": "flag"}
    assert found["settings"]["ssh.enable"] == {"value": "false", "origin": "flag"}


def test_cluster_user_and_impersonation_are_kubectls_flags(files: Path) -> None:
    (files / "kubeconfig").write_text(KUBECONFIG.replace("users: [", "users: [{name: v, user: {token: x}}, "))
    words = (
        "--kubeconfig",
        str(files / "kubeconfig"),
        "--user",
        "v",
        "--as",
        "ann",
        "--as-group",
        "a",
        "--as-group",
        "b",
    )
    code, found = info(*words)
    assert code == 0
    assert found["site"]["user"] == {"value": "v", "origin": "flag"}
    assert found["site"]["impersonating"] == {"value": "ann, a, b", "origin": "flag"}
    code, found = info("--kubeconfig", str(files / "kubeconfig"), "--cluster", "none")
    assert code == 2
    assert "no such cluster none" in found["problems"][0]


def test_no_secret_is_shown(files: Path) -> None:
    for words in (["-o", "json"], []):
        shown = CliRunner().invoke(command, ["--config", str(files / "config.yaml"), *words]).stdout
        assert "https://10.0.0.1:6443 (certificate not verified)" in shown
        assert "very-secret" not in shown
        assert "ann:secret" not in shown


def test_what_is_wrong_is_said_and_the_rest_is_shown(files: Path) -> None:
    code, found = info("--config", str(files / "config.yaml"), "--site", "plant-7", "--context", "nope")
    assert code == 2
    assert found["problems"][0].startswith("no such context nope in ")
    assert found["site"]["name"]["value"] == "plant-7"
    code, found = info("--config", str(files / "none.yaml"))
    assert (code, found["paths"]["config"]["origin"]) == (2, "flag, no such file")
    assert found["plugins"]["checks"] > 20


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_and_the_summary_of_the_table(name: str) -> None:
    ran = CliRunner().invoke(cli, [name, "--help"])
    assert ran.exit_code == 0
    assert "Usage:" in ran.stdout


@pytest.mark.parametrize(
    ("words", "offered"),
    [("kedge-tui che", "check"), ("kedge-tui check -o ju", "junit"), ("kedge-tui fix enable-e", "enable-edgestream")],
)
def test_the_shell_completes_commands_formats_and_fixes(words: str, offered: str) -> None:
    environ = {
        "_KEDGE_TUI_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    ran = CliRunner().invoke(cli, [], prog_name="kedge-tui", env=environ)
    assert ran.stdout.split() == [f"plain,{offered}"]
