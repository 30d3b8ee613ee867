"""The machines of the practice site: directory trees, SSH servers and the tools on their PATH."""
