"""Which handler belongs to which step."""

from __future__ import annotations

from typing import Any

import msgspec

from kedge.execute.base import Handler
from kedge.execute.commands import RunCommandHandler
from kedge.execute.configmaps import EditConfigMapHandler
from kedge.execute.deployments import EditDeploymentHandler
from kedge.execute.files import EditYamlHandler, RestoreFileHandler
from kedge.execute.jobs import UpdateEdgesHandler
from kedge.execute.keep import KeepRulesHandler
from kedge.execute.manifests import ApplyManifestHandler, DeleteObjectsHandler
from kedge.execute.nat import NatRuleHandler
from kedge.execute.objects import PatchObjectHandler
from kedge.execute.pods import CreatePodHandler, DeletePodHandler, TryPodHandler
from kedge.execute.rollout import RolloutRestartHandler
from kedge.execute.services import ServiceHandler
from kedge.execute.uploads import UploadFileHandler
from kedge.model import Step
from kedge.steps import (
    ApplyManifest,
    CreatePod,
    DeleteObjects,
    DeletePod,
    EditConfigMap,
    EditDeployment,
    EditYaml,
    KeepRules,
    NatRule,
    PatchObject,
    RestoreFile,
    RolloutRestart,
    RunCommand,
    ServiceAction,
    TryPod,
    UpdateEdges,
    UploadFile,
)

_HANDLERS: dict[type[Step], Handler[Any]] = {
    EditYaml: EditYamlHandler(),
    EditConfigMap: EditConfigMapHandler(),
    RestoreFile: RestoreFileHandler(),
    ServiceAction: ServiceHandler(),
    NatRule: NatRuleHandler(),
    RolloutRestart: RolloutRestartHandler(),
    PatchObject: PatchObjectHandler(),
    EditDeployment: EditDeploymentHandler(),
    ApplyManifest: ApplyManifestHandler(),
    DeleteObjects: DeleteObjectsHandler(),
    RunCommand: RunCommandHandler(),
    UploadFile: UploadFileHandler(),
    KeepRules: KeepRulesHandler(),
    UpdateEdges: UpdateEdgesHandler(),
    CreatePod: CreatePodHandler(),
    TryPod: TryPodHandler(),
    DeletePod: DeletePodHandler(),
}
_BY_NAME = {kind.__name__: kind for kind in _HANDLERS}


def handler_of(step: Step) -> Handler[Any]:
    """The handler of a step; TypeError for a kind that nobody can carry out."""
    try:
        return _HANDLERS[type(step)]
    except KeyError:
        raise TypeError(f"no handler for {type(step).__name__}") from None


def to_data(step: Step) -> dict[str, Any]:
    """A step as JSON data, with its kind."""
    return {"step": type(step).__name__, **msgspec.to_builtins(step)}


def from_data(data: dict[str, Any]) -> Step:
    """The step again; msgspec.ValidationError (a ValueError) when the data is not one."""
    fields = {key: value for key, value in data.items() if key != "step"}
    kind = _BY_NAME.get(str(data.get("step")))
    if kind is None:
        raise msgspec.ValidationError(f"unknown step {data.get('step')!r}")
    found: Step = msgspec.convert(fields, kind)
    return found
