"""One fold: fit, predict the held-out items, and distrust the answer."""

from __future__ import annotations

import contextlib
import random
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.errors import LabelAuditError, ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.classifiers import Estimator

__all__ = ["FoldData", "FoldResult", "FoldTask", "fit_fold", "noting"]

_SUM_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False, kw_only=True)
class FoldData:
    """What all fold tasks share, in canonical order of rows.

    Attributes
    ----------
    features : (n, d) array, CSR array or DataFrame, or (n,) array
        What the estimator learns from.
    labels : (n,) int32
        Class indices, −1 where unlabelled.
    folds : tuple of (n,) int32
        Fold in which each item is held out, one array a repeat.
    n_classes : int
        Number of classes ``K``.
    model_name : str
        What messages call the estimator.
    """

    features: Any
    labels: NDArray[np.int32]
    folds: tuple[NDArray[np.int32], ...]
    n_classes: int
    model_name: str


@dataclass(frozen=True, eq=False, kw_only=True)
class FoldTask:
    """One fit: the fold of a repeat that is held out, and the unfitted estimator."""

    repeat: int
    fold: int
    estimator: Estimator
    seed: int

    @property
    def name(self) -> str:
        """Short name, such as ``r0-f3``."""
        return f"r{self.repeat}-f{self.fold}"


@dataclass(frozen=True, eq=False, kw_only=True)
class FoldResult:
    """Probabilities of the held-out items.

    Attributes
    ----------
    pred_probs : (m, K) float32
        In the order of the rows held out; 0 for classes without a member in training.
    notes : tuple of str
        What the estimator warned of.
    seconds : float
        Time of fitting and predicting.
    """

    pred_probs: NDArray[np.float32]
    notes: tuple[str, ...]
    seconds: float


def fit_fold(data: FoldData, task: FoldTask, *, isolated: bool = True) -> FoldResult:
    """Fit on the labelled items outside the fold and predict those in it.

    Parameters
    ----------
    data : FoldData
        What all folds share.
    task : FoldTask
        The fold.
    isolated : bool
        Whether no other fold is fitted in this process meanwhile. Only then are the global random generators seeded,
        which foreign estimators may use, and warnings gathered as notes.

    Raises
    ------
    ModelError
        If the estimator raises, or what it predicts are no probabilities.
    """
    started = time.perf_counter()
    held_out = data.folds[task.repeat] == task.fold
    train = np.flatnonzero(~held_out & (data.labels >= 0))
    rows = np.flatnonzero(held_out)
    present = np.unique(data.labels[train])
    if len(present) == 1:  # nothing to tell apart: most estimators refuse to be fitted
        certain = np.zeros((len(rows), data.n_classes), dtype=np.float32)
        certain[:, present] = 1
        return FoldResult(pred_probs=certain, notes=(), seconds=time.perf_counter() - started)
    caught: list[str] = []
    with contextlib.ExitStack() as alone:
        if isolated:
            alone.enter_context(_seeded(task.seed))
            alone.enter_context(noting(data.model_name, caught))
        predicted, classes = _fit_predict(data, task, train, rows)
    if predicted.ndim > 0 and len(predicted) != len(rows):
        raise ModelError(
            f"predict_proba() of the {data.model_name} gave {len(predicted)} rows for {len(rows)} items.",
            "It must give one row for each item, in the same order.",
        )
    columns = _columns(predicted, classes, present, data)
    pred_probs = np.zeros((len(rows), data.n_classes), dtype=np.float32)
    pred_probs[:, columns] = _checked(predicted, data.model_name)
    pred_probs /= pred_probs.sum(axis=1, keepdims=True)
    return FoldResult(pred_probs=pred_probs, notes=tuple(caught), seconds=time.perf_counter() - started)


def _fit_predict(
    data: FoldData, task: FoldTask, train: NDArray[np.intp], rows: NDArray[np.intp]
) -> tuple[NDArray[Any], Any]:
    """Return the raw prediction for `rows` and the estimator's own list of classes, None if it has none."""
    doing = "fit"
    try:
        fitted = task.estimator
        fitted.fit(_take(data.features, train), data.labels[train].astype(np.int64))
        doing = "predict_proba"
        predicted = np.asarray(fitted.predict_proba(_take(data.features, rows)))
    except (LabelAuditError, KeyboardInterrupt, MemoryError):
        raise
    except Exception as error:  # foreign code may raise anything, and the user needs to know where
        raise ModelError(
            f"The {data.model_name} failed in {doing}() with {type(error).__name__}: {error}",
            "It is given the content of the items and class indices 0 .. K−1; see docs/crossval.md.",
        ) from error
    return predicted, getattr(fitted, "classes_", None)


def _take(features: Any, rows: NDArray[np.intp]) -> Any:
    return features.iloc[rows] if hasattr(features, "iloc") else features[rows]


def _columns(predicted: NDArray[Any], classes: Any, present: NDArray[np.int32], data: FoldData) -> NDArray[np.integer]:
    """Tell the class index of each column of a prediction."""
    name = data.model_name
    if predicted.ndim != 2 or predicted.dtype.kind not in "fiu":
        raise ModelError(
            f"predict_proba() of the {name} gave {predicted.dtype} of the shape {predicted.shape}.",
            "It must give an array of numbers with one row for each item and one column for each class.",
        )
    if classes is not None:
        columns = np.asarray(classes)
        if columns.dtype.kind not in "iu" or not np.isin(columns, np.arange(data.n_classes)).all():
            raise ModelError(
                f"classes_ of the {name} holds {columns.tolist()[:5]}, not the class indices it was fitted to.",
                "Set classes_ to the sorted distinct values of y, as scikit-learn does, or leave it out.",
            )
    else:
        columns = present if predicted.shape[1] == len(present) else np.arange(data.n_classes)
    if predicted.shape[1] != len(columns) or len(np.unique(columns)) != len(columns):
        raise ModelError(
            f"predict_proba() of the {name} gave {predicted.shape[1]} columns, but there are {len(present)} classes in"
            f" training and {data.n_classes} in all.",
            "Give one column for each class in classes_; for two classes [1 − p, p].",
        )
    return columns


def _checked(predicted: NDArray[Any], name: str) -> NDArray[np.floating]:
    values = predicted.astype(np.float64, copy=False)
    if not np.isfinite(values).all():
        raise ModelError(
            f"predict_proba() of the {name} gave NaN or infinite values.",
            "Check for missing or huge values in the features, and that the fit converged.",
        )
    sums = values.sum(axis=1)
    if (values < -_SUM_TOLERANCE).any() or (np.abs(sums - 1) > _SUM_TOLERANCE).any():
        raise ModelError(
            f"predict_proba() of the {name} gave rows that are no probabilities: values from {values.min():.6g} to"
            f" {values.max():.6g}, sums from {sums.min():.6g} to {sums.max():.6g}.",
            "Apply softmax to scores or logits, so that each row is non-negative and sums to 1.",
        )
    return np.maximum(values, 0)


@contextlib.contextmanager
def noting(name: str, notes: list[str]) -> Iterator[None]:
    """Add to `notes` what is warned of meanwhile, by whatever thread, each text once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        text = str(warning.message).strip()
        note = f"{name}: {text.splitlines()[0].rstrip(' :') if text else warning.category.__name__}"
        if note not in notes:
            notes.append(note)


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed the global generators, which foreign estimators may use, and give them back as they were."""
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002 - theirs, not ours
    np.random.seed(seed)  # noqa: NPY002
    random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)
