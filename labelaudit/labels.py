"""Labels of any kind as class indices."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.errors import LabelsError, UnknownNameError
from labelaudit.missing import is_missing, unmasked

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["MISSING_MARKERS", "check_auditable", "encode_labels", "parse_written_labels"]

MISSING_MARKERS = frozenset({"na", "n/a", "nan", "null", "none", "?", "-", "<na>", "nil"})
"""What people write into a column of numbers where the number is missing (case-folded)."""

_INTEGER = re.compile(r"-?(0|[1-9]\d{0,999})")  # Python turns no longer ones into numbers unless it is told to
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def encode_labels(
    values: ArrayLike | Sequence[Any],
    *,
    classes: Sequence[str] | None = None,
    n_columns: int | None = None,
    where: str = "The labels",
    locate: Callable[[int], str] | None = None,
) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Turn labels into indices of classes.

    Strings, integers and booleans are labels; None, NaN, an empty or blank string (and −1 among integers that are class
    indices) mean unlabelled. Space around a string does not count. Floats are refused unless all are whole numbers,
    because a column of measurements is no label.

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
    locate : callable, optional
        Gives the words for a position (counted from 0), such as ``"row 5 (line 6)"``. Default: ``"row 5"``.

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
    locate = locate or _row
    if classes is not None and (isinstance(classes, str) or not isinstance(classes, Iterable)):
        raise LabelsError(f"{where}: the classes are {classes!r}.", "Give a list of the names of the classes.")
    classes = None if classes is None else tuple(map(str, classes))
    _check_classes(classes, n_columns, where)
    codes, found = _distinct(values, where, locate)
    kinds = {type(label.value) for label in found if label.value is not None}
    if float in kinds and kinds <= {float, int}:
        found = _whole_numbers(found, where, locate)
        kinds = {int}
    if len(kinds) > 1:
        _refuse_mixed(found, where, locate)
    encoded = None
    if kinds <= {int} and (n_columns is not None or classes is not None):
        encoded = _as_indices(found, classes, n_columns, where, locate)
    index, names = encoded or _as_names(found, classes, n_columns, where, locate)
    return index[codes], names


def check_auditable(
    labels: NDArray[np.integer], classes: Sequence[str], *, where: str = "The labels", has_probs: bool = False
) -> None:
    """Refuse labels in which no error could be found.

    Parameters
    ----------
    labels : (n,) int
        Class indices, −1 where unlabelled.
    classes : (K,) sequence of str
        Class names.
    where : str
        Start of error messages.
    has_probs : bool
        Whether probabilities are given. A single item a class, or items of a single class, then still can be judged.

    Raises
    ------
    LabelsError
        If nothing is labelled, there is only one class, or no class has a second item.
    """
    counts = np.bincount(labels[labels >= 0], minlength=len(classes))
    labelled, present = int(counts.sum()), int((counts > 0).sum())
    if labelled == 0:
        raise LabelsError(
            f"{where}: all {len(labels)} labels are missing.", "Choose the column that holds the labels (--label)."
        )
    if len(classes) < 2 or (present < 2 and not has_probs):
        only = classes[int(counts.argmax())]
        raise LabelsError(
            f"{where}: there is one class only, {only!r} ({labelled} {'row' if labelled == 1 else 'rows'}).",
            "Labels of at least two classes are needed. Check that these are the right labels (--label).",
        )
    if int(counts.max()) == 1 and not has_probs:
        raise LabelsError(
            f"{where}: all {labelled} labels are different, so no class has a second item to compare with.",
            "Choose the column that holds the class (--label); this one looks like an id or a text.",
        )


def parse_written_labels(values: Sequence[str | None], *, where: str, locate: Callable[[int], str]) -> list[Any]:
    """Give labels of a file without types (CSV) the type that all of them share.

    Integers become integers, so that class 9 comes before class 10. All else stays a string and keeps its form:
    ``"01"``, ``"1.0"``, ``"NA"``, ``"None"`` and ``"true"`` are names like any other; only an empty cell is missing.

    Parameters
    ----------
    values : (n,) sequence of str or None
        Cells.
    where, locate
        As in :func:`encode_labels`.

    Returns
    -------
    list of int, str or None

    Raises
    ------
    LabelsError
        If the cells are measurements: all are numbers (or usual marks of a missing one) and some are fractions.
    """
    first: dict[str, int] = {}
    for position, value in enumerate(values):
        if value is not None and value not in first:
            first[value] = position
    distinct = {value: value.strip() for value in first}
    written = {text for text in distinct.values() if text}
    if written and all(_INTEGER.fullmatch(text) for text in written):
        integers = {value: int(text) if text else None for value, text in distinct.items()}
        return [None if value is None else integers[value] for value in values]
    numbers = {text for text in written if text.casefold() not in MISSING_MARKERS}
    if numbers and all(_NUMBER.fullmatch(text) for text in numbers):
        for value, position in first.items():
            if distinct[value] in numbers and float(value) % 1 > 0:  # NaN, for one that is infinite, is no fraction
                raise _fraction(value, where, locate(position))
    return list(values)


@dataclass(frozen=True)
class _Label:
    """A distinct label as a plain value (None where missing), and the position where it comes first."""

    value: Any
    position: int


def _row(position: int) -> str:
    return f"row {position + 1}"


def _distinct(values: Any, where: str, locate: Callable[[int], str]) -> tuple[NDArray[np.intp], list[_Label]]:
    """Return (n,) indices into the distinct labels, and these in order of first appearance."""
    values = unmasked(values)
    array = values if isinstance(values, list | tuple) else np.asanyarray(values)
    if isinstance(array, np.ndarray) and array.ndim != 1:
        raise LabelsError(
            f"{where}: their shape is {array.shape}.", "Give one label for each item: a one-dimensional array."
        )
    if isinstance(array, np.ndarray) and array.dtype.kind in "biu":
        _, first, codes = np.unique(array, return_index=True, return_inverse=True)
    else:
        codes, first = _factorize(array.tolist() if isinstance(array, np.ndarray) else array, where, locate)
    order = np.argsort(first)  # messages name the first row that is wrong
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank[codes], [_Label(_plain_value(array[i], where, locate, i), i) for i in first[order].tolist()]


def _factorize(
    values: Sequence[Any], where: str, locate: Callable[[int], str]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    # The type belongs to the key where there are several: True == 1 == 1.0, but they are different labels.
    one_type = len(set(map(type, values)) - {type(None)}) <= 1
    keys: Sequence[Any] = values if one_type else list(zip(map(type, values), values, strict=True))
    try:
        # Backwards, so that what remains of each is the first position; a million labels take a fifth of a second.
        first = dict(zip(reversed(keys), range(len(keys) - 1, -1, -1), strict=True))
    except TypeError as error:
        position = next(i for i, value in enumerate(values) if not isinstance(value, Hashable))
        raise _no_label(values[position], where, locate(position)) from error
    index = {key: code for code, key in enumerate(first)}
    codes = np.fromiter(map(index.__getitem__, keys), dtype=np.intp, count=len(keys))
    return codes, np.fromiter(first.values(), dtype=np.intp, count=len(first))


def _plain_value(value: Any, where: str, locate: Callable[[int], str], position: int) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if is_missing(value):
        return None
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, bool | int | float):
        return value
    raise _no_label(value, where, locate(position))


def _no_label(value: Any, where: str, place: str) -> LabelsError:
    many = isinstance(value, list | tuple | set | dict)
    return LabelsError(
        f"{where}, {place}: {value!r} is a {type(value).__name__}.",
        "Each item must have one label; items with several labels cannot be audited."
        if many
        else "A label must be a string, an integer or a boolean.",
    )


def _whole_numbers(found: list[_Label], where: str, locate: Callable[[int], str]) -> list[_Label]:
    for label in found:
        if isinstance(label.value, float) and not label.value.is_integer():  # an integer may be too large for a float
            raise _fraction(label.value, where, locate(label.position))
    return [_Label(None if label.value is None else int(label.value), label.position) for label in found]


def _fraction(value: object, where: str, place: str) -> LabelsError:
    return LabelsError(
        f"{where}, {place}: {value} is a fraction, so these are measurements and no classes.",
        "Choose the column that holds the class, or turn the numbers into names of classes first.",
    )


def _refuse_mixed(found: list[_Label], where: str, locate: Callable[[int], str]) -> None:
    first: dict[type, _Label] = {}
    for label in found:
        if label.value is not None:
            first.setdefault(type(label.value), label)
    listed = ", ".join(
        f"{label.value!r} ({kind.__name__}) in {locate(label.position)}" for kind, label in first.items()
    )
    raise LabelsError(f"{where}: the types are mixed: {listed}.", "Write all labels as strings, or all as integers.")


def _as_indices(
    found: list[_Label], classes: Sequence[str] | None, n_columns: int | None, where: str, locate: Callable[[int], str]
) -> tuple[NDArray[np.int32], tuple[str, ...]] | None:
    names = tuple(classes) if classes is not None else tuple(str(k) for k in range(n_columns or 0))
    if classes is not None and any(str(label.value) in names for label in found if label.value is not None):
        return None  # the integers are themselves class names
    for label in found:
        if label.value is not None and not -1 <= label.value < len(names):
            raise LabelsError(
                f"{where}, {locate(label.position)}: the label {label.value} is not between 0 and {len(names) - 1}.",
                _indices_fix([label.value for label in found if label.value is not None], len(names)),
            )
    return np.array([-1 if label.value is None else label.value for label in found], dtype=np.int32), names


def _indices_fix(values: list[Any], n_columns: int) -> str:
    fix = "Labels index the columns of the probabilities"
    if min(values) == 1 and max(values) == n_columns:
        return f"{fix} from 0 on; these are 1 to {n_columns}: subtract 1 from each."
    return f"{fix}; use −1 for unlabelled rows."


def _check_classes(classes: Sequence[str] | None, n_columns: int | None, where: str) -> None:
    if classes is None:
        return
    if len(set(classes)) != len(classes):
        twice = next(name for name in classes if classes.count(name) > 1)
        raise LabelsError(f"The class {twice!r} is named twice.", "Give each class once.")
    if n_columns is not None and len(classes) != n_columns:
        raise LabelsError(
            f"{where}: there are {len(classes)} classes but the probabilities have {n_columns} columns.",
            "Name all classes in the order of the columns (classes=..., or --class on the command line).",
        )


def _as_names(
    found: list[_Label], classes: Sequence[str] | None, n_columns: int | None, where: str, locate: Callable[[int], str]
) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    distinct = sorted({label.value for label in found if label.value is not None})
    names = tuple(classes) if classes is not None else tuple(str(value) for value in distinct)
    _check_classes(names, n_columns, where)
    index = {name: k for k, name in enumerate(names)}
    for label in found:
        if label.value is not None and str(label.value) not in index:
            unknown = UnknownNameError.among("class", str(label.value), names)
            raise LabelsError(f"{where}, {locate(label.position)}: {unknown.problem}", unknown.fix)
    codes = [-1 if label.value is None else index[str(label.value)] for label in found]
    return np.array(codes, dtype=np.int32), names
