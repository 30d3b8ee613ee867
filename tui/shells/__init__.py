"""Shells on the screen: the pane, its menu, and what leads to one. Imported when the first one is opened."""
