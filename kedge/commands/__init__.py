"""Subcommands of ``kedge-tui``, one file each, imported only when they are called."""
