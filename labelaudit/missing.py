"""What counts as a value that is not there."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["is_missing"]


def is_missing(value: Any) -> bool:
    """Tell whether a single value is None, NaN, or what pandas has in their place.

    pandas' own values are known by name, so that nothing has to load it.

    Examples
    --------
    >>> is_missing(None), is_missing(float("nan")), is_missing(""), is_missing(0)
    (True, True, False, False)
    """
    if isinstance(value, float | np.floating):
        return bool(np.isnan(value))
    return value is None or type(value).__name__ in {"NAType", "NaTType"}
