"""Arrays that a user gives: checked, and in the form that a :class:`~labelaudit.domain.Dataset` holds them in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.errors import DataError, LabelsError, ProbabilityError
from labelaudit.missing import is_missing, unmasked

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from labelaudit.domain import ProbSource

__all__ = ["are_all_alike", "checked_ids", "feature_table", "group_columns", "prob_sources", "strings", "vectors"]

_ROWS = 4_096


def prob_sources(pred_probs: Any) -> tuple[ProbSource, ...]:
    """Return the sources of probabilities, of which a single one need not be wrapped; none for None or an empty list.

    A list or tuple is one of sources if anything in it has two dimensions, else it holds the rows of one.

    Raises
    ------
    ProbabilityError
        If a source is neither an array nor can be made one.
    """
    if pred_probs is None:
        return ()
    given = pred_probs if isinstance(pred_probs, list | tuple) else [pred_probs]
    if given is pred_probs and given and not any(len(getattr(one, "shape", ())) == 2 for one in given):
        given = [pred_probs]
    return tuple(_prob_source(one) for one in given)


def _prob_source(given: Any) -> ProbSource:
    if isinstance(given, np.ma.MaskedArray):
        given = _nan_under_mask(given)
    try:
        np.dtype(given.dtype)
        source: ProbSource = given
    except (AttributeError, TypeError):  # a DataFrame has no dtype, a tensor one of its own, and lists have neither
        source = _as_array(given, ProbabilityError, "probabilities")
    if len(source.shape) == 0:
        raise ProbabilityError(f"The probabilities are a {type(given).__name__}.", "Give an (n, K) array of numbers.")
    return source


def _as_array(given: Any, kind: type[DataError], what: str) -> NDArray[Any]:
    """Return an array; a memory map stays one."""
    try:
        return np.asanyarray(_nan_under_mask(given) if isinstance(given, np.ma.MaskedArray) else given)
    except (ValueError, TypeError, RuntimeError) as error:  # rows of several lengths, or a tensor on another device
        raise kind(f"The {what} are no array: {error}", "Give rows of one length, as NumPy reads them.") from error


def _nan_under_mask(given: Any) -> NDArray[Any]:
    """Return numbers with NaN where they are masked: what lies under a mask is not to be used."""
    return np.ma.filled(given.astype(np.result_type(given.dtype, np.float32)), np.nan)


def strings(values: ArrayLike, what: str) -> NDArray[np.object_]:
    """Return (n,) str, empty where missing; numbers, dates and the like are written out."""
    found = np.array(unmasked(values), dtype=object)
    if found.ndim != 1:
        raise LabelsError(f"The {what} has the shape {found.shape}.", "Give one string for each label.")
    for place, value in enumerate(found):
        if isinstance(value, list | tuple | set | dict | bytes | np.ndarray):
            raise LabelsError(
                f"The {what}, row {place + 1}: {value!r} is a {type(value).__name__}.",
                "Give one string for each label.",
            )
        found[place] = "" if is_missing(value) else str(value)
    return found


def vectors(embeddings: ArrayLike) -> NDArray[Any]:
    """Return (n, d) embeddings as an array of finite numbers; a memory map stays one."""
    found = _as_array(embeddings, LabelsError, "embeddings")
    if found.ndim != 2 or found.dtype.kind not in "fiu":
        raise LabelsError(
            f"The embeddings have the shape {found.shape} and the type {found.dtype}.",
            "Give an (n, d) array of numbers.",
        )
    for start in range(0, len(found), _ROWS):
        finite = np.isfinite(found[start : start + _ROWS]).all(axis=1)
        if not finite.all():
            raise LabelsError(
                f"The embeddings, row {start + int(finite.argmin()) + 1}: there is a NaN or an infinite number.",
                "Embed this item again.",
            )
    if are_all_alike(found):
        raise LabelsError(
            f"All {len(found)} embeddings are the same vector, so they tell no item from another.",
            "Embed the items again, or leave the embeddings out.",
        )
    return found


def are_all_alike(vectors: NDArray[Any]) -> bool:
    """Tell whether all of two or more rows are the same; where they differ, the first few are enough to tell."""
    if vectors.ndim != 2 or len(vectors) < 2:
        return False
    blocks = (vectors[start : start + _ROWS] for start in range(0, len(vectors), _ROWS))
    return all(np.array_equal(block, np.broadcast_to(vectors[0], block.shape)) for block in blocks)


def feature_table(features: Any) -> pd.DataFrame:
    """Return the columns of a table with the default index."""
    import pandas as pd

    try:
        table = features if isinstance(features, pd.DataFrame) else pd.DataFrame(features)
    except (ValueError, TypeError) as error:
        raise LabelsError(f"The features are no table: {error}", "Give a DataFrame, or an (n, d) array.") from error
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise LabelsError(f"The features have the column {twice[0]!r} twice.", "Give each column a name of its own.")
    for name, column in table.items():
        if column.dtype == object and any(isinstance(value, list | dict | set | np.ndarray) for value in column):
            raise LabelsError(f"Column {name!r} of the features holds lists.", "Give numbers, strings or categories.")
    return table.reset_index(drop=True)


def group_columns(groups: Any) -> dict[str, NDArray[np.object_]]:
    """Return the columns of groups by their name; none for None."""
    if groups is None:
        return {}
    if not isinstance(groups, Mapping):
        raise LabelsError(
            f"The groups are a {type(groups).__name__}.", "Give columns by name: {'site': [...]}, one value a label."
        )
    return {name: strings(values, f"group column {name!r}") for name, values in groups.items()}


def checked_ids(ids: NDArray[np.object_], n: int) -> NDArray[np.object_]:
    """Return (n,) `ids`; refuse missing ones and such that occur twice."""
    if len(ids) != n:
        raise LabelsError(f"There are {n} labels but {len(ids)} ids.", "Give one id for each label.")
    if "" in ids:
        raise LabelsError(
            f"The id in row {ids.tolist().index('') + 1} is missing.",
            "Give each item an id, or leave them all out to derive them from content.",
        )
    if len(set(ids)) != n:
        seen: set[str] = set()
        twice = next(item for item in ids if item in seen or seen.add(item))  # type: ignore[func-returns-value]
        raise LabelsError(
            f"The id {twice!r} occurs more than once.",
            "Ids must be unique; leave them out to derive them from content.",
        )
    return ids
