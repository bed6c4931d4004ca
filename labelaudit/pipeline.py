"""The main job: a dataset in, a ranked audit out."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit import health
from labelaudit.association import association, chance_agreement
from labelaudit.audit_folder import Audit
from labelaudit.config import AuditConfig
from labelaudit.domain import UNLABELLED, Dataset
from labelaudit.errors import MissingExtraError, UsageError
from labelaudit.item_table import item_table
from labelaudit.labels import check_auditable
from labelaudit.neighbors import class_fraction, find_neighbors, neighbor_statistics
from labelaudit.obtaining import Obtained, obtain
from labelaudit.passes import walk_for_evidence
from labelaudit.planting import (
    CALIBRATED,
    FAMILY,
    TOO_WEAK,
    UNLIKE_PLANTED,
    Backing,
    Verdicts,
    calibrate_by_planting,
    verdicts_of,
    without_decided,
)
from labelaudit.progress import ProgressCallback, silent
from labelaudit.ranking import rank
from labelaudit.scoring import Scores
from labelaudit.threads import available_cores
from labelaudit.walk import Walk

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from labelaudit.kernels import RowStatistics
    from labelaudit.neighbors import Neighbors, NeighborStatistics
    from labelaudit.ranking import Ranking
    from labelaudit.recalibration import Correction
    from labelaudit.verdicts import Judgement

__all__ = ["audit"]

# Errors are planted until there are enough of them, but few at once where the model is fitted to them: one that learns
# from many more wrong labels than there are finds all of them worse.
_SHARE_PLANTED, _ENOUGH_PLANTED = 0.1, 4000
_SHARE_REFITTED, _ENOUGH_REFITTED = 0.03, 100
_MOST_ROUNDS = 10
_FEWEST_PLANTED = 200  # however many rounds that takes on small data, where they cost next to nothing

_VERSIONED = ("cleanlab", "labelaudit", "numpy", "pandas", "scikit-learn", "scipy")


def audit(
    dataset: Dataset,
    config: AuditConfig | None = None,
    *,
    judged: Mapping[str, Judgement] | None = None,
    progress: ProgressCallback | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
) -> Audit:
    """Score and rank every item of a dataset.

    Probabilities come with the dataset or are obtained by cross-validation. The dataset is not changed.

    Parameters
    ----------
    dataset : Dataset
        From :func:`labelaudit.read` or :meth:`labelaudit.Dataset.from_arrays`.
    config : AuditConfig, optional
        How to audit; the defaults are meant for data nobody has seen.
    judged : mapping of str to Judgement, optional
        What people decided before, by item id (:func:`labelaudit.reviewing.judged_before`). These items are no suspects
        any more; what was found wrong or right among them bears on how many errors are expected among the others.
    progress : callable, optional
        Called with steps done, steps in all and what is being done.
    checkpoint : path-like, optional
        Folder in which finished folds are kept while the audit runs.
    resume : bool
        Use finished folds found in `checkpoint` that fit data, configuration and versions.

    Returns
    -------
    Audit

    Raises
    ------
    UsageError
        If `dataset` is no Dataset, but the path of one, say.
    LabelsError
        If the labels cannot be audited: none at all, or fewer than two classes.
    ProbabilityError
        If given probabilities are unusable.
    ModelError
        If the classifier cannot be fitted or gives unusable output.
    """
    config = AuditConfig() if config is None else config
    _check_kinds(dataset, config, judged)
    _check_labels(dataset)
    tell = progress or silent
    started = time.perf_counter()
    folder = None if checkpoint is None else Path(checkpoint)
    obtained = obtain(dataset, config, tell, folder, resume=resume)
    neighbors, neighborhood, remarks = _neighborhood(dataset, config, obtained, tell)
    tell(0, 1, "Scoring")
    labels = np.where(obtained.assessable, dataset.labels, UNLABELLED).astype(np.int32)
    scores = _scored(labels, obtained, neighborhood, config)
    queue = _Queue(dataset, config, obtained, neighbors, labels, scores.correction, tell, folder, resume)
    verdicts = verdicts_of(judged, dataset.ids, dataset.classes, labels) if judged else None
    ranking = queue.ranked(scores) if verdicts is None else queue.ranked_after(scores, verdicts)
    if config.flag_above is not None:
        ranking = replace(ranking, is_suspect=np.nan_to_num(ranking.suspicion) > config.flag_above)
    items = item_table(
        dataset,
        scores,
        ranking,
        reasons_not=obtained.reasons_not,
        neighbors=neighborhood,
        member_name=obtained.members,
    )
    tell(1, 1, "Scoring")
    return Audit(
        items=items,
        classes=dataset.classes,
        config=config,
        fingerprint=dataset.fingerprint,
        provenance=_provenance(
            dataset,
            (*_origin_notes(dataset), *obtained.notes, *remarks, *_remarks_on(verdicts)),
            time.perf_counter() - started,
        ),
        health=_health(items, dataset.classes, scores, ranking).as_dict(),
        statistics=_statistics(scores),
        origin=dataset.origin,
        arrays=_arrays(obtained, scores, neighbors),
    )


def _check_kinds(dataset: object, config: object, judged: object) -> None:
    """Refuse what the names of the parameters invite: a path, a data frame, a dict of options."""
    if not isinstance(dataset, Dataset):
        raise UsageError(
            f"audit() takes a Dataset, and this is a {type(dataset).__name__}.",
            f"Read it first: labelaudit.audit(labelaudit.read({os.fspath(dataset)!r}))."
            if isinstance(dataset, str | os.PathLike)
            else "Read a file with labelaudit.read, or put arrays together with labelaudit.Dataset.from_arrays.",
        )
    if not isinstance(config, AuditConfig):
        raise UsageError(
            f"audit() takes an AuditConfig, and this is a {type(config).__name__}.",
            "Give the options as labelaudit.AuditConfig(folds=10, seed=1).",
        )
    if judged is not None and not isinstance(judged, Mapping):
        raise UsageError(
            f"audit() takes what was judged by item id, and this is a {type(judged).__name__}.",
            "Take it from the reviews of an earlier audit: labelaudit.reviewing.judged_before.",
        )


def _check_labels(dataset: Dataset) -> None:
    check_auditable(
        dataset.labels,
        dataset.classes,
        where=dataset.origin.path if dataset.origin else "The labels",
        has_probs=bool(dataset.pred_probs),
    )


def _scored(
    labels: NDArray[np.int32], obtained: Obtained, neighborhood: NeighborStatistics | None, config: AuditConfig
) -> Scores:
    walk = Walk.over(
        obtained.pred_probs, len(labels), names=obtained.names, memory=config.memory, normalize=obtained.normalize
    )
    return Scores(walk_for_evidence(labels, walk, members=obtained.members, neighbors=neighborhood), walk)


def _ranked(scores: Scores, dataset: Dataset, correction: Correction | None) -> Ranking:
    return rank(
        scores.rows,
        recalibrated=lambda: scores.recalibrated_by(correction),
        neighbors=scores.neighbors,
        members=scores.members,
        ids=dataset.ids,
    )


@dataclass(frozen=True, eq=False)
class _Queue:
    """Ranks the items, and calibrates the ranking by errors planted in the labels.

    Probabilities of planted errors, and what the labels correct about these, are those of the audit itself, since
    out-of-sample ones do not depend on an item's own label; with ``calibrate = "on"`` all is fitted again to what was
    planted.
    """

    dataset: Dataset
    config: AuditConfig
    obtained: Obtained
    neighbors: Neighbors | None
    labels: NDArray[np.int32]
    correction: Correction | None
    tell: ProgressCallback
    checkpoint: Path | None
    resume: bool

    def ranked(self, scores: Scores) -> Ranking:
        """Rank the items by the scores of their labels."""
        return self._calibrated(_ranked(scores, self.dataset, self.correction), scores.rows, None)

    def ranked_after(self, scores: Scores, verdicts: Verdicts) -> Ranking:
        """Rank the items that nobody has decided on, given what was decided on the others.

        Decided items are judged by the labels that people saw: where these were wrong is what they know.
        """
        of_today = _ranked(scores, self.dataset, self.correction)
        seen = self._scored(verdicts.labels, self.obtained)
        ranking = replace(
            _ranked(seen, self.dataset, self.correction),
            ambiguity=of_today.ambiguity,
            is_ambiguous=of_today.is_ambiguous,
            suggested=of_today.suggested,
            runner_up=of_today.runner_up,
        )
        return without_decided(self._calibrated(ranking, seen.rows, verdicts), verdicts.is_decided)

    def _calibrated(self, ranking: Ranking, rows: RowStatistics, verdicts: Verdicts | None) -> Ranking:
        if self.config.calibrate == "off" or not self.obtained.computed:
            return ranking
        refitted = self.config.calibrate == "on"
        share = _SHARE_REFITTED if refitted else _SHARE_PLANTED
        return calibrate_by_planting(
            ranking,
            rows,
            lambda labels, number: self._ranked_again(labels, rows.given, number),
            ids=self.dataset.ids,
            features=self.obtained.embeddings,
            backing=self._backing(rows),
            verdicts=verdicts,
            seed=self.config.seed,
            share=share,
            rounds=_n_rounds(share * len(self.dataset), refitted=refitted),
            on_round=lambda done, total: self.tell(done, total, "Planting errors"),
        )

    def _backing(self, rows: RowStatistics) -> Backing | None:
        if self.neighbors is None:
            return None
        first, second = (class_fraction(self.neighbors, self.labels, chosen) for chosen in (rows.top, rows.second))
        return Backing(first=first, second=second)

    def _ranked_again(self, planted: NDArray[np.int32], given: NDArray[np.int32], number: int) -> Ranking:
        # Model and neighbours learn from corrected labels, but for those that are planted.
        learned = np.where(planted == given, self.labels, planted)
        refitted = self.config.calibrate == "on"
        obtained = self._fitted_again(learned, number) if refitted else self.obtained
        scores = self._scored(planted, obtained, learned)
        return _ranked(scores, self.dataset, scores.correction if refitted else self.correction)

    def _scored(self, labels: NDArray[np.int32], obtained: Obtained, voting: NDArray[np.int32] | None = None) -> Scores:
        votes = self.labels if voting is None else voting
        near = (
            None
            if self.neighbors is None
            else neighbor_statistics(self.neighbors, votes, self.dataset.n_classes, judged=labels)
        )
        return _scored(labels, obtained, near, self.config)

    def _fitted_again(self, labels: NDArray[np.int32], number: int) -> Obtained:
        folder = None if self.checkpoint is None else self.checkpoint / f"planted-{number}"
        planted = replace(self.dataset, labels=labels)
        return obtain(planted, replace(self.config, neighbors=0), self._told, folder, resume=self.resume)

    def _told(self, done: int, total: int, _what: str) -> None:
        self.tell(done, total, "Planting errors")


def _n_rounds(planted_in_each: float, *, refitted: bool) -> int:
    """Return how often to plant: until enough errors are planted, but no more often than it is worth."""
    if refitted:
        return int(np.clip(np.ceil(_ENOUGH_REFITTED / planted_in_each), 1, _MOST_ROUNDS))
    most = max(_MOST_ROUNDS, np.ceil(_FEWEST_PLANTED / planted_in_each))
    return int(np.clip(np.ceil(_ENOUGH_PLANTED / planted_in_each), 1, most))


def _neighborhood(
    dataset: Dataset, config: AuditConfig, obtained: Obtained, tell: ProgressCallback
) -> tuple[Neighbors | None, NeighborStatistics | None, tuple[str, ...]]:
    if obtained.embeddings is None or config.neighbors == 0 or len(dataset) < 2:
        return None, None, ()
    tell(0, 1, "Finding neighbours")
    # Ties go by id, so that the order of the rows changes nothing.
    order = np.argsort(dataset.ids.astype(str), kind="stable")
    try:
        k, threads = min(config.neighbors, len(dataset) - 1), min(config.workers, available_cores()) or None
        found = find_neighbors(obtained.embeddings, k=k, threads=threads, memory=config.memory, order=order)
    except MissingExtraError as error:
        # Neighbours are further evidence; without them there still is an audit.
        return None, None, (f"Neighbours were left out. {error}",)
    tell(1, 1, "Finding neighbours")
    return found, neighbor_statistics(found, dataset.labels, dataset.n_classes), ()


def _health(items: pd.DataFrame, classes: tuple[str, ...], scores: Scores, ranking: Ranking) -> health.Health:
    rows = scores.rows
    assessed = rows.given >= 0
    given, top = rows.given[assessed], rows.top[assessed]
    return health.measure(
        items,
        classes,
        agreement=float((top == given).mean()),
        chance_agreement=chance_agreement(given, top),
        association=None if scores.walk is None else association(rows.given, scores.walk, _source_weights(scores)),
        expected_errors_range=ranking.expected_errors_range,
        range_kind=ranking.range_kind,
        planted=FAMILY if ranking.range_kind in (CALIBRATED, TOO_WEAK, UNLIKE_PLANTED) else "",
    )


def _statistics(scores: Scores) -> dict[str, Any]:
    statistics = scores.statistics
    return {
        "counts": statistics.counts.tolist(),
        # A class without labels has no threshold.
        "thresholds": [float(t) if n else None for t, n in zip(statistics.thresholds, statistics.counts, strict=True)],
        "confident_joint": {
            "cells": statistics.joint_cells.tolist(),
            "counts": statistics.joint_counts.tolist(),
        },
    }


def _source_weights(scores: Scores) -> NDArray[np.float64]:
    return np.ones(1) if scores.members is None else scores.members.weights


def _arrays(obtained: Obtained, scores: Scores, neighbors: Neighbors | None) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    if obtained.fitted and scores.walk is not None:
        pool = scores.walk.pooled(slice(0, scores.walk.n), _source_weights(scores))
        arrays["pred_probs"] = np.asarray(pool, dtype=np.float32)
    if obtained.embeddings is not None:
        arrays["embeddings"] = np.asarray(obtained.embeddings, dtype=np.float32)
    if neighbors is not None:
        arrays["neighbors"] = neighbors.indices
    return arrays


def _remarks_on(verdicts: Verdicts | None) -> tuple[str, ...]:
    if verdicts is None:
        return ()
    n, n_wrong = int(verdicts.is_decided.sum()), int((verdicts.is_told & verdicts.is_error).sum())
    return (
        f"{n:,} items were decided on before, {n_wrong:,} of which had a wrong label. They are no suspects any more,"
        " and were taken into account in what is expected of the others.",
    )


def _origin_notes(dataset: Dataset) -> tuple[str, ...]:
    return dataset.origin.notes if dataset.origin else ()


def _provenance(dataset: Dataset, notes: tuple[str, ...], seconds: float) -> dict[str, Any]:
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 2),
        "versions": {"python": platform.python_version(), **{name: metadata.version(name) for name in _VERSIONED}},
        "modality": dataset.modality,
        "notes": list(notes),
    }
