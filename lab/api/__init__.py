"""The practice site's Kubernetes API.

Authentication, the verbs that real clients use, and the data path behind pods/log, pods/exec, node proxy and
metrics.k8s.io.
"""

from lab.api.app import create_app

__all__ = ["create_app"]
