"""How each kind of step is looked at, applied, found out about and undone. Used by the executor alone."""
