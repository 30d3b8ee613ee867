"""An object of Kubernetes in the words of ``kubectl describe``, with events and changes of state on one time line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kedge.i18n import Text, _, translate
from kedge.model import Status
from kedge.printable import one_line, printable
from tui.glyphs import WORDS, style_of
from tui.screens.history import outcome_of
from tui.screens.text_view import heading, paragraph, table
from tui.text_layout import Line, chop, clock, pad, wrap

if TYPE_CHECKING:
    from kedge.audit import Entry
    from kedge.model import Finding
    from kedge.objects import Reading

Pairs = list[tuple[str, str]]

EVENTS_MOST = 200


def described(reading: Reading, findings: Sequence[Finding], width: int, changes: Sequence[Entry] = ()) -> list[Line]:
    """Everything worth reading, what changes most at the end.

    Args:
        findings: what is known of whom it belongs to. changes: what was changed there from this machine.
    """
    found = reading.object
    if found is None:
        lines = paragraph(reading.problem.text if reading.problem else _("nothing was read"), width, "line--bad")
    else:
        meta = _dict(found.get("metadata"))
        lines = table(_named(found, meta), width)
        for title, pairs in _sections(found, meta):
            if pairs:
                lines += [*heading(title, width), *table(pairs, width)]
        for name, text in _dict(found.get("data")).items():
            lines += heading(_("data: {name}").format(name=name), width)
            body = printable(str(text)).rstrip("\n").split("\n")
            lines += [Line(((piece, "line--text"),)) for line in body for piece in chop(line, width)]
    return [*lines, *_time_line(reading, findings, changes, width)]


def _named(found: Mapping[str, Any], meta: Mapping[str, Any]) -> Pairs:
    kind = f"{found.get('kind') or '-'} ({found.get('apiVersion') or '-'})"
    pairs = [("kind", kind), ("name", _said(meta.get("name")))]
    pairs += [(key, _said(meta[key])) for key in ("namespace", "creationTimestamp", "deletionTimestamp") if key in meta]
    return [*pairs, *_owners(meta)]


def _owners(meta: Mapping[str, Any]) -> Pairs:
    owners = [_dict(owner) for owner in _list(meta.get("ownerReferences"))]
    return [("controlled by", f"{owner.get('kind')}/{owner.get('name')}") for owner in owners]


def _sections(found: Mapping[str, Any], meta: Mapping[str, Any]) -> Iterator[tuple[Text, Pairs]]:
    spec, status = _dict(found.get("spec")), _dict(found.get("status"))
    yield _("labels"), _flat(meta.get("labels"))
    yield _("annotations"), _flat(meta.get("annotations"))
    yield _("spec"), [(key, _said(value)) for key, value in spec.items() if key not in _OWN_SECTION]
    for title, containers in (("initContainers", spec), ("containers", spec)):
        states = {_dict(one).get("name"): _dict(one) for one in _list(status.get(_STATES[title]))}
        for container in map(_dict, _list(containers.get(title))):
            name = container.get("name")
            yield _("container {name}").format(name=name), _container(container, states.get(name, {}))
    template = _dict(_dict(spec.get("template")).get("spec"))
    for container in map(_dict, _list(template.get("containers"))):
        yield _("container {name} of the template").format(name=container.get("name")), _container(container, {})
    yield _("status"), [(key, _said(value)) for key, value in status.items() if key not in _OWN_SECTION]
    yield _("conditions"), [_condition(_dict(one)) for one in _list(status.get("conditions"))]


_STATES = {"containers": "containerStatuses", "initContainers": "initContainerStatuses"}
_OWN_SECTION = frozenset(
    {"containers", "initContainers", "template", "conditions", "images", *_STATES.values(), "volumes"}
)


def _container(container: Mapping[str, Any], state: Mapping[str, Any]) -> Pairs:
    pairs = [("image", _said(container.get("image")))]
    pairs += [(key, _said(container[key])) for key in ("command", "args", "ports", "resources") if container.get(key)]
    for entry in map(_dict, _list(container.get("env"))):
        value = entry.get("value") if "value" in entry else entry.get("valueFrom")
        pairs.append((f"env {entry.get('name')}", _said(value)))
    if state:
        pairs.append(("state", _said(state.get("state"))))
        if state.get("lastState"):
            pairs.append(("last state", _said(state["lastState"])))
        pairs += [("ready", _said(state.get("ready"))), ("restarts", _said(state.get("restartCount")))]
    return pairs


def _condition(one: Mapping[str, Any]) -> tuple[str, str]:
    words = (one.get("status"), one.get("reason"), one.get("message"))
    since = f" ({one['lastTransitionTime']})" if one.get("lastTransitionTime") else ""
    return str(one.get("type")), "  ".join(one_line(str(word)) for word in words if word) + since


# --------------------------------------------------------------------------------------------- the time line


def _time_line(reading: Reading, findings: Sequence[Finding], changes: Sequence[Entry], width: int) -> list[Line]:
    """Events of the object, what the checks saw turn, and what people changed, newest first."""
    lines = heading(_("what happened, newest first"), width)
    if reading.no_events is not None:
        lines += paragraph(reading.no_events.text, width, "line--bad")
    rows: list[tuple[datetime, str, str, str]] = []
    for event in reading.events[:EVENTS_MOST]:
        times = f" (x{event.count})" if event.count > 1 else ""
        style = "line--bad" if event.type == "Warning" else "line--text"
        rows.append((event.at or _NEVER, event.type, f"{event.reason}{times}: {event.message}", style))
    for finding in findings:
        if finding.since is not None and finding.status in (Status.FAIL, Status.WARN):
            said = f"{finding.code} {translate(finding.text)}"
            rows.append((finding.since, translate(WORDS[finding.status]), said, style_of(finding.status)))
    rows += [(at, translate(_("change")), said, "line--heading") for at, said in map(_change, changes)]
    for at, word, said, style in sorted(rows, key=lambda row: row[0], reverse=True):
        day = reading.at.astimezone().date() if reading.at is not None else None
        head = f"{clock(at, day) if at != _NEVER else '-':<19} {pad(one_line(word), 8)} "
        parts = wrap(said, width - len(head))
        lines.append(Line(((head, "line--dim"), (parts[0], style))))
        lines += [Line(((" " * len(head) + part, style),)) for part in parts[1:]]
    if not rows and reading.no_events is None:
        none = _("Kubernetes keeps no event about it; they are kept for an hour by default")
        lines += paragraph(none, width, "line--dim")
    return lines


def _change(entry: Entry) -> tuple[datetime, str]:
    """When a change was begun, and who changed what with what outcome."""
    try:
        at = datetime.fromisoformat(str(entry.intent.get("at")))
    except ValueError:
        at = _NEVER
    who = _dict(entry.intent.get("who")).get("os", "-")
    result = outcome_of(entry)[1]
    said = _("{title} ({who}): {result}").format(title=entry.intent.get("title", "-"), who=who, result=result)
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)), one_line(translate(said))


_NEVER = datetime.min.replace(tzinfo=UTC)


# ------------------------------------------------------------------------------- whatever a server may answer


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _flat(value: object) -> Pairs:
    return [(str(key), _said(inner)) for key, inner in _dict(value).items()]


def _said(value: object) -> str:
    """A value on one line: scalars as they are, the rest as ``key=value`` from the inside out."""
    if isinstance(value, dict):
        return ", ".join(f"{key}={_inner(inner)}" for key, inner in value.items()) or "-"
    if isinstance(value, list):
        return ", ".join(_inner(inner) for inner in value) or "-"
    if isinstance(value, bool):
        return str(value).lower()
    return "-" if value is None or value == "" else str(value)


def _inner(value: object) -> str:
    said = _said(value)
    return f"({said})" if isinstance(value, dict | list) else said
