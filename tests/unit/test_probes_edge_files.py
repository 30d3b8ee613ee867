"""Reading configuration files, services, images and failures off a host."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.asks import File, FileStat, HttpGet, Images, Service
from kedge.facts.edgecore import EdgeCoreConfig
from kedge.facts.images import ImageList, full_name
from kedge.facts.services import ServiceState
from kedge.i18n import _
from kedge.model import Host, Observation, Reason, Role, Unknown
from kedge.probes.answers import systemd_time
from kedge.probes.edgecore import parse_edgecore_config, read_edgecore_config, read_edged_health
from kedge.probes.images import image_list, read_image_list, read_images
from kedge.probes.services import read_service, runtime_unit

PATH = "/etc/kubeedge/config/edgecore.yaml"
NOT_RECORDED = Unknown(Reason.NOT_RECORDED, _("not recorded"))


def file(text: str = "", rc: int = 0, err: str = "", cut: bool = False) -> Observation:
    return Observation(File(PATH), "edge1", f"cat {PATH}", exit_code=rc, stdout=text, stderr=err, cut=cut)


NO_STAT = Observation(FileStat(PATH), "edge1", "stat", error=NOT_RECORDED)


def stat(text: str) -> Observation:
    return Observation(FileStat(PATH), "edge1", "stat", exit_code=0, stdout=text)


# --------------------------------------------------------------------------------------------- edgecore.yaml


def test_v1alpha1_keeps_its_fields_flat() -> None:
    text = (
        "apiVersion: edgecore.config.kubeedge.io/v1alpha1\nkind: EdgeCore\nmodules:\n  edged:\n"
        "    hostnameOverride: edge9\n    nodeIP: 10.0.0.9\n    remoteRuntimeEndpoint: unix:///var/run/dockershim.sock\n"
        "  edgeStream:\n    enable: true\n    server: 10.0.0.1:10004\n"
    )
    config = parse_edgecore_config(text, PATH)
    assert (config.hostname_override, config.node_ip) == ("edge9", "10.0.0.9")
    assert config.runtime_endpoint == "unix:///var/run/dockershim.sock"
    assert (config.edge_stream.enable, config.edge_stream.enable_line) == (True, 9)
    assert config.read_only_port == 10350


def test_absent_settings_have_edgecores_own_defaults() -> None:
    config = parse_edgecore_config("kind: EdgeCore\n", PATH)
    assert config.edge_stream == EdgeCoreConfig(PATH).edge_stream
    assert config.edge_stream.enable is False
    assert config.edge_stream.server == "127.0.0.1:10004"


@pytest.mark.parametrize(("token", "expected"), [('""', False), ("***", True), ("abc.def", True), ("", False)])
def test_only_whether_there_is_a_token_is_kept(token: str, expected: bool) -> None:
    assert parse_edgecore_config(f"modules:\n  edgeHub:\n    token: {token}\n", PATH).has_token is expected


def test_a_missing_file_is_known_to_be_missing() -> None:
    found = read_edgecore_config(file(rc=1, err=f"cat: {PATH}: No such file or directory"), NO_STAT)
    assert isinstance(found, Unknown)
    assert found.reason is Reason.MISSING
    assert PATH in str(found.text)
    assert "edge1" in str(found.text)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (file(rc=1, err=f"cat: {PATH}: Permission denied"), Reason.DENIED),
        (file("a: 1", cut=True), Reason.UNPARSABLE),
        (file("modules:\n\tedgeStream:\n"), Reason.UNPARSABLE),
        (file('modules:\n  edgeStream:\n    enable: "true"\n'), Reason.UNPARSABLE),
        (file(""), Reason.UNPARSABLE),
        (Observation(File(PATH), "edge1", "cat", error=NOT_RECORDED), Reason.NOT_RECORDED),
    ],
)
def test_what_cannot_be_read_has_a_typed_reason(answer: Observation, reason: Reason) -> None:
    found = read_edgecore_config(answer, NO_STAT)
    assert isinstance(found, Unknown)
    assert found.reason is reason


def test_a_mistake_has_its_place() -> None:
    found = read_edgecore_config(file("modules:\n  edgeStream:\n    enable: tru\n"), NO_STAT)
    assert isinstance(found, Unknown)
    assert (found.line, found.column) == (3, 13)
    assert "line 3, column 13" in str(found.text)


def test_the_modification_time_is_read_even_behind_a_name_with_spaces() -> None:
    found = read_edgecore_config(file("kind: EdgeCore\n"), stat("/etc/my dir/e.yaml 1795339922 5313 root 644\n"))
    assert isinstance(found, EdgeCoreConfig)
    assert found.mtime == datetime(2026, 11, 22, 9, 32, 2, tzinfo=UTC)


@given(st.text(), st.text())
def test_no_text_breaks_the_reading_of_a_configuration(text: str, name: str) -> None:
    read_edgecore_config(file(text), stat(name))


# -------------------------------------------------------------------------------------------------- services


def show(text: str, rc: int = 0, err: str = "") -> ServiceState | Unknown:
    return read_service(Observation(Service("x"), "edge1", "systemctl", exit_code=rc, stdout=text, stderr=err), "x")


def test_a_unit_that_does_not_exist_is_an_answer() -> None:
    found = show("LoadState=not-found\nActiveState=inactive\nSubState=dead\nActiveEnterTimestamp=\n")
    assert isinstance(found, ServiceState)
    assert (found.load, found.is_running, found.since) == ("not-found", False, None)


@pytest.mark.parametrize(("word", "rc", "running"), [("active", 0, True), ("inactive", 3, False), ("failed", 3, False)])
def test_is_active_is_read_whatever_its_exit_code(word: str, rc: int, running: bool) -> None:
    found = show(word + "\n", rc)
    assert isinstance(found, ServiceState)
    assert found.is_running is running


def test_a_host_without_systemd_is_told_as_such() -> None:
    found = show("", 1, "System has not been booted with systemd as init system (PID 1). Can't operate.")
    assert isinstance(found, Unknown)
    assert found.reason is Reason.NO_TOOL
    assert "systemd" in str(found.text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sun 2026-11-22 09:35:54 UTC", datetime(2026, 11, 22, 9, 35, 54, tzinfo=UTC)),
        ("Sun 2026-11-22 09:35:54.123456 UTC", datetime(2026, 11, 22, 9, 35, 54, tzinfo=UTC)),
        ("Sun 2026-11-22 17:35:54 CST", None),
        ("", None),
        ("n/a", None),
        ("Sun 2026-99-22 09:35:54 UTC", None),
    ],
)
def test_times_in_an_ambiguous_zone_are_not_guessed(text: str, expected: datetime | None) -> None:
    assert systemd_time(text) == expected


@pytest.mark.parametrize(
    ("runtime", "endpoint", "unit"),
    [
        ("", "unix:///run/containerd/containerd.sock", "containerd"),
        ("", "unix:///var/run/dockershim.sock", "docker"),
        ("", "unix:///run/crio/crio.sock", "crio"),
        ("", "unix:///run/k3s/containerd/containerd.sock", "k3s-agent"),
        ("docker", "unix:///run/containerd/containerd.sock", "docker"),
    ],
)
def test_the_runtimes_unit(runtime: str, endpoint: str, unit: str) -> None:
    assert runtime_unit(Host("edge1", frozenset({Role.EDGE}), runtime=runtime), endpoint) == unit


@given(st.text(), st.integers(0, 255), st.text())
def test_no_text_breaks_the_reading_of_a_service(text: str, rc: int, err: str) -> None:
    show(text, rc, err)
    show(f"NRestarts={text}\nActiveEnterTimestamp={err}", rc)


# ---------------------------------------------------------------------------------------------------- images

METRICS = "registry.k8s.io/metrics-server/metrics-server:v0.4.1"
DIGEST = "sha256:" + "ab" * 32
CRICTL = """\
IMAGE                                             TAG       DIGEST          IMAGE ID        SIZE
docker.io/library/nginx                           latest    0a1b2c3d4e5f6   5a430d59a672e   70MB
registry.k8s.io/metrics-server/metrics-server     v0.4.1    abcdef0123456   9759a41ccdf0e   60MB
registry.k8s.io/broken                            <none>    abcdef0123456   9759a41ccdf0e   60MB
"""
DOCKER = f"""\
REPOSITORY      TAG       DIGEST    IMAGE ID       CREATED       SIZE
nginx           latest    {DIGEST}  5a430d59a672   2 weeks ago   70MB
<none>          <none>    <none>    123456789012   2 weeks ago   70MB
registry.k8s.io/metrics-server/metrics-server   v0.4.1   <none>   9759a41ccdf0   5 years ago   60MB
"""
CTR = f"""\
REF                                                  TYPE                      DIGEST    SIZE     PLATFORMS   LABELS
docker.io/library/nginx:latest                       application/vnd.docker    {DIGEST}  70.1 MiB linux/amd64 -
registry.k8s.io/metrics-server/metrics-server:v0.4.1 application/vnd.docker    sha256:{"cd" * 32}  60.1 MiB linux -
"""
JSON = json.dumps(
    {
        "images": [
            {"id": DIGEST, "repoTags": ["docker.io/library/nginx:latest"], "repoDigests": [f"nginx@{DIGEST}"]},
            {"id": "x", "repoTags": [METRICS], "repoDigests": []},
        ]
    }
)  # fmt: skip
QUIET = f"docker.io/library/nginx:latest\n{METRICS}\n{DIGEST}\n"


@pytest.mark.parametrize("text", [CRICTL, DOCKER, CTR, JSON, QUIET])
def test_every_tools_list_holds_the_same_images(text: str) -> None:
    held = ImageList(frozenset(read_images(text)))
    assert held.has(METRICS)
    assert held.has("nginx")
    assert held.has("docker.io/library/nginx:latest")
    assert not held.has("nginx:1.27")
    assert not held.has("metrics-server:v0.4.1")


@pytest.mark.parametrize("text", [DOCKER, CTR, JSON, QUIET])
def test_an_image_pinned_by_digest_is_found(text: str) -> None:
    held = ImageList(frozenset(read_images(text)))
    assert held.has(f"nginx@{DIGEST}")
    assert held.has(f"docker.io/library/nginx:whatever@{DIGEST}")
    assert not held.has(f"nginx@sha256:{'ef' * 32}")


def test_other_tags_of_the_same_image_are_named() -> None:
    held = ImageList(frozenset({METRICS, "docker.io/library/nginx:latest"}))
    assert held.named_like(METRICS.replace("v0.4.1", "v0.6.0")) == (METRICS,)


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("kubeedge/cloudcore:v1.23.1", "docker.io/kubeedge/cloudcore:v1.23.1"),
        ("localhost/a", "localhost/a:latest"),
        ("reg.example:5000/a/b", "reg.example:5000/a/b:latest"),
        ("reg.example:5000/a/b:1", "reg.example:5000/a/b:1"),
        (f"nginx:1@{DIGEST}", f"docker.io/library/nginx@{DIGEST}"),
        ("index.docker.io/library/nginx", "docker.io/library/nginx:latest"),
        (DIGEST, DIGEST),
    ],
)
def test_short_names_are_spelled_out(short: str, full: str) -> None:
    assert full_name(short) == full
    assert full_name(full) == full


def images(tool: str, out: str = "", rc: int = 0, err: str = "") -> Observation:
    return Observation(Images(tool), "cloud1", tool, exit_code=rc, stdout=out, stderr=err)


ABSENT = images("k3s", rc=127, err="bash: line 1: k3s: command not found")


def test_the_first_tool_that_lists_anything_is_believed() -> None:
    found = read_image_list(ABSENT, images("crictl", CRICTL), images("docker", DOCKER))
    assert isinstance(found, ImageList)
    assert found.tool == "crictl"


def test_an_empty_list_counts_only_when_no_other_has_more() -> None:
    found = read_image_list(images("crictl", "IMAGE TAG IMAGE ID SIZE\n"), images("docker", DOCKER))
    assert isinstance(found, ImageList)
    assert found.tool == "docker"
    empty = read_image_list(images("crictl", "IMAGE TAG IMAGE ID SIZE\n"), ABSENT)
    assert isinstance(empty, ImageList)
    assert (empty.images, empty.tool) == (frozenset(), "crictl")


def test_a_tool_that_failed_says_more_than_one_that_is_absent() -> None:
    found = read_image_list(ABSENT, images("ctr", rc=1, err="ctr: failed to dial: connect: permission denied"))
    assert isinstance(found, Unknown)
    assert found.reason is Reason.DENIED
    none = read_image_list(ABSENT, ABSENT)
    assert isinstance(none, Unknown)
    assert none.reason is Reason.NO_TOOL


def test_the_hosts_own_runtime_is_asked_first() -> None:
    asked = image_list.ask(Host("cloud1", frozenset({Role.METRICS}), runtime="docker"))
    assert isinstance(asked, tuple)
    assert asked[0] == Images("docker")
    assert len(asked) == 5


@given(
    st.text()
    | st.recursive(st.none() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)).map(json.dumps)
)
def test_no_text_breaks_the_reading_of_images(text: str) -> None:
    for one in (text, '{"images": [' + text + "]}", f"IMAGE TAG DIGEST\n{text}", f"REF TYPE DIGEST\n{text}"):
        held = ImageList(frozenset(read_images(one)))
        held.has(text)


# ------------------------------------------------------------------------------------------------------ http


@pytest.mark.parametrize(
    ("rc", "out", "err", "status", "said"),
    [
        (0, "ok\n200", "", 200, "ok"),
        (0, "ok", "", 200, "ok"),
        (0, "[-]syncloop failed\n\n500", "", 500, "[-]syncloop failed"),
        (0, "404", "", 404, ""),
        (7, "\n000", "curl: (7) Failed to connect", 0, ""),
        (28, "", "curl: (28) timed out", 0, ""),
        (124, "", "", 0, ""),
    ],
)
def test_edgeds_health(rc: int, out: str, err: str, status: int, said: str) -> None:
    url = "http://127.0.0.1:10350/healthz"
    found = read_edged_health(Observation(HttpGet(url), "edge1", "curl", exit_code=rc, stdout=out, stderr=err))
    assert not isinstance(found, Unknown)
    assert found.status == status
    if status:
        assert found.body == said
    else:
        assert found.problem
