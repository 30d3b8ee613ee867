"""ssh_config under the site's settings, by ``ssh -G`` and without an ssh program."""

from __future__ import annotations

import getpass
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kedge.links import ssh_config_files
from kedge.links.ssh_config import Endpoint, SshTarget, route
from kedge.model import LinkError, Reason

CONFIG = """
Host edge1
  HostName 10.0.0.1
  Port 2201
  User oncall
  IdentityFile {home}/keys/%h
  IdentitiesOnly yes
  UserKnownHostsFile {home}/known
  StrictHostKeyChecking yes
  ConnectTimeout 7

Host alias
  HostName 10.0.0.9
  HostKeyAlias edge9.plant

Host behind
  ProxyJump ops@gate:2022,inner

Host commanded
  ProxyCommand nc %h %p

Host loop1
  ProxyJump loop2
Host loop2
  ProxyJump loop1
"""


@pytest.fixture(params=["ssh", "paramiko"])
def config(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = shutil.which
    if request.param == "paramiko":
        monkeypatch.setattr(shutil, "which", lambda name: None if name == "ssh" else found(name))
    elif found("ssh") is None:
        pytest.skip("no ssh program")
    file = tmp_path / "ssh_config"
    file.write_text(CONFIG.format(home=tmp_path))
    return file


@pytest.fixture
def resolve(config: Path) -> Callable[..., tuple[Endpoint, ...]]:
    def go(name: str, **settings: object) -> tuple[Endpoint, ...]:
        return route(SshTarget(name, ssh_config=config, **settings))  # type: ignore[arg-type]

    return go


Resolve = Callable[..., tuple[Endpoint, ...]]


def test_ssh_config_is_honoured(resolve: Resolve, tmp_path: Path) -> None:
    (edge,) = resolve("edge1")
    assert (edge.name, edge.address, edge.port, edge.user) == ("edge1", "10.0.0.1", 2201, "oncall")
    assert edge.identities == (tmp_path / "keys/10.0.0.1",)
    assert edge.only_these
    assert edge.record_in == tmp_path / "known"
    assert (edge.key_name, edge.key_port) == ("10.0.0.1", 2201)
    assert not edge.ask_new_keys
    assert edge.connect_timeout == 7


def test_settings_of_the_site_win(resolve: Resolve) -> None:
    (edge,) = resolve("edge1", address="10.9.9.9", port=22, user="root", identity="/k")
    assert (edge.address, edge.port, edge.user, edge.identities) == ("10.9.9.9", 22, "root", (Path("/k"),))
    assert edge.only_these


def test_a_host_key_alias_is_looked_up_without_a_port(resolve: Resolve) -> None:
    (edge,) = resolve("alias", port=2222)
    assert (edge.key_name, edge.key_port) == ("edge9.plant", 22)


def test_an_unknown_host_gets_the_defaults(resolve: Resolve) -> None:
    (edge,) = resolve("edge7")
    assert (edge.address, edge.port, edge.user) == ("edge7", 22, getpass.getuser())
    assert edge.ask_new_keys
    assert not edge.add_new_keys
    assert edge.identities
    assert not edge.only_these


def test_jump_hosts_come_first_each_with_its_own_settings(resolve: Resolve) -> None:
    gate, inner, behind = resolve("behind")
    assert (gate.name, gate.port, gate.user) == ("gate", 2022, "ops")
    assert (inner.name, inner.port) == ("inner", 22)
    assert behind.name == "behind"


def test_the_sites_jump_host_wins_over_proxy_settings(resolve: Resolve) -> None:
    assert [hop.name for hop in resolve("behind", jump="edge1")] == ["edge1", "behind"]
    assert [hop.address for hop in resolve("behind", jump="edge1")] == ["10.0.0.1", "behind"]
    hops = resolve("commanded", jump="edge1")
    assert [hop.name for hop in hops] == ["edge1", "commanded"]
    assert hops[-1].proxy_command == ""
    assert [hop.name for hop in resolve("behind", jump="none")] == ["behind"]


def test_a_proxy_command_is_filled_in(resolve: Resolve) -> None:
    (edge,) = resolve("commanded", address="10.0.0.3", port=2200)
    assert edge.proxy_command == "nc 10.0.0.3 2200"


@pytest.mark.parametrize(
    ("jump", "expected"),
    [
        ("[2001:db8::1]:2222", ("2001:db8::1", 2222, "me")),
        ("2001:db8::1", ("2001:db8::1", 22, "me")),
        ("root@gate", ("gate", 22, "root")),
        ("ssh://root@gate:7", ("gate", 7, "root")),
    ],
)
def test_jump_hosts_as_people_write_them(resolve: Resolve, jump: str, expected: tuple[str, int, str]) -> None:
    gate = resolve("edge7", jump=jump)[0]
    user = getpass.getuser() if expected[2] == "me" else expected[2]
    assert (gate.address, gate.port, gate.user) == (*expected[:2], user)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("-oProxyCommand=touch /tmp/x", {}),
        ("edge1; reboot", {}),
        ("edge1", {"address": "-J evil"}),
        ("edge1", {"user": "-x"}),
        ("edge1", {"jump": "-evil"}),
        ("edge1", {"jump": "a@"}),
        ("edge1", {"jump": "$(id)"}),
        ("loop1", {}),
    ],
)
def test_hostile_names_and_circles_are_refused(resolve: Resolve, name: str, settings: dict[str, str]) -> None:
    with pytest.raises(LinkError) as caught:
        resolve(name, **settings)
    assert caught.value.unknown.reason is Reason.INVALID


