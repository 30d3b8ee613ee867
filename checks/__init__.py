"""The built-in checks, one file per component.

Loading this package registers all of them: it is what the entry point ``kedge_tui.checks`` names. A new file
in this folder is found by itself, so that two people adding checks never meet in one list.
"""

from __future__ import annotations

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
