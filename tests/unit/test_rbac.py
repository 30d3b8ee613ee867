"""The printed roles: no more than probes and steps declare, no less, and in a shape that Kubernetes takes."""

from __future__ import annotations

import json

import pytest
import yaml
from click.testing import CliRunner

from kedge import rbac
from kedge.asks import Api
from kedge.commands.rbac import command
from kedge.links.base import Access
from kedge.links.kube_exec import exec_accesses
from kedge.model import Role
from kedge.plugins import Probe, Registry, probe
from kedge.probes.rights import CHANGES, READS
from kedge.registry import discover

REGISTRY = discover()
WRITING = frozenset({"create", "patch", "update", "delete", "deletecollection"})


def test_the_rights_that_are_reviewed_are_those_that_probes_ask_for() -> None:
    """KE102 reviews READS; everybody may read /version, and ``get pods/exec`` is an older server's ``create``."""
    unreviewed = {Access("get", "", "/version"), exec_accesses("")[1]}
    assert set(rbac.asked(REGISTRY.probes)) - unreviewed == set(READS)


def test_the_rights_that_are_reviewed_are_those_that_fixes_change() -> None:
    """Those of a test on demand are not: the dry run of its preview tells, and nobody misses them otherwise."""
    repairs = [fix for fix in REGISTRY.fixes if not fix.on_demand]
    changed = {access for access in rbac.changes(repairs) if access.verb in WRITING}
    assert changed == set(CHANGES)


def test_every_fix_that_is_named_exists() -> None:
    assert {*rbac.STEPS, *rbac.ADMIN_ONLY} <= {fix.id for fix in REGISTRY.fixes}


def test_read_only_changes_nothing() -> None:
    found = rbac.accesses(REGISTRY, read_only=True, exec_too=False)
    assert {access.verb for access in found} == {"get", "list", "watch"}
    assert not any(access.subresource == "exec" for access in found)
    with_exec = set(rbac.accesses(REGISTRY, read_only=True)) - set(found)
    assert with_exec == set(exec_accesses(""))


def test_no_secret_is_ever_read() -> None:
    assert not any(access.resource in ("secrets", "*") or "*" in access.verb for access in rbac.accesses(REGISTRY))


def test_what_is_granted_everywhere_is_not_granted_again_in_a_namespace() -> None:
    found = rbac.accesses(REGISTRY)
    everywhere = {(a.verb, a.group, a.resource, a.subresource) for a in found if not a.namespace}
    assert not [a for a in found if a.namespace and (a.verb, a.group, a.resource, a.subresource) in everywhere]


def test_the_rights_of_a_third_partys_probe_are_printed_too() -> None:
    @probe(Role.EDGE)
    def nodegroups() -> Api:
        return Api(
            "/apis/apps.kubeedge.io/v1/nodegroups", watched=True, access=Access("list", "apps.kubeedge.io", "ng")
        )

    assert isinstance(nodegroups, Probe)
    found = rbac.accesses(Registry(probes=(nodegroups,)))
    assert {access.verb for access in found if access.group == "apps.kubeedge.io"} == {"list", "watch"}


def granted(roles: list[dict[str, object]]) -> set[tuple[str, str, str, str]]:
    """(namespace, verb, group, resource) of every rule."""
    found: set[tuple[str, str, str, str]] = set()
    for role in roles:
        namespace = role["metadata"].get("namespace", "")  # type: ignore[attr-defined]
        for rule in role["rules"]:  # type: ignore[attr-defined]
            for resource in rule.get("resources") or rule["nonResourceURLs"]:
                for group in rule.get("apiGroups", [""]):
                    found |= {(namespace, verb, group, resource) for verb in rule["verbs"]}
    return found


@pytest.mark.parametrize("flags", [(), ("--read-only",), ("--read-only", "--no-exec")], ids=str)
def test_what_is_printed_grants_exactly_what_is_needed(flags: tuple[str, ...]) -> None:
    ran = CliRunner().invoke(command, list(flags))
    roles = list(yaml.safe_load_all(ran.stdout))
    needed = rbac.accesses(REGISTRY, read_only="--read-only" in flags, exec_too="--no-exec" not in flags)
    wanted = {(a.namespace, a.verb, a.group, "/".join(filter(None, (a.resource, a.subresource)))) for a in needed}
    assert (ran.exit_code, granted(roles)) == (0, wanted)
    assert [role["kind"] for role in roles] == ["ClusterRole", "Role", "Role", "Role", "Role"]
    assert json.loads(CliRunner().invoke(command, [*flags, "-o", "json"]).stdout)["items"] == roles
