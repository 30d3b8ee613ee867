"""Facts: typed values that probes read from observations. Frozen, pure, keyed by (type, target).

Every fact that ages carries ``at``: when it was seen, by the clock of its own source (UTC).
"""
