"""The yardstick of a shell: plain ssh inside tmux, from a key to what tmux shows of it."""

from __future__ import annotations

import os
import pty
import select
import struct
import termios
import time
from fcntl import ioctl
from statistics import median

from tests.real.sshd import Sshd

SOCKET = f"kedge-bench-{os.getpid()}"
PATIENCE = 30.0


def typed_in_tmux(server: Sshd) -> float:
    """Milliseconds from a key, written to tmux's terminal, until tmux has drawn it: the median of 50."""
    ssh = f"ssh -t -F {server.ssh_config} edge1 'echo re''ady; cat'"
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color")
        os.environ.pop("TMUX", None)
        os.execvp("tmux", ["tmux", "-L", SOCKET, "-f", "/dev/null", "new-session", ssh])  # noqa: S606
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    try:
        _shows(terminal, b"ready")
        found: list[float] = []
        for _key in range(50):
            time.sleep(0.05)  # what was still being drawn is over
            while select.select([terminal], [], [], 0)[0]:
                os.read(terminal, 65536)
            began = time.perf_counter()
            os.write(terminal, b"x")
            _shows(terminal, b"x")
            found.append((time.perf_counter() - began) * 1000)
        return median(found)
    finally:
        os.spawnlp(os.P_WAIT, "tmux", "tmux", "-L", SOCKET, "kill-server")  # noqa: S606
        os.close(terminal)
        os.waitpid(pid, 0)


def _shows(terminal: int, wanted: bytes) -> None:
    seen, end = b"", time.monotonic() + PATIENCE
    while wanted not in seen:
        if time.monotonic() > end:
            raise TimeoutError(seen[-500:])
        if select.select([terminal], [], [], 0.2)[0]:
            seen += os.read(terminal, 65536)
