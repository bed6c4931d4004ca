"""The queue learns from decisions: open items are scored again, and the queue follows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.errors import ConfigError, LabelAuditError
from labelaudit.learning import MOST_PROBABILITIES, batch_ends, rescore
from labelaudit.readers import read_again
from labelaudit.scores import SCORES
from labelaudit.verdicts import calls_wrong

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from labelaudit.audit_folder import Audit
    from labelaudit.domain import Dataset, ProbSource
    from labelaudit.store import Store

__all__ = ["Rescorer", "column_of"]


def column_of(values: pd.Series[Any]) -> NDArray[Any]:
    """Return a table's column as learning takes it: numbers as floats, all else as text, empty where it is missing.

    Parameters
    ----------
    values : (n,) pandas.Series
        Of any type.

    Returns
    -------
    (n,) float64 or str
        Whole numbers are numbers, too: as categories each would stand for itself, and few have been reviewed twice.
    """
    import pandas as pd

    if pd.api.types.is_numeric_dtype(values):
        return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
    return np.asarray(values.astype(object).where(values.notna(), "").astype(str).to_numpy(dtype=str))


@dataclass(frozen=True, eq=False)
class Rescorer:
    """Scores the items of an audit again from the decisions in its store.

    The result is a function of the audit and the decisions in the order in which they became final, so it may be
    computed at any time and by any process.

    Attributes
    ----------
    audit : Audit
        The audit.
    """

    audit: Audit

    def due(self, decided: int, learned: int) -> bool:
        """Say whether there are enough decisions since the last time: 25, or 5 % of all if that is more."""
        ends = batch_ends(decided + 1)[:-1]
        return bool(ends) and ends[-1] > learned

    def rescore(self, store: Store) -> int:
        """Give the queue its new order and return how many decisions it has learned from.

        Excluded items teach nothing: why they were excluded has nothing to do with their labels. Nor do items that were
        decided on before the audit, as it knows of them already and gives them a suspicion of 0.
        """
        decided = store.records.decided()
        ordered = sorted(decided, key=lambda item_id: (decided[item_id].at, item_id))
        judged = [(self._place.get(item_id), calls_wrong(decided[item_id].opinion.verdict)) for item_id in ordered]
        suspicion = self.evidence["suspicion"]
        known = [(row, wrong) for row, wrong in judged if row is not None and wrong is not None and suspicion[row] != 0]
        learned = rescore(**self.evidence, reviewed=[row for row, _ in known], is_error=[wrong for _, wrong in known])
        scored = np.isfinite(learned.p)
        ids = self.audit.items.index.to_numpy()
        store.rescore(dict(zip(ids[scored].tolist(), learned.p[scored].tolist(), strict=True)))
        return len(decided)

    @cached_property
    def _place(self) -> dict[str, int]:
        return {str(item_id): place for place, item_id in enumerate(self.audit.items.index)}

    @cached_property
    def evidence(self) -> dict[str, Any]:
        """What the audit knows of its items: the arguments of :func:`labelaudit.learning.rescore` but the decisions."""
        items = self.audit.items
        code_of = {name: code for code, name in enumerate(self.audit.classes)}
        codes = {
            side: np.array([code_of.get(name, -1) for name in items[f"{side}_label"].astype(object)], dtype=np.int64)
            for side in ("given", "suggested")
        }
        scores = {name: items[name].to_numpy(dtype=np.float64) for name in SCORES.names() if name in items.columns}
        suspicion = items["suspicion"].to_numpy(dtype=np.float64, na_value=np.nan)
        return {
            "suspicion": suspicion,
            "scores": scores,
            **codes,
            "columns": self._columns(),
            "pred_probs": self._pred_probs(),
        }

    def _columns(self) -> dict[str, NDArray[Any]] | None:
        """Return the table's columns in the order of the items; None if there are none, or the data has moved."""
        if self.audit.provenance.get("modality") != "table" or self._dataset is None:
            return None
        features = self._dataset.features
        if features is None:
            return None
        return {str(name): column_of(features[name])[self.audit.places] for name in features.columns}

    def _pred_probs(self) -> NDArray[np.floating] | None:
        """Return the mean of all probabilities in the order of the items; None if they are too many or have moved."""
        sources: tuple[ProbSource, ...] = ()
        if "pred_probs" in self.audit.arrays:
            sources = (self.audit.arrays["pred_probs"],)
        elif self._dataset is not None:
            sources = tuple(self._dataset.pred_probs)
        if not sources or sources[0].shape[0] * sources[0].shape[1] > MOST_PROBABILITIES:
            return None
        mean: NDArray[np.floating] = np.mean([source[:] for source in sources], axis=0)
        return mean[self.audit.places]  # the arrays of an audit are in the order of the dataset's rows

    @cached_property
    def _dataset(self) -> Dataset | None:
        """The data that was audited; None if it is no longer there, since the queue also learns without it."""
        origin = self.audit.origin
        if origin is None:
            return None
        try:
            dataset = read_again(origin, self.audit.path)
        except ConfigError:
            raise  # options that do not fit are a fault of ours
        except LabelAuditError:
            return None
        return dataset if dataset.fingerprint == self.audit.fingerprint else None
