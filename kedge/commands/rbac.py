"""``kedge-tui rbac``: the least rights that the product needs, as roles to apply."""

from __future__ import annotations

import json
import shlex
from typing import Any

import click
import yaml

from kedge import rbac
from kedge.registry import discover

_HEADER = """\
# The rights of kedge-tui{mode}. Apply them, then bind them to whoever uses it:
#
#   kedge-tui rbac{flags} | kubectl apply -f -
#   kubectl create clusterrolebinding {name} --clusterrole={name} --user=WHO
"""
_ADMIN = "# Not in it: {fixes}, which creates roles and so takes an admin of the cluster.\n"
_NAMESPACED = "#   kubectl -n {namespace} create rolebinding {name} --role={name} --user=WHO\n"


@click.command("rbac")
@click.option("--read-only", is_flag=True, help="Leave out what only fixes need.")
@click.option("--no-exec", is_flag=True, help="Leave out running commands in containers.")
@click.option("--name", default=rbac.NAME, show_default=True, help="Name of the roles.")
@click.option("-n", "--namespace", default=rbac.TEST_NAMESPACE, show_default=True, help="Where test pods run.")
@click.option("-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", help="Format of the manifests.")
def command(read_only: bool, no_exec: bool, name: str, namespace: str, output: str) -> None:
    """Print the roles that grant exactly what is needed, and nothing else."""
    needed = rbac.accesses(discover(), read_only=read_only, exec_too=not no_exec, namespace=namespace)
    roles = rbac.manifests(needed, name)
    if output == "json":
        click.echo(json.dumps({"apiVersion": "v1", "kind": "List", "items": roles}, indent=2))
        return
    flags = "".join(f" --{flag}" for flag, is_set in (("read-only", read_only), ("no-exec", no_exec)) if is_set)
    if namespace != rbac.TEST_NAMESPACE and not read_only:
        flags += f" --namespace {shlex.quote(namespace)}"
    click.echo(_header(roles, name, flags), nl=False)
    click.echo(yaml.safe_dump_all(roles, sort_keys=False, explicit_start=True), nl=False)


def _header(roles: list[dict[str, Any]], name: str, flags: str) -> str:
    mode = " without its fixes" if "--read-only" in flags else ""
    namespaces = [role["metadata"]["namespace"] for role in roles if role["kind"] == "Role"]
    lines = [_NAMESPACED.format(namespace=namespace, name=name) for namespace in namespaces]
    if not mode:
        lines.append(_ADMIN.format(fixes=", ".join(sorted(rbac.ADMIN_ONLY))))
    return _HEADER.format(mode=mode, flags=flags, name=name) + "".join(lines)
