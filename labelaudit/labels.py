"""Labels of any kind as class indices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.errors import LabelsError, UnknownNameError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["encode_labels"]


def encode_labels(
    values: ArrayLike | Sequence[Any],
    *,
    classes: Sequence[str] | None = None,
    n_columns: int | None = None,
    where: str = "The labels",
) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Turn labels into indices of classes.

    Strings, integers and booleans are labels; None, NaN, an empty or blank string (and −1 among integers that are class
    indices) mean unlabelled. Floats are refused unless all are whole numbers, because a column of measurements is no label.

    Parameters
    ----------
    values : (n,) array-like
        Labels.
    classes : sequence of str, optional
        Class names in a fixed order; integer labels then are indices into them unless they are themselves names.
    n_columns : int, optional
        Number of probability columns: integer labels without `classes` then are indices ``0 .. n_columns − 1``.
    where : str
        Start of error messages, such as ``"Column 'label' of tickets.csv"``.

    Returns
    -------
    labels : (n,) int32
        Class indices, −1 where unlabelled.
    classes : (K,) tuple of str
        Class names: as given, else the distinct labels in ascending order (numbers by value).

    Raises
    ------
    LabelsError
        If the labels are measurements, of mixed types, or name an unknown class or index.

    Examples
    --------
    >>> encode_labels([10, 9, 9, None])
    (array([ 1,  0,  0, -1], dtype=int32), ('9', '10'))
    """
    plain = _plain_values(values, where)
    kinds = {type(value) for value in plain if value is not None}
    if float in kinds and kinds <= {float, int}:
        plain = _whole_numbers(plain, where)
        kinds = {int}
    if len(kinds) > 1:
        _refuse_mixed(plain, kinds, where)
    if kinds <= {int} and (n_columns is not None or classes is not None):
        indexed = _as_indices(plain, classes, n_columns, where)
        if indexed is not None:
            return indexed
    return _as_names(plain, classes, n_columns, where)


def _plain_values(values: Any, where: str) -> list[Any]:
    array = values if isinstance(values, list | tuple) else np.asanyarray(values)
    if isinstance(array, np.ndarray):
        if array.ndim != 1:
            raise LabelsError(
                f"{where} have the shape {array.shape}.", "Give one label for each item: a one-dimensional array."
            )
        array = array.tolist()
    return [_plain_value(value, row, where) for row, value in enumerate(array, start=1)]


def _plain_value(value: Any, row: int, where: str) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return None
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, bool | int | float):
        return value
    raise LabelsError(
        f"{where}, row {row}: {value!r} is a {type(value).__name__}.",
        "A label must be a string, an integer or a boolean.",
    )


def _whole_numbers(values: list[Any], where: str) -> list[int | None]:
    for row, value in enumerate(values, start=1):
        if value is not None and not float(value).is_integer():
            raise LabelsError(
                f"{where}, row {row}: {value!r} is a fraction, so these are measurements and no classes.",
                "Choose the column that holds the class, or turn the numbers into classes first.",
            )
    return [None if value is None else int(value) for value in values]


def _refuse_mixed(values: list[Any], kinds: set[type], where: str) -> None:
    first = {kind: next(i for i, value in enumerate(values, start=1) if type(value) is kind) for kind in kinds}
    listed = ", ".join(
        f"{values[row - 1]!r} ({kind.__name__}) in row {row}"
        for kind, row in sorted(first.items(), key=lambda pair: pair[1])
    )
    raise LabelsError(f"{where} mix types: {listed}.", "Write all labels as strings, or all as integers.")


def _as_indices(
    values: list[Any], classes: Sequence[str] | None, n_columns: int | None, where: str
) -> tuple[NDArray[np.int32], tuple[str, ...]] | None:
    names = tuple(classes) if classes is not None else tuple(str(k) for k in range(n_columns or 0))
    if classes is not None and any(str(value) in names for value in values if value is not None):
        return None  # the integers are themselves class names
    for row, value in enumerate(values, start=1):
        if value is not None and not -1 <= value < len(names):
            raise LabelsError(
                f"{where}, row {row}: the label {value} is not between 0 and {len(names) - 1}.",
                "Labels index the columns of the probabilities; use −1 for unlabelled rows.",
            )
    return np.array([-1 if value is None else value for value in values], dtype=np.int32), names


def _as_names(
    values: list[Any], classes: Sequence[str] | None, n_columns: int | None, where: str
) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    distinct = sorted({value for value in values if value is not None})
    names = tuple(classes) if classes is not None else tuple(str(value) for value in distinct)
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise LabelsError(f"The class {twice!r} is named twice.", "Give each class once.")
    if n_columns is not None and classes is None and len(names) != n_columns:
        raise LabelsError(
            f"{where} name {len(names)} classes but the probabilities have {n_columns} columns.",
            "Name all classes in the order of the columns (classes=..., or --class on the command line).",
        )
    index = {name: k for k, name in enumerate(names)}
    for row, value in enumerate(values, start=1):
        if value is not None and str(value) not in index:
            unknown = UnknownNameError.among("class", str(value), names)
            raise LabelsError(f"{where}, row {row}: {unknown.problem}", unknown.fix)
    return np.array([-1 if value is None else index[str(value)] for value in values], dtype=np.int32), names
