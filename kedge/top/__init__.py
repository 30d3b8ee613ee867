"""What machines, pods and containers use right now: the metrics API's numbers, and the hosts' own beside them.

Everything here is pure but :mod:`kedge.top.metrics` and :mod:`kedge.top.hosts`, which ask a link.
"""