def test_a_broken_ssh_config_is_named(config: Path) -> None:
    config.write_text("Host *\n  Port not-a-number\n")
    with pytest.raises(LinkError) as caught:
        route(SshTarget("edge1", ssh_config=config))
    assert caught.value.unknown.reason is Reason.INVALID


def test_included_files_count(resolve: Resolve, config: Path, tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_text("Host edge1\n  Port 2299\nHost other\n  User nobody\n")
    (tmp_path / "b.conf").write_text(f"Include {tmp_path}/more\nPort 1\n")
    (tmp_path / "more").write_text("ConnectTimeout 3\n")
    config.write_text(f"# mine\ninclude {tmp_path}/none {tmp_path}/*.conf\nMatch host edge1\n  User matched\n")
    (edge,) = resolve("edge1")
    assert (edge.port, edge.user, edge.connect_timeout) == (2299, "matched", 3)


def test_includes_for_some_hosts_are_honoured_or_refused_but_never_overlooked(resolve: Resolve, config: Path) -> None:
    other = config.with_name("other")
    other.write_text("Port 2299\n")
    config.write_text(f"# mine\nHost edge1\n  Include {other}\n")
    if shutil.which("ssh"):
        assert resolve("edge1")[0].port == 2299
        return
    with pytest.raises(LinkError, match=r"ssh_config, line 3, includes other files for some hosts only"):
        resolve("edge1")
    config.write_text(f"Include {config}\n")
    with pytest.raises(LinkError, match=r"ssh_config, line 1, includes"):
        resolve("edge1")
    config.write_text("Match exec true\n  Port 2299\n")
    with pytest.raises(LinkError, match=r"line 1, has a `Match exec`; that takes OpenSSH's `ssh`"):
        resolve("edge1")


def test_without_ssh_the_systems_file_comes_after_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(ssh_config_files, "SYSTEM", tmp_path / "etc/ssh_config")
    for name, text in {
        ".ssh/config": "Host edge1\n  User mine\n",
        "etc/ssh_config": "Include d/*.conf\nHost *\n  User theirs\n  Port 2200\n",
        "etc/d/plant.conf": "Host edge1\n  ConnectTimeout 4\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (edge,) = route(SshTarget("edge1"))
    assert (edge.user, edge.port, edge.connect_timeout) == ("mine", 2200, 4)
    (named,) = route(SshTarget("edge1", ssh_config=tmp_path / ".ssh/config"))
    assert (named.user, named.port) == ("mine", 22), "as with -F"


def test_a_host_without_name_and_address_has_no_ssh() -> None:
    with pytest.raises(LinkError) as caught:
        route(SshTarget(""))
    assert caught.value.unknown.reason is Reason.NO_SSH
