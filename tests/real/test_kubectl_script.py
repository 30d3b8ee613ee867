"""What ``c`` copies, run by a real shell: kubectl gets the very words and objects that the executor would send."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from kedge.i18n import Text
from kedge.model import Plan, Risk, Step
from kedge.steps import (
    KUBERNETES,
    ApplyManifest,
    CreatePod,
    DeleteObjects,
    DeletePod,
    PatchObject,
    TryPod,
    UpdateEdges,
    script,
)
from kedge.steps_pods import LINE

STUB = """\
#!{python}
import json, os, sys
words = sys.argv[1:]
said = sys.stdin.read() if words[-2:] == ["-f", "-"] else ""
with open(os.environ["CALLS"], "a") as calls:
    print(json.dumps([words, said]), file=calls)
if os.environ["FAILING"] in words:
    sys.exit("kubectl: refused")
if "logs" in words or "exec" in words:
    print(os.environ["LINE"])
"""
HOSTILE = "it's $HOME `id`\n; touch never"
MANIFEST = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m, namespace: n}}\ndata: {{KEDGE_END: {HOSTILE!r}}}\n"
POD = CreatePod(KUBERNETES, "default", "kedge-test", "edge1", "busybox:1.36")
POD_STEPS = (POD, TryPod(KUBERNETES, "default", POD.name, seconds=10.0), DeletePod(KUBERNETES, "default", POD.name))


class Kubectl:
    """A shell whose ``kubectl`` writes down what it is asked."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.calls_file = folder, folder / "calls"
        self.calls_file.touch()
        program = folder / "kubectl"
        program.write_text(STUB.format(python=sys.executable))
        program.chmod(0o755)
        (folder / "sleep").symlink_to("/bin/true")

    def run(self, *steps: Step, failing: str = "nothing") -> int:
        text = script(Plan("test", "edge1", Text(f"Try {HOSTILE}"), steps, Risk.LOW, Text("-")))
        path = f"{self.folder}:{os.environ['PATH']}"
        env = {**os.environ, "PATH": path, "CALLS": str(self.calls_file), "LINE": LINE, "FAILING": failing}
        done = subprocess.run(["sh"], input=text, text=True, env=env, cwd=self.folder, check=False, timeout=60)
        assert not (self.folder / "never").exists(), text
        return done.returncode

    @property
    def calls(self) -> list[tuple[list[str], str]]:
        return [(words, said) for words, said in map(json.loads, self.calls_file.read_text().splitlines())]

    @property
    def verbs(self) -> list[str]:
        return [words[2] if words[0] == "-n" else words[0] for words, _said in self.calls]

    @property
    def sent(self) -> list[Any]:
        """The objects that it was given."""
        return [yaml.safe_load(said) for _words, said in self.calls if said]


@pytest.fixture
def kubectl(tmp_path: Path) -> Kubectl:
    return Kubectl(tmp_path)


def test_a_test_pod_is_made_tried_and_taken_away(kubectl: Kubectl) -> None:
    assert kubectl.run(*POD_STEPS) == 0
    assert kubectl.sent == [POD.body]
    words = kubectl.verbs
    assert words[:6] == ["create", "wait", "logs", "exec", "top", "delete"]
    assert set(words[6:]) <= {"delete"}, "the trap's own, of what is gone"
    assert next(call[0][-2:] for call in kubectl.calls if "exec" in call[0]) == ["echo", LINE]


@pytest.mark.parametrize("failing", ["wait", "logs", "exec"])
def test_a_test_pod_is_taken_away_whatever_fails(kubectl: Kubectl, failing: str) -> None:
    assert kubectl.run(*POD_STEPS, failing=failing) != 0
    assert kubectl.calls[-1][0][2:4] == ["delete", f"pod/{POD.name}"]


def test_numbers_that_never_come_are_a_failure(kubectl: Kubectl) -> None:
    assert kubectl.run(*POD_STEPS, failing="top") != 0
    assert kubectl.verbs.count("top") == 2
    assert kubectl.calls[-1][0][2:4] == ["delete", f"pod/{POD.name}"]


def test_a_job_is_created_as_the_executor_does_and_waited_for(kubectl: Kubectl) -> None:
    step = UpdateEdges(KUBERNETES, ("edge1", "edge2"), (("modules.edgeStream.server", HOSTILE),))
    assert kubectl.run(step) == 0
    assert kubectl.sent == [step.body("kedge-tui-update")]
    assert kubectl.calls[-1][0][:3] == [
        "wait",
        "configupdatejob/kedge-tui-update",
        "--for=jsonpath={.status.phase}=Complated",
    ]


def test_manifests_patches_and_names_arrive_as_they_are(kubectl: Kubectl) -> None:
    folder = "/api/v1/namespaces/n/configmaps"
    patch = json.dumps({"data": {"key": HOSTILE}})
    apply, change = ApplyManifest(KUBERNETES, MANIFEST, HOSTILE), PatchObject(KUBERNETES, f"{folder}/m", patch)
    assert kubectl.run(apply, change, DeleteObjects(KUBERNETES, (f"{folder}/m", f"{folder}/$(touch never)"))) == 0
    assert kubectl.sent == [yaml.safe_load(MANIFEST)]
    assert kubectl.calls[1][0] == ["-n", "n", "patch", "configmaps/m", "--type=merge", "-p", patch]
    names = [call[0][3] for call in kubectl.calls[2:]]
    assert names == ["configmaps/m", "configmaps/$(touch never)"]
