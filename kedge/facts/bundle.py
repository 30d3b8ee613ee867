"""The offline bundle of a site: what the deployment guide unpacks on the cloud host."""

from __future__ import annotations

from dataclasses import dataclass

MANIFEST = "manifests/metrics-server.yaml"
NAT_SCRIPT = "manifests/iptables-metrics-setup.sh"
IMAGES = "images"


@dataclass(frozen=True, slots=True)
class OfflineBundle:
    """The parts of the bundle that repairs use (target: the host it lies on).

    Attributes:
        folder: where it lies.
        manifest, nat_script: the texts of :data:`MANIFEST` and :data:`NAT_SCRIPT`, "" when they are not there.
        images: names of the archives below :data:`IMAGES`.
    """

    folder: str
    manifest: str = ""
    nat_script: str = ""
    images: tuple[str, ...] = ()

    def path(self, part: str) -> str:
        """Where a part of it lies on that host."""
        return f"{self.folder.rstrip('/')}/{part}"

    def archive_of(self, image: str) -> str:
        """Path of the archive that holds an image, by the guide's naming; "" when none does.

        The guide names it after the image with ``/`` and ``:`` turned into ``-``.
        """
        wanted = image.replace("/", "-").replace(":", "-")
        found = next((name for name in self.images if name.partition(".tar")[0] == wanted), "")
        return self.path(f"{IMAGES}/{found}") if found else ""
