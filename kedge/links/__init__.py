"""Links: the only code that touches the outside. They know nothing of KubeEdge."""
