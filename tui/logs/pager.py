"""Opens text in the person's own pager, which takes the terminal for as long as it runs."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile

from textual.app import App, SuspendNotSupported

from kedge.i18n import Text, _


def open_pager(app: App[object], text: str) -> Text | None:
    """Show a text in ``$PAGER`` (else less, else more); a sentence when that cannot be done."""
    words = shlex.split(os.environ.get("PAGER", "")) or [next(filter(shutil.which, ("less", "more")), "")]
    if not words[0] or shutil.which(words[0]) is None:
        return _("There is no pager: set PAGER, or install less")
    with tempfile.NamedTemporaryFile("w", prefix="kedge-tui-", suffix=".log", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        try:
            with app.suspend():
                subprocess.run([*words, file.name], check=False)  # the person's own, on their terminal
        except SuspendNotSupported:
            return _("This terminal cannot be handed to a pager; W saves to a file")
        except OSError as error:
            return _("{pager} cannot be started: {error}").format(pager=words[0], error=error.strerror or error)
    return None
