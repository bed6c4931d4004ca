"""The main job: a dataset in, a ranked audit out."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from labelaudit import health
from labelaudit.audit_folder import Audit
from labelaudit.config import AuditConfig
from labelaudit.domain import UNLABELLED, Dataset
from labelaudit.errors import MissingExtraError, UsageError
from labelaudit.item_table import item_table
from labelaudit.labels import check_auditable
from labelaudit.neighbors import class_fraction, find_neighbors, neighbor_statistics
from labelaudit.passes import walk_for_evidence
from labelaudit.planting import CALIBRATED, FAMILY, TOO_WEAK, calibrate_by_planting
from labelaudit.progress import ProgressCallback, silent
from labelaudit.ranking import rank
from labelaudit.scoring import Scores
from labelaudit.walk import Walk

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from labelaudit.domain import ProbSource
    from labelaudit.kernels import RowStatistics
    from labelaudit.neighbors import Neighbors, NeighborStatistics
    from labelaudit.ranking import Ranking
    from labelaudit.recalibration import Correction

__all__ = ["audit"]

# Errors are planted until there are enough of them, but few at once where the model is fitted to them: one that learns
# from many more wrong labels than there are finds all of them worse.
_SHARE_PLANTED, _ENOUGH_PLANTED = 0.1, 4000
_SHARE_REFITTED, _ENOUGH_REFITTED = 0.03, 100
_MOST_ROUNDS = 10

_VERSIONED = ("cleanlab", "labelaudit", "numpy", "pandas", "scikit-learn", "scipy")


def audit(
    dataset: Dataset,
    config: AuditConfig | None = None,
    *,
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
    _check_kinds(dataset, config)
    tell = progress or silent
    started = time.perf_counter()
    check_auditable(
        dataset.labels,
        dataset.classes,
        where=dataset.origin.path if dataset.origin else "The labels",
        has_probs=bool(dataset.pred_probs),
    )
    folder = None if checkpoint is None else Path(checkpoint)
    obtained = _obtain(dataset, config, tell, folder, resume=resume)
    neighbors, neighborhood, remarks = _neighborhood(dataset, config, obtained, tell)
    tell(0, 1, "Scoring")
    labels = np.where(obtained.assessable, dataset.labels, UNLABELLED).astype(np.int32)
    scores = _scored(labels, obtained, neighborhood, config)
    ranking = _ranked(scores, dataset, scores.correction)
    if config.calibrate != "off" and obtained.computed:
        planting = _Planting(dataset, config, obtained, neighbors, scores.correction, tell, folder, resume)
        ranking = planting.calibrated(ranking, scores.rows)
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
            dataset, (*_origin_notes(dataset), *obtained.notes, *remarks), time.perf_counter() - started
        ),
        health=_health(items, dataset.classes, scores, ranking).as_dict(),
        statistics=_statistics(scores),
        origin=dataset.origin,
        arrays=_arrays(obtained, neighbors),
    )


def _check_kinds(dataset: object, config: object) -> None:
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


@dataclass(frozen=True, kw_only=True)
class _Obtained:
    """Probabilities, wherever they come from, and what is known about them."""

    pred_probs: tuple[ProbSource, ...]
    names: tuple[str, ...] | None
    members: Literal["models", "repeats"]
    assessable: NDArray[np.bool_]
    reasons_not: NDArray[np.object_]
    embeddings: NDArray[np.floating] | None
    normalize: bool
    computed: bool
    notes: tuple[str, ...] = ()


def _obtain(
    dataset: Dataset, config: AuditConfig, tell: ProgressCallback, checkpoint: Path | None, *, resume: bool
) -> _Obtained:
    if dataset.pred_probs:
        if config.calibrate == "on":
            raise UsageError(
                "Errors cannot be planted where probabilities are given: there is nothing to fit again.",
                "Leave out --calibrate on, or leave out --pred-probs so that labelaudit fits a model.",
            )
        labelled = dataset.labels != UNLABELLED
        return _Obtained(
            pred_probs=dataset.pred_probs,
            names=tuple(dataset.origin.options["pred_probs"]) if dataset.origin else None,
            members="models",
            assessable=labelled,
            reasons_not=np.where(labelled, "", "unlabelled").astype(object),
            embeddings=dataset.embeddings,
            normalize=bool(dataset.origin and dataset.origin.options.get("normalize")),
            computed=False,
        )
    from labelaudit.crossval import cross_validate

    result = cross_validate(dataset, config, progress=tell, checkpoint=checkpoint, resume=resume)
    return _Obtained(
        pred_probs=tuple(result.pred_probs),
        names=None,
        members="repeats",
        assessable=result.assessable,
        reasons_not=result.reasons_not,
        embeddings=result.embeddings,
        normalize=False,
        computed=True,
        notes=tuple(result.notes),
    )


def _scored(
    labels: NDArray[np.int32], obtained: _Obtained, neighborhood: NeighborStatistics | None, config: AuditConfig
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
class _Planting:
    """Calibrates the ranking by errors planted in the labels.

    Their probabilities, and what the labels correct about these, are those of the audit itself, since out-of-sample
    ones do not depend on an item's own label; with ``calibrate = "on"`` all is fitted again to what was planted.
    """

    dataset: Dataset
    config: AuditConfig
    obtained: _Obtained
    neighbors: Neighbors | None
    correction: Correction | None
    tell: ProgressCallback
    checkpoint: Path | None
    resume: bool

    def calibrated(self, ranking: Ranking, rows: RowStatistics) -> Ranking:
        share = _SHARE_REFITTED if self.config.calibrate == "on" else _SHARE_PLANTED
        enough = _ENOUGH_REFITTED if self.config.calibrate == "on" else _ENOUGH_PLANTED
        support = None if self.neighbors is None else class_fraction(self.neighbors, rows.given, rows.top)
        return calibrate_by_planting(
            ranking,
            rows,
            self._rescored,
            ids=self.dataset.ids,
            features=self.obtained.embeddings,
            support=support,
            seed=self.config.seed,
            share=share,
            rounds=int(np.clip(np.ceil(enough / (share * len(self.dataset))), 1, _MOST_ROUNDS)),
            on_round=lambda done, total: self.tell(done, total, "Planting errors"),
        )

    def _rescored(self, labels: NDArray[np.int32], number: int) -> Ranking:
        refitted = self.config.calibrate == "on"
        obtained = self._fitted_again(labels, number) if refitted else self.obtained
        near = None if self.neighbors is None else neighbor_statistics(self.neighbors, labels, self.dataset.n_classes)
        scores = _scored(labels, obtained, near, self.config)
        return _ranked(scores, self.dataset, scores.correction if refitted else self.correction)

    def _fitted_again(self, labels: NDArray[np.int32], number: int) -> _Obtained:
        folder = None if self.checkpoint is None else self.checkpoint / f"planted-{number}"
        planted = replace(self.dataset, labels=labels)
        return _obtain(planted, replace(self.config, neighbors=0), self._told, folder, resume=self.resume)

    def _told(self, done: int, total: int, _what: str) -> None:
        self.tell(done, total, "Planting errors")


def _neighborhood(
    dataset: Dataset, config: AuditConfig, obtained: _Obtained, tell: ProgressCallback
) -> tuple[Neighbors | None, NeighborStatistics | None, tuple[str, ...]]:
    if obtained.embeddings is None or config.neighbors == 0 or len(dataset) < 2:
        return None, None, ()
    tell(0, 1, "Finding neighbours")
    # Ties go by id, so that the order of the rows changes nothing.
    order = np.argsort(dataset.ids.astype(str), kind="stable")
    try:
        k = min(config.neighbors, len(dataset) - 1)
        found = find_neighbors(obtained.embeddings, k=k, memory=config.memory, order=order)
    except MissingExtraError as error:
        # Neighbours are further evidence; without them there still is an audit.
        return None, None, (f"Neighbours were left out. {error}",)
    tell(1, 1, "Finding neighbours")
    return found, neighbor_statistics(found, dataset.labels, dataset.n_classes), ()


def _health(items: pd.DataFrame, classes: tuple[str, ...], scores: Scores, ranking: Ranking) -> health.Health:
    rows = scores.rows
    assessed = rows.given >= 0
    return health.measure(
        items,
        classes,
        agreement=float((rows.top[assessed] == rows.given[assessed]).mean()),
        expected_errors_range=ranking.expected_errors_range,
        range_kind=ranking.range_kind,
        planted=FAMILY if ranking.range_kind in (CALIBRATED, TOO_WEAK) else "",
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


def _arrays(obtained: _Obtained, neighbors: Neighbors | None) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    if obtained.computed:
        stacked = np.stack([np.asarray(source[:]) for source in obtained.pred_probs])
        arrays["pred_probs"] = np.asarray(stacked.mean(axis=0, dtype=np.float64), dtype=np.float32)
    if obtained.embeddings is not None:
        arrays["embeddings"] = np.asarray(obtained.embeddings, dtype=np.float32)
    if neighbors is not None:
        arrays["neighbors"] = neighbors.indices
    return arrays


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
