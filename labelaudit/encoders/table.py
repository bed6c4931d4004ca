"""Tables: numbers as numbers, everything else as categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.encoders import Encoder
from labelaudit.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from labelaudit.domain import Dataset

_MAX_CATEGORIES = 254  # histogram gradient boosting has 255 bins, one of them for missing values
_SHOWN_CATEGORIES = 30  # of a column among the vectors for neighbours; rarer ones count as one


def encode(dataset: Dataset) -> pd.DataFrame:
    """Return (n, d) columns: float32 with NaN for missing numbers, pandas categories for anything else.

    Dates count as numbers, in seconds after the first. Categories are ordered by frequency, then by name; beyond 254
    of them the rarest are one category. Constant columns are left out.

    Raises
    ------
    DataError
        If no column varies.
    """
    import pandas as pd

    table = dataset.features
    assert table is not None
    columns = {str(name): _column(table[name]) for name in table.columns}
    varying = {name: column for name, column in columns.items() if _varies(column)}
    if not varying:
        raise DataError(
            f"None of the {len(columns)} feature columns varies.",
            "Name columns to learn from (--features), or the text column if there is one (--text).",
        )
    return pd.DataFrame(varying)


def _varies(column: pd.Series[Any]) -> bool:
    return len(column.unique()) > 1  # a missing value is one of them


def _column(values: pd.Series[Any]) -> pd.Series[Any]:
    import pandas as pd

    plain = values.reset_index(drop=True)
    if pd.api.types.is_datetime64_any_dtype(plain.dtype) or pd.api.types.is_timedelta64_dtype(plain.dtype):
        # From the first date on: float32 has no room for seconds since 1970.
        seconds: pd.Series[Any] = (plain - plain.min()).dt.total_seconds().astype(np.float32)
        return seconds
    if pd.api.types.is_numeric_dtype(plain.dtype) and not pd.api.types.is_bool_dtype(plain.dtype):
        numbers = plain.astype("float64").replace([np.inf, -np.inf], np.nan)
        largest = float(numbers.abs().max())
        # Only the order and ratios of numbers count, so those beyond float32 are brought into its range.
        return (numbers / largest if largest > float(np.finfo(np.float32).max) else numbers).astype(np.float32)
    words = plain.astype("object").where(plain.notna(), None).map(str, na_action="ignore")
    counts = words.value_counts()
    by_frequency = sorted(counts.index, key=lambda word: (-int(counts[word]), word))
    kept = by_frequency[: _MAX_CATEGORIES - 1] if len(by_frequency) > _MAX_CATEGORIES else by_frequency
    if len(kept) < len(by_frequency):
        words = words.where(words.isin(kept) | words.isna(), "(rare)")
        kept = list(dict.fromkeys([*kept, "(rare)"]))
    return pd.Series(pd.Categorical(words, categories=kept))


def embed(features: Any, *, seed: int) -> NDArray[np.float32]:  # noqa: ARG001 - nothing is drawn
    """Return (n, e) float32 vectors in which close rows look alike.

    Numbers become ranks scaled to unit variance, with missing ones in the middle; categories become indicators, so two
    different values are √2 standard deviations apart.
    """
    parts: list[NDArray[np.float32]] = []
    for name in features.columns:
        column = features[name]
        if column.dtype == "category":
            codes = np.minimum(column.cat.codes.to_numpy(), _SHOWN_CATEGORIES)
            parts.append((codes[:, None] == np.arange(codes.max() + 1)).astype(np.float32))
        else:
            ranks = column.rank(pct=True).fillna(0.5).to_numpy(dtype=np.float32)
            parts.append(((ranks - 0.5) * np.float32(np.sqrt(12)))[:, None])
    return np.hstack(parts)


PLUGIN = Encoder(modality="table", summary="numbers, and categories by frequency", encode=encode, embed=embed)
