"""A sweep as a script for hosts without SSH: what it prints is read back as that host's answers."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from kedge.asks import Ask, Clock, File, HostAsk, Journal, Proc, Service, Tcp, recognise
from kedge.config import HostSettings, SiteSettings
from kedge.model import Host, Reason, Role
from kedge.probe_script import Collector, ProbeScriptError, Saved, SavedSource, read, script
from kedge.registry import discover
from kedge.sources.mask import masked
from kedge.this_machine import edge_node, with_local, with_saved

SHELLS = [words for words in (("sh",), ("dash",), ("bash",), ("busybox", "sh")) if shutil.which(words[0])]

YAML = """\
modules:
  edgeHub:
    token: abcdef.0123456789
    "Token": 'quoted secret'
    password:   p # not a comment of ours
    tokenSecret: ""
    token:
    token: null
    token: ~
    token: ''
    token: # nothing
  - token: in a list
    mytoken: kept
    tokens: kept
\ttoken: tabbed
    enable: true
"""


def ran(text: str, shell: Sequence[str] = ("sh",)) -> bytes:
    """What a script prints, run as a person would."""
    done = subprocess.run([*shell, "-s"], input=text.encode(), capture_output=True, timeout=30, check=True)
    return done.stdout


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
async def test_output_is_read_back_as_that_hosts_answers(shell: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "a b'c.yaml"
    file.write_text("enable: true\n")
    asks = (Proc("load"), File(str(file)), File(str(tmp_path / "none")), Clock())
    saved = read(ran(script("edge1", [Role.EDGE, Role.CLOUDCORE], asks), shell), "edge1.out")
    assert (saved.host, saved.roles, saved.complete) == ("edge1", (Role.CLOUDCORE, Role.EDGE), True)
    load, there, missing, clock = await SavedSource(saved).observe(asks, deadline=1.0)
    assert len(load.stdout.split()) == 7
    assert (there.stdout, there.exit_code, there.source) == ("enable: true\n", 0, "edge1")
    assert missing.exit_code not in (0, None)
    assert "No such file" in missing.stderr
    assert clock.at is not None
    assert abs(clock.at.timestamp() - int(clock.stdout)) < 5


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
async def test_secrets_are_masked_before_they_leave_the_host(shell: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "edgecore.yaml"
    file.write_text(YAML)
    ask = File(str(file))
    output = ran(script("edge1", [Role.EDGE], [ask]), shell)
    (seen,) = await SavedSource(read(output, "f")).observe([ask], deadline=1.0)
    assert seen.stdout == masked(YAML, ask.secrets())
    for secret in (b"abcdef.0123456789", b"quoted secret", b"in a list", b"tabbed"):
        assert secret not in output


async def test_an_ask_is_found_by_what_it_means_not_by_how_it_was_written() -> None:
    saved = read(ran(script("edge1", [Role.EDGE], [Journal("edgecore", 50)])), "f")
    (seen,) = await SavedSource(saved).observe([Journal("edgecore", 200)], deadline=1.0)
    assert seen.error is None


async def test_what_was_not_asked_is_not_recorded_and_names_the_way_on() -> None:
    saved = Saved("edge1", (Role.EDGE,), {}, complete=True)
    (seen,) = await SavedSource(saved).observe([Tcp("10.0.0.1", 10004)], deadline=1.0)
    assert seen.error is not None
    assert seen.error.reason is Reason.NOT_RECORDED
    assert "kedge-tui probe-script edge1 --with FILE" in str(seen.error.text)


async def test_every_probe_of_a_host_can_be_asked_by_hand() -> None:
    """What is asked must be found again in the output, by text and by meaning."""
    host = Host("edge1", frozenset(Role), "10.0.0.2")
    collector = Collector("edge1")
    for probe in discover().probes:
        if probe.on and [need.type for need in probe.needs] == [Host]:
            wanted = probe.ask(host)
            asks = (wanted,) if isinstance(wanted, Ask) else tuple(wanted or ())
            await collector.observe([ask for ask in asks if isinstance(ask, HostAsk)], deadline=1.0)
    assert len(collector.asks) > 15
    assert [ask for ask in collector.asks if recognise(ask.render()) != ask] == []


async def test_a_second_script_asks_only_what_the_first_left_open() -> None:
    known = SavedSource(read(ran(script("edge1", [Role.EDGE], [Clock()])), "f"))
    collector = Collector("edge1", known)
    seen = await collector.observe([Clock(), Service("edgecore")], deadline=1.0)
    assert list(collector.asks) == [Service("edgecore")]
    assert seen[0].error is None


def test_outputs_of_one_host_are_joined() -> None:
    first = read(ran(script("edge1", [Role.EDGE], [Clock()])), "a")
    second = read(ran(script("edge1", [Role.METRICS], [Proc("load")])), "b")
    both = first.joined(second)
    assert (both.roles, len(both.answers)) == ((Role.EDGE, Role.METRICS), 2)


def test_an_output_that_ends_early_keeps_what_came() -> None:
    output = ran(script("edge1", [Role.EDGE], [Clock(), Proc("load")]))
    cut = read(output[: output.rindex(b"\n#")], "f")
    assert not cut.complete
    assert len(cut.answers) == 2


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda data: data.replace(b"\n", b"\r\n"), "byte for byte"),
        (lambda data: b"# nothing of ours\n", "is not what the script of `kedge-tui probe-script` prints"),
        (lambda data: b"", "is not what the script"),
        (lambda data: data[:30], "is not what the script"),
    ],
)
def test_a_file_that_is_none_is_refused_with_a_sentence(spoil: object, sentence: str) -> None:
    output = ran(script("edge1", [Role.EDGE], [Clock()]))
    with pytest.raises(ProbeScriptError, match=sentence):
        read(spoil(output), "mail.out")  # type: ignore[operator]


def test_a_login_banner_in_front_is_passed_over() -> None:
    output = b"Welcome to edge1\r\n" + ran(script("edge1", [Role.EDGE], [Clock()]))
    assert read(output, "f").host == "edge1"


def test_a_hostile_name_breaks_neither_script_nor_comment() -> None:
    name = "edge1\n rm -rf /; $(x) '"
    text = script(name, [Role.EDGE], [Clock()])
    assert all(line.startswith("#") for line in text.splitlines()[:9])
    assert read(ran(text), "f").host == name


def test_an_ask_that_no_frame_can_name_is_left_out() -> None:
    saved = read(ran(script("edge1", [Role.EDGE], [File("/" + "x" * 5000), Clock()])), "f")
    assert len(saved.answers) == 1


# ------------------------------------------------------------------------------------------ this machine


def test_this_machine_keeps_what_the_config_says_of_it() -> None:
    settings = SiteSettings(hosts=(HostSettings(match="edge*", user="ann", runtime="docker"),))
    entry = with_local(settings, "edge7").host("edge7")
    assert (entry.local, entry.user, entry.runtime, entry.roles) == (True, "ann", "docker", (Role.EDGE,))
    assert not with_local(settings, "edge7").host("edge8").local


def test_the_config_knows_the_roles_of_a_saved_host_better() -> None:
    settings = SiteSettings(hosts=(HostSettings(match="cloud1", roles=(Role.APISERVER,)),))
    assert with_saved(settings, "cloud1", (Role.EDGE,)).host("cloud1").roles == (Role.APISERVER,)
    assert with_saved(settings, "edge1", (Role.EDGE,)).host("edge1").roles == (Role.EDGE,)


@pytest.mark.parametrize(
    ("text", "name"),
    [("modules: {edged: {hostnameOverride: line-7}}", "line-7"), ("modules: {}", "thishost"), ("a: [", "thishost")],
)
def test_an_edge_is_called_as_its_edgecore_calls_it(
    text: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "ThisHost")
    file = tmp_path / "edgecore.yaml"
    file.write_text(text)
    assert edge_node(str(file)) == name


def test_a_machine_without_edgecore_is_no_edge(tmp_path: Path) -> None:
    assert edge_node(str(tmp_path / "edgecore.yaml")) == ""
