"""The table of an audit: one row an item, from content, scores, ranking, triage and reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.domain import UNLABELLED, Dataset
from labelaudit.previews import previews
from labelaudit.reasons import Grounds, explain_all, probability_of
from labelaudit.triage import KINDS, triage

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from labelaudit.neighbors import NeighborStatistics
    from labelaudit.ranking import Ranking
    from labelaudit.scoring import Scores

__all__ = ["item_table"]


def item_table(
    dataset: Dataset,
    scores: Scores,
    ranking: Ranking,
    *,
    reasons_not: NDArray[np.object_],
    neighbors: NeighborStatistics | None = None,
    member_name: str = "models",
) -> pd.DataFrame:
    """Make the items of an audit.

    Parameters
    ----------
    dataset : Dataset
        Of `n` items.
    scores : Scores
        Of the same items.
    ranking : Ranking
        Of the same items.
    reasons_not : (n,) object array of str
        Why an item is not assessable; empty where it is assessed or unlabelled.
    neighbors : NeighborStatistics, optional
        Of the same items.
    member_name : str
        What several sources of probabilities are called, in the plural.

    Returns
    -------
    DataFrame
        As :attr:`labelaudit.audit_folder.Audit.items`, most suspicious first.
    """
    import pandas as pd

    n = len(dataset)
    unlabelled = dataset.labels == UNLABELLED
    assessed = ~unlabelled & (reasons_not == "")
    names = np.array([*dataset.classes, None], dtype=object)  # index −1 is None
    grounds = Grounds(
        classes=dataset.classes,
        rows=scores.rows,
        terms=ranking.terms,
        suggested=ranking.suggested,
        is_suspect=ranking.is_suspect,
        is_ambiguous=ranking.is_ambiguous,
        neighbors=neighbors,
        members=scores.members,
        member_name=member_name,
        not_assessable=np.where(unlabelled, "", reasons_not).astype(object),
    )
    columns: dict[str, Any] = {
        "row": dataset.rows,
        "content_hash": dataset.content_hashes,
        "given_label": names[dataset.labels],
        "suggested_label": names[ranking.suggested],
        "suggested_probability": np.asarray(probability_of(ranking.suggested, scores.rows), dtype=np.float64),
        "runner_up_label": names[ranking.runner_up],
        "suspicion": ranking.suspicion,
        "ambiguity": ranking.ambiguity,
        "is_suspect": ranking.is_suspect,
        "is_ambiguous": ranking.is_ambiguous,
        "rank": _ranks(ranking.order, assessed),
        "ambiguity_rank": _ranks(_by(ranking.ambiguity, dataset.ids), np.ones(n, dtype=bool)),
        "status": np.where(assessed, "assessed", np.where(unlabelled, "unlabelled", "not assessable: " + reasons_not)),
        **_kinds(scores, ranking, neighbors),
        "reasons": _reasons(grounds),
        "preview": previews(dataset),
        **{name: scores[name] for name in scores.names},
        **{f"group:{name}": values for name, values in dataset.groups.items()},
    }
    table = pd.DataFrame(columns, index=pd.Index(dataset.ids, name="id", dtype="str"))
    words = [name for name, values in columns.items() if isinstance(values, np.ndarray) and values.dtype.kind == "O"]
    return table.astype(dict.fromkeys([*words, "status"], "str")).iloc[ranking.order]


def _kinds(scores: Scores, ranking: Ranking, neighbors: NeighborStatistics | None) -> dict[str, NDArray[Any]]:
    result = triage(scores.rows, ranking.suspicion, ranking.ambiguity, neighbors=neighbors, members=scores.members)
    kind = result.kind
    kind[~(ranking.is_suspect | ranking.is_ambiguous)] = None
    return {"kind": kind, **{f"chance_{name}": result.probability[:, k] for k, name in enumerate(KINDS)}}


def _reasons(grounds: Grounds) -> NDArray[np.object_]:
    texts = np.full(len(grounds.rows), "", dtype=object)
    spoken = grounds.is_suspect | grounds.is_ambiguous
    if grounds.not_assessable is not None:
        spoken = spoken | (grounds.not_assessable != "")
    texts[spoken] = explain_all(np.flatnonzero(spoken), grounds)
    return texts


def _by(score: NDArray[np.floating], ids: NDArray[np.object_]) -> NDArray[np.intp]:
    """Return row indices, highest score first, ties by id, NaN last."""
    order: NDArray[np.intp] = np.lexsort((ids.astype(str), -score))
    return order


def _ranks(order: NDArray[np.intp], ranked: NDArray[np.bool_]) -> Any:
    """Return places from 1 in `order` of the rows that are `ranked`, null for others."""
    import pandas as pd

    places = np.zeros(len(order), dtype=np.int64)
    in_queue = order[ranked[order]]
    places[in_queue] = np.arange(1, len(in_queue) + 1)
    return pd.arrays.IntegerArray(places, ~ranked)
