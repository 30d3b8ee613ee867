"""A site in a file: everything that was observed and found, to be judged and looked at anywhere.

A bundle is a ``.tar.gz`` of ``manifest.json``, ``findings.json``, ``observations.jsonl`` and ``audit.jsonl``. Secrets
are masked while it is written; it is read in memory alone, never unpacked.
"""
