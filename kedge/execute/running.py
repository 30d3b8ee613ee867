"""Whether a command whose end nobody saw still runs on its host: only then is its effect the last word."""

from __future__ import annotations

from collections.abc import Sequence

from kedge.execute.base import Hands, StepFailed
from kedge.i18n import _

# What is looked for comes on standard input, so that no command line of this look holds it.
STILL_RUNS = """\
read -r want
for file in /proc/[0-9]*/cmdline; do
  line=$(tr '\\0' ' ' <"$file" 2>/dev/null) || continue
  case " ${line% }" in *" $want") exit 0 ;; esac
done
exit 1"""
_WORDS = 3
"""Last words of a command line that tell it apart: programs of several names put others in front."""


async def wait_for_end(hands: Hands, on: str, argv: Sequence[str], seconds: float) -> None:
    """A lost connection ends no command that was begun: wait until it has ended by itself.

    Raises:
        StepFailed: it still runs after so many seconds.
        LinkError: the host cannot be asked.
    """
    until = hands.clock.monotonic() + seconds
    want = " ".join(argv[-_WORDS:]).encode() + b"\n"
    while (await hands.run(on, ("sh", "-c", STILL_RUNS), stdin=want)).exit_code == 0:
        if hands.clock.monotonic() >= until:
            sentence = _("{command} still runs on {host}; what it will have done shows when it has ended")
            raise StepFailed(sentence.format(command=argv[0], host=on))
        await hands.clock.sleep(hands.settings.poll)
