"""The built-in probes: what to ask a link, and a pure reading of the answer into a fact.

One file per subject, beside the fact types of :mod:`kedge.facts`. The registry finds a new file by itself.
"""
