"""``python -m kedge``: the same as ``kedge-tui``."""

from kedge.cli import main

main()
