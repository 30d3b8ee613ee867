"""Answers of curl and wget."""

from __future__ import annotations

import re

from kedge.model import Observation
from kedge.probes.answers import TIMED_OUT

_CODE = re.compile(r"\n?([1-5]\d\d)\s*\Z")


def read_http(seen: Observation) -> tuple[int, str, str]:
    """(status, body, problem) of one GET.

    The status is 0 when no HTTP answer came; then ``problem`` says why. A recorded call that did not print its
    status code counts as 200 when the tool was content and there was a body.
    """
    if seen.exit_code != 0:
        said = seen.stderr.strip().splitlines()
        if seen.exit_code == TIMED_OUT:
            return 0, seen.stdout, "timed out"
        return 0, seen.stdout, said[0] if said else f"exit code {seen.exit_code}"
    if found := _CODE.search(seen.stdout):
        return int(found[1]), seen.stdout[: found.start()], ""
    return (200, seen.stdout, "") if seen.stdout.strip() else (0, "", "empty answer")
