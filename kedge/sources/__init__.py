"""Sources answer asks with observations: over a live link, or out of a recording. Secrets are masked here."""
