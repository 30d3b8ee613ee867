"""Regular expressions that a person types, letter by letter."""

from __future__ import annotations

import re
import warnings


def compiled(text: str) -> re.Pattern[str]:
    """The pattern, case ignored; raises re.error for what is none.

    What Python may read differently one day (``[[``) is no concern of somebody who is half-way through typing.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return re.compile(text, re.IGNORECASE)
