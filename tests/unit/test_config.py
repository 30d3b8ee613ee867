"""The config file: what it means, and what is said when it means nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from kedge.config import Config, ConfigFileError, SshSettings, load, parse
from kedge.model import Role

FILE = Path("config.yaml")

GOOD = """
sites:
  plant-7:
    kubeconfig: /etc/kube/plant-7
    readOnly: true
    bundle: /data/kubeedge-cloud-1.23.1
    ssh: {user: oncall, jump: bastion, sudo: nopasswd}
    hosts:
      - {match: "edge1", port: 2222, roles: [edge], paths: {edgecoreConfig: /opt/edgecore.yaml}}
      - {match: "edge*", user: edge}
"""


def test_a_whole_file_is_read() -> None:
    site = parse(GOOD, FILE).sites["plant-7"]
    assert site.read_only
    assert site.ssh == SshSettings(user="oncall", jump="bastion", sudo="nopasswd")
    assert site.host("edge1").roles == (Role.EDGE,)


def test_the_first_match_wins() -> None:
    site = parse(GOOD, FILE).sites["plant-7"]
    assert (site.host("edge1").port, site.host("edge9").user, site.host("cloud1").user) == (2222, "edge", "")


def test_paths_that_are_not_given_keep_their_defaults() -> None:
    paths = parse(GOOD, FILE).sites["plant-7"].paths("edge1")
    assert paths.edgecore_config == "/opt/edgecore.yaml"
    assert paths.certs == "/etc/kubeedge/certs"
    assert paths.bundle == "/data/kubeedge-cloud-1.23.1"


def test_patterns_are_no_machines() -> None:
    assert [h.match for h in parse(GOOD, FILE).sites["plant-7"].named_hosts()] == ["edge1"]


def test_an_unknown_key_is_a_warning_with_line_and_nearest_name() -> None:
    said = [str(w) for w in parse("sites:\n  a:\n    readonly: true\n", FILE).warnings]
    assert said == ["config.yaml:3: unknown key `readonly` is ignored; did you mean `readOnly`?"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sites:\n  a:\n    hosts:\n      - match: e\n        port: far\n", "config.yaml:5: sites.a.hosts.0.port"),
        ("sites: [\n", "config.yaml:2: this is not valid YAML"),
        (
            "sites:\n  a: {hosts: [{user: x}]}\n",
            "config.yaml:2: sites.a.hosts.0: Object missing required field `match`",
        ),
        ("sites:\n  a: 3\n", "config.yaml:2: sites.a: Expected `object`, got `int`"),
        ("sites: 3\n", "config.yaml:1: `sites` must be a mapping"),
        ("- a\n", "config.yaml:1: the file must be a mapping"),
        ("sites:\n  a:\n    ssh: 1\n", "config.yaml:3: sites.a.ssh"),
        ("sites:\n  a:\n    hosts:\n      - 7\n", "config.yaml:4: sites.a.hosts.0"),
        ("sites:\n  a:\n    hosts:\n      - {match: e, paths: 7}\n", "config.yaml:4: sites.a.hosts.0.paths"),
    ],
)
def test_a_mistake_is_named_with_file_and_line(text: str, said: str) -> None:
    with pytest.raises(ConfigFileError) as caught:
        parse(text, FILE)
    assert said in str(caught.value)


def test_an_empty_file_is_an_empty_config() -> None:
    assert parse("# nothing yet\n", FILE) == Config(FILE)


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigFileError, match="does not exist"):
        load(str(tmp_path / "none.yaml"))


def test_no_file_at_all_is_fine(tmp_path: Path) -> None:
    assert load("", {"XDG_CONFIG_HOME": str(tmp_path)}).sites == {}


def test_the_environment_names_a_file(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert list(load("", {"KEDGE_TUI_CONFIG": str(file)}).sites) == ["plant-7"]


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigFileError, match=r"c\.yaml cannot be read"):
        load(str(file))
