"""The practice site: a small, true world of one KubeEdge installation behind real servers.

It stands alone: nothing of the product is imported here, and the product does not know that it talks to a practice
site.
"""
