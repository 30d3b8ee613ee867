"""The Textual application: shows the picture that kedge paints and has no KubeEdge knowledge of its own."""
