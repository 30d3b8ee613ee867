"""Notices that the config file was saved again, and what has become of it for the open site."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kedge.config import Config, ConfigFileError, config_path, load
from kedge.i18n import Text, _


@dataclass(frozen=True, slots=True)
class Changed:
    """What another version of the file says otherwise.

    Attributes:
        config: the whole of it. keys, theme, site: whether those parts differ; ``site`` for the open one.
        gone: the open site is no longer in the file.
    """

    config: Config
    keys: bool = False
    theme: bool = False
    site: bool = False
    gone: bool = False

    @property
    def text(self) -> Text:
        """Half a sentence with what differs."""
        parts = [
            str(word)
            for word, differs in ((_("keys"), self.keys), (_("theme"), self.theme), (_("site"), self.site))
            if differs
        ]
        return _("{parts}").format(parts=", ".join(parts)) if parts else _("nothing that matters here")


def compare(before: Config, now: Config, site: str) -> Changed:
    """What differs between two versions of the file; pure.

    Args:
        site: the open one, as the file calls it; "" when it is none of the file's.
    """
    was, is_now = before.sites.get(site), now.sites.get(site)
    told = [[(choice.id, choice.keys) for choice in config.keys] for config in (before, now)]
    return Changed(
        now,
        keys=told[0] != told[1],
        theme=before.theme != now.theme,
        site=is_now is not None and was != is_now,
        gone=was is not None and is_now is None,
    )


class ConfigWatch:
    """Looks at one file from time to time. Blocking, but for nothing longer than reading it.

    Args:
        named: the path that the command line names; "" for the usual place.
    """

    def __init__(self, named: str) -> None:
        self._named = named
        self._path = config_path(named)
        self._seen = self._coming = _signature(self._path)

    def look(self) -> Config | None:
        """The file as it is now, if it is another one than before, and the same as at the last look.

        An editor may empty or remove a file before it writes it: what is on its way is not read.

        Raises:
            ConfigFileError: it is another one, and it cannot be used.
        """
        seen = _signature(self._path)
        coming, self._coming = self._coming, seen
        if seen == self._seen or seen != coming:
            return None
        self._seen = seen
        if seen is None:
            raise ConfigFileError(_("The config file {file} is gone").format(file=self._path))
        return load(self._named)


def _signature(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file is saved; None when there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
