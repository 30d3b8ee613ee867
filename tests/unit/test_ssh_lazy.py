"""paramiko costs 120 ms: it is imported when the first connection is made, in the thread that makes it."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["links.ssh", "links.local", "links.host_writer", "prompter"])
def test_importing_a_link_imports_no_paramiko(module: str) -> None:
    code = f"import sys, kedge.{module}; print(*sorted({{'paramiko', 'cryptography'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
