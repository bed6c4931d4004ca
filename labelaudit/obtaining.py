"""Where the probabilities of an audit come from: with the data, from a cross-validation, or both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from labelaudit.domain import UNLABELLED, Dataset
from labelaudit.errors import UsageError
from labelaudit.sampling import gathered
from labelaudit.walk import Walk

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from labelaudit.config import AuditConfig
    from labelaudit.crossval import CrossValidation
    from labelaudit.domain import ProbSource
    from labelaudit.progress import ProgressCallback

__all__ = ["Obtained", "obtain"]


@dataclass(frozen=True, kw_only=True)
class Obtained:
    """Probabilities of `n` items, wherever they come from, and what is known about them.

    Attributes
    ----------
    pred_probs : tuple of (n, K) sources
        Out-of-sample probabilities.
    names : tuple of str or None
        What the sources are called in messages.
    members : {"models", "repeats"}
        What several sources are.
    assessable : (n,) bool
        Whether an item can be assessed.
    reasons_not : (n,) object array of str
        Why not; empty where it can.
    embeddings : (n, d) array or None
        Vectors of the items.
    normalize : bool
        Whether rows that do not sum to 1 are to be scaled.
    computed : bool
        Whether they all come from a cross-validation, and not with the data.
    fitted : bool
        Whether some of them do.
    notes : tuple of str
        What to say about that.
    """

    pred_probs: tuple[ProbSource, ...]
    names: tuple[str, ...] | None
    members: Literal["models", "repeats"]
    assessable: NDArray[np.bool_]
    reasons_not: NDArray[np.object_]
    embeddings: NDArray[np.floating] | None
    normalize: bool
    computed: bool
    fitted: bool
    notes: tuple[str, ...] = ()


def obtain(
    dataset: Dataset, config: AuditConfig, tell: ProgressCallback, checkpoint: Path | None, *, resume: bool
) -> Obtained:
    """Take the probabilities that come with a dataset, or get some by cross-validation.

    With given probabilities a model is only fitted where the configuration names one; it then is one more source, which
    repeats the given ones for items whose class it could not know.

    Parameters
    ----------
    dataset, config
        As for :func:`labelaudit.audit`.
    tell : callable
        Called with steps done, steps in all and what is being done.
    checkpoint : Path or None
        Folder for finished folds.
    resume : bool
        Use finished folds found there.

    Raises
    ------
    UsageError
        If a fit is asked for where probabilities are given.
    ModelError
        If the classifier cannot be fitted or gives unusable output.
    ProbabilityError
        If given probabilities are unusable.
    """
    if dataset.pred_probs:
        if config.calibrate == "on":
            raise UsageError(
                "Errors cannot be planted where probabilities are given: there is nothing to fit again.",
                "Leave out --calibrate on, or leave out --pred-probs so that labelaudit fits a model.",
            )
        return _beside_given(dataset, config, tell, checkpoint, resume=resume)
    result = _cross_validated(dataset, config, tell, checkpoint, resume=resume)
    return Obtained(
        pred_probs=tuple(result.pred_probs),
        names=None,
        members="repeats",
        assessable=result.assessable,
        reasons_not=result.reasons_not,
        embeddings=result.embeddings,
        normalize=False,
        computed=True,
        fitted=True,
        notes=tuple(result.notes),
    )


def _beside_given(
    dataset: Dataset, config: AuditConfig, tell: ProgressCallback, checkpoint: Path | None, *, resume: bool
) -> Obtained:
    """Return the given probabilities, and beside them those of a model that the configuration names."""
    labelled = dataset.labels != UNLABELLED
    names = tuple(dataset.origin.options["pred_probs"]) if dataset.origin else ()
    if len(names) != len(dataset.pred_probs):  # put in place of those that were read
        names = ()
    given = Obtained(
        pred_probs=dataset.pred_probs,
        names=names or None,
        members="models",
        assessable=labelled,
        reasons_not=np.where(labelled, "", "unlabelled").astype(object),
        embeddings=dataset.embeddings,
        normalize=bool(dataset.origin and dataset.origin.options.get("normalize")),
        computed=False,
        fitted=False,
    )
    model = config.model or config.classifier
    if model is None:
        return given
    if dataset.modality == "probs":
        raise UsageError(
            f"There is nothing that {model!r} could learn from beside the given probabilities.",
            "Name a column with --text, --image or --features or give --embeddings, or leave the model out.",
        )
    result = _cross_validated(dataset, config, tell, checkpoint, resume=resume)
    names = names or tuple(f"pred_probs[{m}]" for m in range(len(dataset.pred_probs)))
    return replace(
        given,
        pred_probs=(*dataset.pred_probs, _completed(result, dataset, config, given.names)),
        names=(*names, f"the cross-validated {model}"),
        embeddings=result.embeddings if dataset.embeddings is None else dataset.embeddings,
        fitted=True,
        notes=tuple(result.notes),
    )


def _completed(
    result: CrossValidation, dataset: Dataset, config: AuditConfig, names: tuple[str, ...] | None
) -> NDArray[np.float32]:
    """Return the (n, K) means of all repeats, and of the given probabilities where no model knew an item's class.

    A model that has not seen a class says 0 of it, which would speak against labels that it cannot judge.
    """
    found: NDArray[np.float32] = np.mean(result.pred_probs, axis=0)
    unknown = np.flatnonzero((dataset.labels != UNLABELLED) & ~result.assessable)
    if len(unknown):
        # Scaled, because what is close to 1 for half precision is not for this array.
        walk = Walk.over(dataset.pred_probs, len(dataset), names=names, memory=config.memory, normalize=True)
        found[unknown] = gathered(walk, unknown).mean(axis=0)
    return found


def _cross_validated(
    dataset: Dataset, config: AuditConfig, tell: ProgressCallback, checkpoint: Path | None, *, resume: bool
) -> CrossValidation:
    from labelaudit.crossval import cross_validate

    return cross_validate(dataset, config, progress=tell, checkpoint=checkpoint, resume=resume)
