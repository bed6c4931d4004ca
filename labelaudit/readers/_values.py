"""Values of Arrow columns: what kind they are, and their form as text or as features of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.labels import MISSING_MARKERS

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["as_numbers", "feature_frame", "is_nested", "is_number", "is_string", "strings"]

_SECONDS_PER_DAY = 86400
_TICKS = {"s": 1, "ms": 1_000, "us": 1_000_000}  # in a second
_HEAD = 1000


def is_string(column: pa.ChunkedArray) -> bool:
    """Tell whether the values are strings, plain or as categories."""
    from pyarrow import types

    kind = column.type.value_type if types.is_dictionary(column.type) else column.type
    return bool(types.is_string(kind) or types.is_large_string(kind))


def is_nested(column: pa.ChunkedArray) -> bool:
    """Tell whether the values are lists, structures or bytes: nothing that has an order or a name."""
    from pyarrow import types

    kind = column.type
    binary = types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind)
    return bool(types.is_nested(kind) or binary)


def is_number(column: pa.ChunkedArray) -> bool:
    """Tell whether every value that is there is a number, written out or not."""
    return as_numbers(column) is not None


def strings(column: pa.ChunkedArray) -> NDArray[np.object_]:
    """Return (n,) str, None where missing; a number keeps the form it has in Python."""
    values = np.empty(len(column), dtype=object)
    plain = column.to_pylist()
    values[:] = plain if is_string(column) else [None if value is None else str(value) for value in plain]
    return values


def feature_frame(
    columns: Mapping[str, pa.ChunkedArray], *, decimal_comma: bool = False
) -> tuple[pd.DataFrame | None, list[str]]:
    """Turn columns into features for a classifier of tables.

    Numbers (also written ones, with usual marks such as ``NA`` for a missing one) become int64, or float64 where some
    are missing; infinity counts as missing. Booleans become 0 and 1, dates days since 1970, all else a categorical with
    its categories in ascending order, so that the order of the rows does not matter. Codes with leading zeros (``007``)
    are categories. With `decimal_comma` a column of strings may also hold numbers such as ``3,5`` and ``1.234,5``.

    Returns
    -------
    features : (n, d) DataFrame or None
        None if there is no usable column.
    left_out : list of str
        Columns that are empty or hold lists, structures or bytes.
    """
    if not columns:
        return None, []
    import pandas as pd

    frame, left_out = {}, []
    for name, column in columns.items():
        if is_nested(column) or column.null_count == len(column):
            left_out.append(name)
            continue
        numbers = as_numbers(column)
        if numbers is None and decimal_comma and is_string(column):
            numbers = as_numbers(_with_points(column))
        frame[name] = _category(column) if numbers is None else numbers
    return (pd.DataFrame(frame) if frame else None), left_out


def as_numbers(column: pa.ChunkedArray) -> NDArray[Any] | None:
    """Return (n,) int64 or float64 (NaN where missing), or None if some value is no number."""
    import pyarrow as pa
    from pyarrow import types

    kind = column.type
    if types.is_boolean(kind):
        return _to_numpy(column.cast(pa.int8()))
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return _to_numpy(column.cast(pa.float64()) if types.is_decimal(kind) else column)
    if types.is_date(kind) or types.is_timestamp(kind):
        return _days(column)
    if is_string(column) and not types.is_dictionary(kind) and column.null_count < len(column):
        return _written_numbers(column)
    return None


def _written_numbers(column: pa.ChunkedArray) -> NDArray[Any] | None:
    # Most columns that hold no numbers show it in their first rows.
    if len(column) > _HEAD and _parsed(column.slice(0, _HEAD)) is None:
        return None
    return _parsed(column)


def _parsed(column: pa.ChunkedArray) -> NDArray[Any] | None:
    """Return written numbers or dates as numbers; None if a value is neither. All-missing columns are numbers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pc.any(pc.match_substring_regex(column, r"^\s*[+-]?0\d")).as_py():
        return None
    plain = _cast(column, pa.int64(), pa.float64())
    if plain is not None:
        return _to_numpy(plain)
    text = pc.utf8_trim_whitespace(column.cast(pa.large_string()))
    marked = pc.is_in(pc.utf8_lower(text), value_set=pa.array(["", *sorted(MISSING_MARKERS)], pa.large_string()))
    text = pc.if_else(marked, pa.scalar(None, pa.large_string()), text)
    numbers = _cast(text, pa.int64(), pa.float64())
    if numbers is not None:
        return _to_numpy(numbers)
    dates = _cast(text, pa.timestamp("us"))
    return None if dates is None else _days(dates)


def _with_points(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Write ``1.234,5`` as ``1234.5``; all else stays as it is."""
    import pyarrow as pa
    import pyarrow.compute as pc

    text = column.cast(pa.large_string())
    grouped = pc.match_substring_regex(text, r"^\s*[+-]?\d{1,3}(\.\d{3})+(,\d+)?\s*$")
    text = pc.if_else(grouped, pc.replace_substring(text, ".", ""), text)
    written = pc.match_substring_regex(text, r"^\s*[+-]?\d+,\d+\s*$")
    return pc.if_else(written, pc.replace_substring(text, ",", "."), text)


def _cast(column: pa.ChunkedArray, *kinds: pa.DataType) -> pa.ChunkedArray | None:
    import pyarrow as pa

    for kind in kinds:
        try:
            return column.cast(kind)
        except pa.ArrowInvalid:
            continue
    return None


def _to_numpy(column: pa.ChunkedArray) -> NDArray[Any]:
    import pyarrow as pa

    whole = pa.types.is_integer(column.type) and column.null_count == 0
    if not whole or pa.types.is_uint64(column.type):
        # Safe casting refuses integers above 2^53; as features their rounding does not matter.
        values = np.array(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
        values[np.isinf(values)] = np.nan
        return values
    return np.asarray(column.to_numpy(), dtype=np.int64)


def _days(column: pa.ChunkedArray) -> NDArray[Any]:
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import types

    if types.is_date32(column.type):
        return _to_numpy(column.cast(pa.int32()).cast(pa.float64()))
    unit = "ms" if types.is_date64(column.type) else column.type.unit
    ticks = column.cast(pa.int64())
    if unit == "ns":  # beyond 2^53, where floats are no longer exact
        ticks, unit = pc.divide(ticks, 1000), "us"
    return _to_numpy(ticks.cast(pa.float64(), safe=False)) / (_SECONDS_PER_DAY * _TICKS[unit])


def _category(column: pa.ChunkedArray) -> pd.Categorical:
    import pandas as pd

    return pd.Categorical(pd.Series(strings(column), dtype=object))
