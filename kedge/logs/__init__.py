"""What KubeEdge, Kubernetes and Metrics Server write when something is wrong: signatures as data, and readers."""
