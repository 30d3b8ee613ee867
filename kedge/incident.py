"""The incident in a few lines: what is broken, since when, why, what was done by whom, and what remains.

For the ticket, and for the morning after. Pure: a picture and the history of changes go in, text comes out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from kedge.audit import Entry
from kedge.i18n import Text, _, ngettext, translate
from kedge.model import Finding, Status
from kedge.picture import Picture
from kedge.printable import one_line
from kedge.report import GLYPHS, said, stamp
from kedge.report_formats.markdown import quoted

LATELY = timedelta(hours=24)
"""How old a change may be to belong to what is told."""


def changes_of(picture: Picture, entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The changes on this site of the last 24 hours, oldest first."""
    oldest = stamp(picture.taken - LATELY) or ""
    return tuple(
        entry
        for entry in entries
        if entry.intent.get("site") == picture.site and str(entry.intent.get("at") or "") >= oldest
    )


def as_short(picture: Picture, entries: Sequence[Entry]) -> str:
    """Plain text for a chat or a phone."""
    lines = [f"{picture.site} {stamp(picture.taken)}: {said(headline(picture))}"]
    lines += [
        f"{GLYPHS[Status.FAIL]} {cause.code} {said(cause.target)}: {said(cause.text)}" for cause in picture.causes
    ]
    lines += [f"+ {one_line(_done(entry))}" for entry in changes_of(picture, entries)]
    lines += [f"> {said(text)}" for text in remains(picture)]
    return "\n".join(lines) + "\n"


def as_markdown(picture: Picture, entries: Sequence[Entry]) -> str:
    """For a ticket, in the reader's language."""
    lines = [f"# {quoted(picture.site)}: {quoted(headline(picture))}", "", f"{stamp(picture.taken)}", ""]
    lines += [f"## {translate(_('What is broken, and why'))}", "", *_broken(picture), ""]
    done = [f"* {quoted(_done(entry))}" for entry in changes_of(picture, entries)]
    lines += [f"## {translate(_('What was done in the last 24 hours'))}", "", *(done or [translate(_("nothing"))]), ""]
    left = [f"* {quoted(text)}" for text in remains(picture)]
    lines += [f"## {translate(_('What remains'))}", "", *(left or [translate(_("nothing"))])]
    return "\n".join(lines) + "\n"


def headline(picture: Picture) -> Text:
    """How bad it is, in a sentence."""
    nodes = sorted({path.node for path in picture.paths if any(hop.status is Status.FAIL for hop in path.hops)})
    if not picture.causes:
        return _("nothing is broken as far as it could be judged")
    causes = ngettext("{count} cause", "{count} causes", "count").format(count=len(picture.causes))
    if not nodes:
        return _("{causes}; logs and exec of no edge are affected").format(causes=causes)
    return _("{causes}; logs and exec do not reach {nodes}").format(causes=causes, nodes=", ".join(nodes))


def _broken(picture: Picture) -> Iterator[str]:
    if not picture.causes:
        yield translate(_("nothing"))
    for cause in picture.causes:
        yield f"* **{cause.code} {quoted(cause.target)}**: {quoted(cause.text)}"
        if cause.since is not None:
            yield f"  * {translate(_('since'))}: {stamp(cause.since)}"
        if cause.seen:
            yield f"  * {translate(_('seen'))}: {quoted(cause.seen)}"
        if hurt := _consequences(picture, cause):
            yield f"  * {translate(_('therefore'))}: {', '.join(map(quoted, hurt))}"


def _consequences(picture: Picture, cause: Finding) -> list[str]:
    """What fails because of it, by code and target."""
    own = [f for f in picture.findings if (f.because, f.because_target) == (cause.code, cause.target)]
    return [f"{f.code} {f.target}" for f in own if f.status is Status.FAIL]


def _done(entry: Entry) -> str:
    intent = entry.intent
    who = (intent.get("who") or {}).get("os") or "-"
    verified = str((entry.verify or {}).get("result") or "")
    words = [entry.result or "unfinished", verified, f"undone by {entry.undone_by}" if entry.undone_by else ""]
    ended = ", ".join(filter(None, words))
    return f"{intent.get('at') or '-'} {who}: {intent.get('title') or '-'} ({intent.get('target') or '-'}): {ended}"


def remains(picture: Picture) -> tuple[Text, ...]:
    """What is still to be done: a repair for each cause, and what could not be judged."""
    left = []
    for cause in picture.causes:
        if cause.fixes:
            node = f" --node {cause.target}" if cause.target != "-" else ""
            text = _("{code} {target}: kedge-tui fix {fix}{node} --dry-run")
            left.append(text.format(code=cause.code, target=cause.target, fix=cause.fixes[0], node=node))
        else:
            text = _("{code} {target}: by hand; kedge-tui knows no fix for it")
            left.append(text.format(code=cause.code, target=cause.target))
    unknown = picture.summary()[Status.UNKNOWN]
    if unknown:
        text = ngettext("{count} check could not be judged", "{count} checks could not be judged", "count")
        left.append(text.format(count=unknown))
    return tuple(left)
