"""The practice site: a small KubeEdge installation on loopback, for learning and for tests. Imports nothing of kedge."""
