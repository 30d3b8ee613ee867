"""``-o junit``: results as test cases, for continuous integration."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET  # written here, never read

from kedge.model import Status
from kedge.picture import Picture
from kedge.printable import printable
from kedge.report import EVERYTHING, document

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even as a reference."""


def as_junit(picture: Picture, show: frozenset[Status] = EVERYTHING) -> str:
    """One suite for each component. Failures fail, skipped and unknown are skipped, the rest passes."""
    whole = document(picture, show)
    root = ET.Element("testsuites", _attributes(name="kedge-tui", **_counts(whole["results"])))
    suites: dict[str, list[dict[str, Any]]] = {}
    for result in whole["results"]:
        suites.setdefault(result["component"], []).append(result)
    for component, results in suites.items():
        stamp = whole["generatedAt"].removesuffix("Z")
        attributes = _attributes(name=component, hostname=whole["site"], timestamp=stamp, **_counts(results))
        suite = ET.SubElement(root, "testsuite", attributes)
        for result in results:
            _case(suite, result)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _counts(results: list[dict[str, Any]]) -> dict[str, Any]:
    status = [result["status"] for result in results]
    skipped = status.count(Status.SKIP) + status.count(Status.UNKNOWN)
    seconds = sum(result["durationMs"] for result in results) / 1000
    return {
        "tests": len(status),
        "failures": status.count(Status.FAIL),
        "errors": 0,
        "skipped": skipped,
        "time": f"{seconds:.3f}",
    }


def _case(suite: ET.Element, result: dict[str, Any]) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        _attributes(
            classname=f"{result['component']}.{result['target']}",
            name=f"{result['code']} {result['title']}",
            time=f"{result['durationMs'] / 1000:.3f}",
        ),
    )
    status = result["status"]
    if status == Status.FAIL:
        failure = ET.SubElement(case, "failure", _attributes(message=result["message"], type=result["code"]))
        failure.text = _clean("\n".join(_lines(result)))
    elif status in (Status.SKIP, Status.UNKNOWN):
        ET.SubElement(case, "skipped", _attributes(message=f"{status}: {result['message']}"))
    else:
        ET.SubElement(case, "system-out").text = _clean(f"{status}: {result['message']}")


def _lines(result: dict[str, Any]) -> list[str]:
    lines = [result["message"]]
    lines += [f"{name}: {result[name]}" for name in ("expected", "seen") if result[name]]
    if result["because"]:
        lines.append(f"because: {result['because']} on {result['becauseTarget']}")
    if result["fixes"]:
        lines.append(f"fixes: {', '.join(result['fixes'])}")
    return lines


def _attributes(**values: Any) -> dict[str, str]:
    return {name: _clean(str(value)) for name, value in values.items()}


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", printable(text))
