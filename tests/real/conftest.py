"""The real site, built once for the run and calm at the start of every test that asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.real.site import Site, built


@pytest.fixture(scope="session")
def _site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with built(folder / "site") as site:
        yield site


@pytest.fixture
def site(_site: Site) -> Site:
    _site.calm()
    return _site
