"""Arrays that a user gives: checked, and in the form that a :class:`~labelaudit.domain.Dataset` holds them in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.errors import LabelsError
from labelaudit.missing import is_missing

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from labelaudit.domain import ProbSource

__all__ = ["are_all_alike", "checked_ids", "feature_table", "prob_sources", "strings", "vectors"]

_ROWS = 4_096


def prob_sources(pred_probs: Any) -> tuple[ProbSource, ...]:
    """Return the sources of probabilities, of which a single one need not be wrapped."""
    if pred_probs is None:
        return ()
    sources = pred_probs if isinstance(pred_probs, list | tuple) else (pred_probs,)
    if isinstance(pred_probs, list | tuple) and not all(hasattr(source, "shape") for source in sources):
        sources = (np.asarray(pred_probs),)  # the rows of one source, written out
    # A DataFrame has a shape, but neither a dtype nor rows by slicing.
    return tuple(source if hasattr(source, "dtype") else np.asarray(source) for source in sources)


def strings(values: ArrayLike, what: str) -> NDArray[np.object_]:
    """Return (n,) str, empty where missing; numbers, dates and the like are written out."""
    found = np.array(values, dtype=object)
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
    """Return embeddings as an array; a memory map stays one."""
    try:
        found = np.asanyarray(embeddings)
    except ValueError as error:
        raise LabelsError(f"The embeddings are no array: {error}", "Give vectors of one length: (n, d).") from error
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

    table = features if isinstance(features, pd.DataFrame) else pd.DataFrame(features)
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise LabelsError(f"The features have the column {twice[0]!r} twice.", "Give each column a name of its own.")
    for name, column in table.items():
        if column.dtype == object and any(isinstance(value, list | dict | set | np.ndarray) for value in column):
            raise LabelsError(f"Column {name!r} of the features holds lists.", "Give numbers, strings or categories.")
    return table.reset_index(drop=True)


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
