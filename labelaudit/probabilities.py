"""Checks of predicted probabilities that come from outside: shape at once, content where it is read block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.errors import ProbabilityError

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from labelaudit.domain import ProbSource

__all__ = ["NormalizedProbs", "check_block", "check_pred_probs", "check_shape", "sum_tolerance"]

_ENTRY_TOLERANCE = 1e-6  # rounding of float32 arithmetic such as 1 − Σ
_SUM_TOLERANCE = 1e-3  # rounding to float32, or to four digits in a table
_HALF_SUM_TOLERANCE = 1e-2  # float16 has three digits
_BLOCK_BYTES = 32_000_000


def sum_tolerance(dtype: DTypeLike) -> float:
    """Return how far from 1 the sum of a row of this dtype may be."""
    return _HALF_SUM_TOLERANCE if np.dtype(dtype).itemsize == 2 else _SUM_TOLERANCE


def check_shape(source: ProbSource, n: int | None, n_classes: int | None, *, name: str = "pred_probs") -> None:
    """Check that `source` is an ``(n, K)`` array of real numbers, without reading it.

    Parameters
    ----------
    source : ProbSource
        Probabilities.
    n : int or None
        Expected number of rows; None accepts any.
    n_classes : int or None
        Expected number of columns ``K``; None accepts any from 2.
    name : str
        What messages call the source, such as ``"pred_probs 'm1.npy'"``.

    Raises
    ------
    ProbabilityError
        If it is not two-dimensional, holds objects or other things than real numbers, or has other rows or columns.
    """
    shape, dtype = tuple(source.shape), np.dtype(source.dtype)
    if dtype.kind not in "fiu":
        kind = "Python objects" if dtype.kind == "O" else f"values of the type {dtype}"
        raise ProbabilityError(f"{name} holds {kind}, not numbers.", "Save it as an array of float32.")
    if len(shape) != 2:
        raise ProbabilityError(
            f"{name} has {len(shape)} dimensions, shape {shape}.",
            "Give one (n, K) array for each model; repeat --pred-probs for several models.",
        )
    if n is not None and shape[0] != n:
        raise ProbabilityError(
            f"{name} has {shape[0]} rows but there are {n} items.", "Give one row for each item, in the same order."
        )
    if n_classes is not None and shape[1] != n_classes:
        raise ProbabilityError(
            f"{name} has {shape[1]} columns but there are {n_classes} classes.",
            "Give one column for each class; name all classes in the order of the columns (--class).",
        )
    if shape[1] < 2:
        raise ProbabilityError(
            f"{name} has {shape[1]} column.", "Give one column for each class: for two classes [1 − p, p]."
        )


def check_block(
    block: NDArray[Any], *, start: int = 0, name: str = "pred_probs", normalize: bool = False
) -> NDArray[np.floating]:
    """Check the content of some rows, and scale them to sum 1 if wanted.

    Parameters
    ----------
    block : (b, K) array
        Rows ``start .. start + b − 1`` of a source.
    start : int
        Index of the first row of the block; messages count rows from 1.
    name : str
        What messages call the source.
    normalize : bool
        Divide each row by its sum instead of refusing rows whose sum is not 1.

    Returns
    -------
    (b, K) floating array
        `block` itself, or a scaled copy.

    Raises
    ------
    ProbabilityError
        Naming the first row that holds NaN, an infinite or negative number or one above 1, or does not sum to 1 within
        0.001 (0.01 for float16).
    """
    values = block if block.dtype.kind == "f" else block.astype(np.float64)
    # One float64 sum and two extremes see every fault; only a faulty block is looked at again.
    with np.errstate(invalid="ignore"):  # inf − inf: reported below in words
        sums = values.sum(axis=1, dtype=np.float64)
    tolerance = sum_tolerance(values.dtype)
    wrong = ~(values.min(axis=1, initial=0.0) >= -_ENTRY_TOLERANCE) | ~np.isfinite(sums)
    if normalize:
        wrong |= sums <= 0
    else:
        wrong |= np.abs(sums - 1) > tolerance
        wrong |= values.max(axis=1, initial=0.0) > 1 + _ENTRY_TOLERANCE
    if wrong.any():
        row = int(wrong.argmax())
        raise _bad_row(values[row], start + row + 1, name, normalize=normalize)
    return (values / sums[:, None]).astype(values.dtype, copy=False) if normalize else values


def check_pred_probs(
    source: ProbSource, n: int | None, n_classes: int | None, *, normalize: bool = False, name: str = "pred_probs"
) -> None:
    """Check shape and content of a whole source, reading it once in blocks of about 32 MB.

    Parameters
    ----------
    source, n, n_classes, name
        As in :func:`check_shape`.
    normalize : bool
        Accept rows that do not sum to 1.

    Raises
    ------
    ProbabilityError
        As :func:`check_shape` and :func:`check_block`.

    Examples
    --------
    >>> import numpy as np
    >>> check_pred_probs(np.array([[0.9, 0.1], [0.9, 0.41]]), 2, 2, name="pred_probs 'm1.npy'")
    Traceback (most recent call last):
    ...
    labelaudit.errors.ProbabilityError: pred_probs 'm1.npy', row 2: the probabilities sum to 1.31. ...
    """
    check_shape(source, n, n_classes, name=name)
    step = max(1, _BLOCK_BYTES // (8 * source.shape[1]))
    for start in range(0, source.shape[0], step):
        check_block(np.asarray(source[start : start + step]), start=start, name=name, normalize=normalize)


class NormalizedProbs:
    """A source whose rows are scaled to sum 1 when they are read.

    Parameters
    ----------
    source : ProbSource
        ``(n, K)`` non-negative numbers with a positive sum in each row.
    name : str
        What messages call the source.
    """

    def __init__(self, source: ProbSource, name: str = "pred_probs") -> None:
        self._source = source
        self._name = name

    @property
    def shape(self) -> tuple[int, ...]:
        """``(n, K)``."""
        return tuple(self._source.shape)

    @property
    def dtype(self) -> DTypeLike:
        """Floating-point dtype of the scaled rows."""
        dtype = np.dtype(self._source.dtype)
        return dtype if dtype.kind == "f" else np.dtype(np.float64)

    @property
    def columns(self) -> list[str] | None:
        """Names of the columns, where the source has names."""
        return getattr(self._source, "columns", None)

    def __getitem__(self, rows: slice, /) -> NDArray[np.floating]:
        block = np.asarray(self._source[rows])
        return check_block(block, start=rows.indices(self.shape[0])[0], name=self._name, normalize=True)


def _bad_row(values: NDArray[Any], row: int, name: str, *, normalize: bool) -> ProbabilityError:
    place = f"{name}, row {row}:"
    if np.isnan(values).any():
        return ProbabilityError(
            f"{place} the probability of class {int(np.isnan(values).argmax())} is NaN.",
            "Predict this row again, or leave it out of both labels and probabilities.",
        )
    worst = int(values.argmin() if values.min() < -_ENTRY_TOLERANCE else values.argmax())
    value = float(values[worst])
    if not np.isfinite(values).all() or value < 0:
        kind = "negative" if np.isfinite(value) else "infinite"
        return ProbabilityError(
            f"{place} the probability of class {worst} is {value:.6g}, which is {kind}.",
            "Give probabilities, not logits: apply softmax to the model's output.",
        )
    if normalize:
        return ProbabilityError(f"{place} the probabilities sum to 0.", "A row without any probability says nothing.")
    total = float(values.sum(dtype=np.float64))
    problem = (
        f"the probability of class {worst} is {value:.6g}, which is above 1"
        if value > 1 + _ENTRY_TOLERANCE
        else f"the probabilities sum to {total:.6g}"
    )
    return ProbabilityError(f"{place} {problem}.", "Scale the rows to sum to 1 with --normalize (normalize=True).")
