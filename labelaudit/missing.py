"""What counts as a value that is not there."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["is_missing", "unmasked"]


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


def unmasked(values: Any) -> Any:
    """Return a masked array as nested lists with None where it is masked, all else as it is.

    NumPy drops a mask without a word, and what lies under it would count as given.

    Examples
    --------
    >>> unmasked(np.ma.masked_array([1, 2], [False, True]))
    [1, None]
    """
    return values.tolist() if isinstance(values, np.ma.MaskedArray) else values
