"""Shells: what to start for a selection, by which way, who may, and how it is accounted for."""
