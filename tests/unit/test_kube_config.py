"""Which cluster and user: found, merged and chosen as kubectl does, and every mistake named with file and line."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from kedge.links.kube_transport import Transport
from kedge.links.kubeconfig import ConfigError, KubeSettings, Target, find_target
from tests.unit.fake_kube import inline, pki

GOOD = """\
apiVersion: v1
kind: Config
current-context: plant
contexts:
- name: plant
  context: {cluster: one, user: alice, namespace: kubeedge}
- name: 1e3
  context: {cluster: one}
clusters:
- name: one
  cluster:
    server: https://10.0.0.1:6443/
users:
- name: alice
  user:
    token: abc
"""


@pytest.fixture
def find(tmp_path: Path) -> Callable[..., Target]:
    """Find a target with nothing of this machine around."""

    def find(settings: KubeSettings | None = None, **environ: str) -> Target:
        environ.setdefault("HOME", str(tmp_path / "home"))
        return find_target(settings or KubeSettings(), environ, tmp_path / "k3s.yaml", tmp_path / "account")

    return find


def write(path: Path, text: str = GOOD) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path


# ------------------------------------------------------------------------------------------ where it is found


def test_home_config(tmp_path: Path, find: Callable[..., Target]) -> None:
    path = write(tmp_path / "home/.kube/config")
    target = find()
    assert (target.server, target.context, target.namespace) == ("https://10.0.0.1:6443", "plant", "kubeedge")
    assert (target.cluster_name, target.user_name, target.origin) == ("one", "alice", str(path))
    assert not target.insecure
    assert "abc" not in repr(target)


def test_flag_before_variable_before_home(tmp_path: Path, find: Callable[..., Target]) -> None:
    write(tmp_path / "home/.kube/config", GOOD.replace("10.0.0.1", "home"))
    variable = write(tmp_path / "variable", GOOD.replace("10.0.0.1", "variable"))
    flag = write(tmp_path / "flag", GOOD.replace("10.0.0.1", "flag"))
    assert find(KubeSettings(kubeconfig=str(flag)), KUBECONFIG=str(variable)).server == "https://flag:6443"
    assert find(KUBECONFIG=str(variable)).server == "https://variable:6443"
    assert find(KUBECONFIG="").server == "https://home:6443"


def test_list_of_files_first_value_wins_and_missing_ones_are_skipped(
    tmp_path: Path, find: Callable[..., Target]
) -> None:
    first = write(tmp_path / "a/first", "current-context: plant\nclusters:\n- {name: one, cluster: {server: first}}\n")
    (tmp_path / "b").mkdir()
    (tmp_path / "b/token").write_text("from-file")
    second = write(
        tmp_path / "b/second",
        GOOD.replace("current-context: plant", "current-context: 1e3").replace("token: abc", "tokenFile: token"),
    )
    target = find(KUBECONFIG=f"{first}:{tmp_path}/none:{second}")
    assert (target.context, target.server) == ("plant", "http://first")
    assert target.user == {"tokenFile": str(tmp_path / "b/token")}, "relative to the file that says it"
    assert target.directory == tmp_path / "b"


def test_overrides(tmp_path: Path, find: Callable[..., Target]) -> None:
    write(tmp_path / "home/.kube/config")
    other = find(KubeSettings(context="1e3", namespace="factory", user="alice"))
    assert (other.context, other.user_name, other.namespace) == ("1e3", "alice", "factory")
    assert find(KubeSettings(context="1e3")).user == {}
    unsaid = find(KubeSettings(context="1e3"))
    assert (unsaid.namespace, unsaid.namespace_chosen, other.namespace_chosen) == ("default", False, True)
    assert find().namespace_chosen, "by the context"
    for settings, says in (
        (KubeSettings(context="nope"), "no such context nope in .*; there are: 1e3, plant"),
        (KubeSettings(cluster="nope"), "no such cluster nope in .*; there are: one"),
        (KubeSettings(namespace="../x"), "'../x' cannot be the name of a namespace"),
        (KubeSettings(user="nope"), "no such user nope in .*; there are: alice"),
    ):
        with pytest.raises(ConfigError, match=says):
            find(settings)


def test_cluster_alone_needs_no_context(tmp_path: Path, find: Callable[..., Target]) -> None:
    write(tmp_path / "home/.kube/config", GOOD.replace("current-context: plant\n", ""))
    assert find(KubeSettings(cluster="one")).server == "https://10.0.0.1:6443"
    with pytest.raises(ConfigError, match="no current context; choose one with --context; there are: 1e3, plant"):
        find()


def test_in_cluster(tmp_path: Path, find: Callable[..., Target]) -> None:
    account = tmp_path / "account"
    account.mkdir()
    (account / "token").write_text("t")
    (account / "ca.crt").write_bytes(pki()["ca"].certificate)
    (account / "namespace").write_text("kubeedge\n")
    target = find(KUBERNETES_SERVICE_HOST="fd00::1", KUBERNETES_SERVICE_PORT="6443")
    assert (target.server, target.namespace) == ("https://[fd00::1]:6443", "kubeedge")
    assert target.user == {"tokenFile": str(account / "token")}


def test_k3s_is_found_last(tmp_path: Path, find: Callable[..., Target]) -> None:
    with pytest.raises(ConfigError, match=r"no kubeconfig found .*k3s.yaml.*--kubeconfig"):
        find()
    write(tmp_path / "k3s.yaml", GOOD.replace("10.0.0.1", "127.0.0.1"))
    assert find().server == "https://127.0.0.1:6443"
    write(tmp_path / "home/.kube/config")
    assert find().server == "https://10.0.0.1:6443"


def test_k3s_that_this_user_may_not_read_as_the_system_would_say(
    tmp_path: Path, find: Callable[..., Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "k3s.yaml").chmod(0o200)
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root, who runs the tests, may read everything
    with pytest.raises(ConfigError, match=r"k3s\.yaml of k3s, which this user may not read\. Run kedge-tui with sudo"):
        find()


def test_a_group_alone_can_be_impersonated_by_nobody(tmp_path: Path, find: Callable[..., Target]) -> None:
    write(tmp_path / "home/.kube/config")
    for lonely in (KubeSettings(as_groups=("admins",)), KubeSettings(as_uid="7")):
        with pytest.raises(ConfigError, match="need --as"):
            find(lonely)
    assert find(KubeSettings(as_user="ann", as_groups=("admins",), as_uid="7")).user_name == "alice"
    write(tmp_path / "home/.kube/config", GOOD.replace("token: abc", "token: abc\n    as: ann"))
    assert find(KubeSettings(as_groups=("admins",))).user["as"] == "ann"


def test_named_file_must_exist(tmp_path: Path, find: Callable[..., Target]) -> None:
    with pytest.raises(ConfigError, match="/none: this kubeconfig does not exist"):
        find(KubeSettings(kubeconfig=str(tmp_path / "none")))
    with pytest.raises(ConfigError, match="KUBECONFIG names files that do not exist: /x/a, /x/b"):
        find(KUBECONFIG="/x/a:/x/b")


# ----------------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("- name: one", "- name: [one"), r"line 11: this is not valid YAML: "),
        (("kind: Config", "kind: Config\n\tx: y"), r"line 3: this is not valid YAML: .*"),
        (
            ("clusters:\n- name: one\n  cluster:\n    server: https://10.0.0.1:6443/", "clusters: 7"),
            "line 9: clusters must be a list",
        ),
        (("- name: one\n", "- nome: one\n"), "line 10: an entry of clusters has no name"),
        (("- name: alice\n  user:\n    token: abc", "- alice"), "line 14: an entry of users must have name and user"),
        (("    token: abc", "    - abc"), "line 16: user of alice must be a mapping"),
        (("    server: https://10.0.0.1:6443/", "    x: y"), "line 10: cluster one has no server"),
        (("https://10.0.0.1:6443/", "ftp://10.0.0.1"), "line 12: cluster one has an unusable server address"),
        (("https://10.0.0.1:6443/", "https://10.0.0.1:port"), "line 12: cluster one has an unusable server"),
        (
            ("user: alice,", "user: bob,"),
            "line 6: context plant names user bob, which does not exist; there are: alice",
        ),
        (("cluster: one, user", "cluster: two, user"), "line 6: context plant names cluster two, which does not"),
        (("cluster: one, user", "user"), "line 5: context plant names no cluster; there are: one"),
        (
            ("token: abc", "client-certificate-data: '%%%'"),
            "line 16: client-certificate-data of alice is not valid base64",
        ),
        (("token: abc", "client-key-data: aGVsbG8="), "line 16: client-key-data of alice holds no PEM block"),
        (
            ("token: abc", "client-key: gone.pem"),
            "line 16: client-key of alice: .*gone.pem cannot be read: No such file",
        ),
        (("token: abc", "tokenFile: gone"), "line 16: tokenFile of alice: .*gone cannot be read"),
    ],
)
def test_mistakes_are_named_with_their_line(
    tmp_path: Path, find: Callable[..., Target], change: tuple[str, str], says: str
) -> None:
    assert change[0] in GOOD
    path = write(tmp_path / "config", GOOD.replace(*change))
    with pytest.raises(ConfigError, match=f"^{path}(, |: ){says}") as caught:
        find(KubeSettings(kubeconfig=str(path)))
    assert str(caught.value.text) == str(caught.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "has no current context"),
        (b"# only a comment\n", "has no current context"),
        (b"just text\n", "line 1: this is no kubeconfig"),
        (b"- a\n- b\n", "line 1: this is no kubeconfig"),
        (b"a: \xff\xfe", r"this is no text file \(byte 3 is not UTF-8\)"),
        (b"current-context: [a]\n", "line 1: current-context must be a name"),
        (b"a: b\n---\nc: d\n", "line 2: this is not valid YAML"),
    ],
)
def test_files_that_are_no_kubeconfig(tmp_path: Path, find: Callable[..., Target], content: bytes, says: str) -> None:
    path = tmp_path / "config"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"^{path}.*{says}"):
        find(KubeSettings(kubeconfig=str(path)))


def test_directory_instead_of_file(tmp_path: Path, find: Callable[..., Target]) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        find(KubeSettings(kubeconfig=str(tmp_path)))


def test_encrypted_key_is_refused_instead_of_asking_on_the_terminal(
    tmp_path: Path, find: Callable[..., Target]
) -> None:
    key = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
    path = write(tmp_path / "config", GOOD.replace("token: abc", f"client-key-data: {inline(key)}"))
    with pytest.raises(ConfigError, match="line 16: client-key-data of alice is encrypted"):
        find(KubeSettings(kubeconfig=str(path)))


def test_key_that_does_not_belong_to_the_certificate(tmp_path: Path, find: Callable[..., Target]) -> None:
    pairs = pki()
    data = (
        f"client-certificate-data: {inline(pairs['client'].certificate)}\n"
        f"    client-key-data: {inline(pairs['server'].key)}"
    )
    path = write(tmp_path / "config", GOOD.replace("token: abc", data))
    settings = KubeSettings(kubeconfig=str(path))
    with pytest.raises(
        ConfigError, match=r"client-certificate / client-key of cluster one and user alice in .*mismatch"
    ):
        Transport(find(settings), settings)


def test_insecure_as_text_or_boolean(tmp_path: Path, find: Callable[..., Target]) -> None:
    for written, insecure in (("true", True), ("True", True), ("false", False), ('"true"', True)):
        change = ("server: https://10.0.0.1:6443/", f"server: https://x\n    insecure-skip-tls-verify: {written}")
        path = write(tmp_path / "config", GOOD.replace(*change))
        assert find(KubeSettings(kubeconfig=str(path))).insecure is insecure
