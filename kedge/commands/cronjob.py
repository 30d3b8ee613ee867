"""``kedge-tui cronjob``: the manifests that check the site from inside it, again and again."""

from __future__ import annotations

import json
from typing import Any

import click
import yaml

from kedge import cronjob, rbac
from kedge.commands.durations import duration
from kedge.registry import discover

_HEADER = """\
# Checks the site from inside it and keeps the last report: what fails, warns or could not be judged.
# Reads with the rights below and nothing else; no host is asked (--no-ssh).
#
#   kedge-tui cronjob --image IMAGE --kubectl-image IMAGE | kubectl apply -f -
#   kubectl -n {namespace} create job --from=cronjob/{name} now
#   kubectl -n {namespace} get configmap {name} -o go-template='{{{{index .data "report.json"}}}}'
"""


@click.command("cronjob")
@click.option("--image", required=True, help="Image that holds kedge-tui and a shell.")
@click.option("--kubectl-image", required=True, metavar="IMAGE", help="Image that holds kubectl.")
@click.option("--name", default=rbac.NAME, show_default=True, help="Name of all that is made.")
@click.option("-n", "--namespace", default=rbac.NAME, show_default=True, help="Namespace; made when it is not there.")
@click.option("--schedule", default=cronjob.SCHEDULE, show_default=True, help="When, in cron's words.")
@duration("--timeout", "120s", help="For one check.")
@click.option("-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", help="Format of the manifests.")
def command(
    image: str, kubectl_image: str, name: str, namespace: str, schedule: str, timeout: float, output: str
) -> None:
    """Print a CronJob that checks the site and keeps its last report in a ConfigMap."""
    job = cronjob.Job(image, kubectl_image, name, namespace, schedule, timeout)
    found = cronjob.manifests(job, rbac.accesses(discover(), read_only=True, exec_too=False))
    if output == "json":
        click.echo(json.dumps({"apiVersion": "v1", "kind": "List", "items": found}, indent=2))
        return
    click.echo(_HEADER.format(name=name, namespace=namespace), nl=False)
    click.echo(yaml.dump_all(found, Dumper=_Dumper, sort_keys=False, explicit_start=True), nl=False)


class _Dumper(yaml.SafeDumper):
    """Scripts as they would be typed, and no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)
