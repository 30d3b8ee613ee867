"""An edit of a YAML file inside a ConfigMap: the surgical edit of a file, sent as a patch of the object."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

from kedge.execute.base import Handler, Hands, Refused, Shown, Tell
from kedge.execute.files import edited
from kedge.execute.objects import PatchObjectHandler, get_object
from kedge.i18n import _
from kedge.links.base import Access
from kedge.model import Step
from kedge.steps import EditConfigMap, PatchObject, title_of


class EditConfigMapHandler(Handler[EditConfigMap]):
    """The patch is made at the preview and kept in ``seen``; resourceVersion guards it until it is sent."""

    one_call = True

    def __init__(self) -> None:
        self._objects = PatchObjectHandler()

    async def look(self, step: EditConfigMap, hands: Hands, at: datetime) -> Shown:
        found = await get_object(hands, step.path)
        text = (found.get("data") or {}).get(step.key)
        what = _("{key} of ConfigMap {namespace}/{name}").format(key=step.key, namespace=step.namespace, name=step.name)
        if text is None:
            raise Refused(_("There is no {what}").format(what=what))
        after, _splices = await hands.work(lambda: edited(what, text.encode(), step.changes, step.was))
        body = json.dumps({"data": {step.key: after.decode()}})
        was = json.dumps({"data": {step.key: text}})
        shown = await self._objects.look(PatchObject(step.on, step.path, body, was=was), hands, at)
        return replace(shown, step=step, title=title_of(step), seen={**shown.seen, "body": body})

    async def change(self, step: EditConfigMap, shown: Shown, hands: Hands, tell: Tell) -> None:
        await self._objects.change(_patch(step, shown), shown, hands, tell)

    async def settle(self, step: EditConfigMap, shown: Shown, hands: Hands) -> bool | None:
        return await self._objects.settle(_patch(step, shown), shown, hands)

    def undo(self, step: EditConfigMap, shown: Shown) -> tuple[Step, ...]:
        return self._objects.undo(_patch(step, shown), shown)

    def rights(self, step: EditConfigMap) -> tuple[Access, ...]:
        return self._objects.rights(PatchObject(step.on, step.path, "{}"))


def _patch(step: EditConfigMap, shown: Shown) -> PatchObject:
    return PatchObject(step.on, step.path, shown.seen["body"])
