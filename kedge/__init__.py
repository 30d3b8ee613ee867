"""kedge: the engine of kedge-tui. It knows KubeEdge; it knows nothing of screens."""

__version__ = "0.1.0"
