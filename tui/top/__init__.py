"""The panes of ``t``: who uses what, by the metrics API and by what machines say themselves."""
