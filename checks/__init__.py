"""The built-in checks, one file per component.

The entry point ``kedge_tui.checks`` names this package; :mod:`kedge.registry` looks into every file of it, so a
new file is found by itself and two people adding checks never meet in one list.
"""
