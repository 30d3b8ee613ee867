"""What a link's own outcome tells: access to hosts, rights at the API, and a CloudCore outside the cluster."""

from __future__ import annotations

from kedge.asks import File, FileStat, HostAsk, Login, Rights, Root, Service
from kedge.facts.apiserver import Right
from kedge.facts.cloudcore import CloudCore, CloudCoreConfig, CloudCoreOnHost
from kedge.facts.hosts import HostAccess
from kedge.facts.pods import Pod
from kedge.i18n import _
from kedge.model import Host, Observation, Reason, Role, Unknown
from kedge.probes.binary import cloudcore_on_host, read_cloudcore_on_host
from kedge.probes.hosts import read_host_access
from kedge.probes.rights import CHANGES, READS, read_user_rights

HOST = Host("cloud1", frozenset({Role.CLOUDCORE}), "10.0.0.10")


def said(ask: HostAsk, out: str = "", code: int | None = 0, err: str = "", why: Reason | None = None) -> Observation:
    error = Unknown(why, _("because")) if why else None
    return Observation(ask, "cloud1", ask.render(), None, 0.0, code, out, err, error)


# ------------------------------------------------------------------------------------------------------ hosts


def access(login: Observation, root: Observation) -> HostAccess | Unknown:
    found: HostAccess | Unknown = read_host_access(login, root)
    return found


def test_whoever_logs_in_and_may_become_root_sees_everything() -> None:
    assert access(said(Login(), "oncall\n"), said(Root())) == HostAccess("oncall", True)
    assert access(said(Login(), "root\n"), said(Root(), why=Reason.NOT_RECORDED)) == HostAccess("root", True)


def test_sudo_that_refuses_is_told_with_its_reason() -> None:
    live = access(said(Login(), "oncall\n"), said(Root(), code=None, why=Reason.NEEDS_ROOT))
    assert isinstance(live, HostAccess)
    assert (live.root, str(live.why)) == (False, "because")
    recorded = access(said(Login(), "oncall\n"), said(Root(), code=1, err="sudo: a password is required\n"))
    assert isinstance(recorded, HostAccess)
    assert str(recorded.why) == "sudo says: sudo: a password is required"


def test_a_host_that_does_not_answer_is_the_reason_itself() -> None:
    for reason in (Reason.UNREACHABLE, Reason.NO_SSH, Reason.HOST_KEY, Reason.CREDENTIALS, Reason.NOT_RECORDED):
        found = access(said(Login(), why=reason), said(Root(), why=reason))
        assert isinstance(found, Unknown)
        assert found.reason is reason


def test_half_of_a_recording_is_enough_to_know_that_the_host_answers() -> None:
    assert access(said(Login(), why=Reason.NOT_RECORDED), said(Root())) == HostAccess("", True)


# ----------------------------------------------------------------------------------------------------- rights


def test_rights_are_read_line_by_line() -> None:
    text = "yes list nodes - -\nno get pods/log - -\nno list leases coordination.k8s.io kube-node-lease\nnonsense\n"
    rights = read_user_rights(Observation(Rights(), "kubernetes", "", stdout=text))
    assert rights.granted == {Right("list", "nodes")}
    assert {right.name for right in rights.denied} == {"get pods/log", "list leases.coordination.k8s.io"}
    assert rights.lacks([Right("get", "pods/log"), Right("list", "nodes")]) == (Right("get", "pods/log"),)


def test_no_right_is_asked_for_twice_and_none_reads_secrets() -> None:
    wanted = [*READS, *CHANGES]
    assert len(set(wanted)) == len(wanted)
    assert "secrets" not in {access.resource for access in wanted}


# ----------------------------------------------------------------------------------------------------- binary

PATH = "/etc/kubeedge/config/cloudcore.yaml"
RUNS = "LoadState=loaded\nActiveState=active\nSubState=running\n"
YAML = "modules:\n  cloudStream:\n    enable: true\n    streamPort: 20003\n"


def on_host(service: str, file: Observation) -> CloudCoreOnHost | Unknown:
    stat = said(FileStat(PATH), f"{PATH} 1795340000 100 root 644\n")
    found: CloudCoreOnHost | Unknown = read_cloudcore_on_host(said(Service("cloudcore"), service), file, stat)
    return found


def test_a_host_is_asked_for_cloudcore_only_where_the_cluster_runs_none() -> None:
    assert cloudcore_on_host.ask(HOST, CloudCore(pods=(Pod("kubeedge", "cloudcore-1"),))) is None
    asked = cloudcore_on_host.ask(HOST, CloudCore())
    assert asked == (Service("cloudcore"), File(PATH), FileStat(PATH))
    assert cloudcore_on_host.ask(HOST, Unknown(Reason.UNREACHABLE, _("API down"))) == asked


def test_the_file_of_a_host_is_read_with_its_ports_and_time() -> None:
    found = on_host(RUNS, said(File(PATH), YAML))
    assert isinstance(found, CloudCoreOnHost)
    assert found.service.is_running
    assert isinstance(found.config, CloudCoreConfig)
    assert (found.config.cloud_stream.enable, found.config.cloud_stream.stream_port) == (True, 20003)
    assert found.config.source == f"{PATH} on cloud1"
    assert found.config.changed is not None


def test_a_file_that_cannot_be_read_stays_with_its_reason() -> None:
    gone = on_host(RUNS, said(File(PATH), code=1, err=f"cat: {PATH}: No such file or directory"))
    broken = on_host(RUNS, said(File(PATH), "modules: [\n"))
    reasons = [
        one.config.reason
        for one in (gone, broken)
        if isinstance(one, CloudCoreOnHost) and isinstance(one.config, Unknown)
    ]
    assert reasons == [Reason.MISSING, Reason.UNPARSABLE]


def test_a_host_without_the_unit_runs_no_cloudcore() -> None:
    found = on_host("LoadState=not-found\nActiveState=inactive\n", said(File(PATH), YAML))
    assert isinstance(found, Unknown)
    assert found.reason is Reason.MISSING
