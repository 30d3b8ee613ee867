"""Whether kedge-tui's own set-up will do: this terminal, these files, these credentials, these ways to machines."""
