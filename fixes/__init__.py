"""The built-in fixes, one file per component.

The entry point ``kedge_tui.fixes`` names this package; :mod:`kedge.registry` looks into every file of it, so a
new file is found by itself and two people adding fixes never meet in one list.
"""
