"""The cross-validation itself: encode once, fit every fold through an engine, put the pieces in place."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.crossval.assessing import assess
from labelaudit.crossval.checkpoint import Checkpoint, run_key
from labelaudit.crossval.fitting import FoldData, FoldResult, FoldTask, fit_fold, noting
from labelaudit.crossval.models import Model, choose_model
from labelaudit.engines import ENGINES, Engine
from labelaudit.errors import LabelsError, UnknownNameError, UsageError
from labelaudit.folds import assign_folds
from labelaudit.progress import ProgressCallback, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.config import AuditConfig
    from labelaudit.domain import Dataset
    from labelaudit.encoders import Encoder

__all__ = ["CrossValidation", "cross_validate"]

_PROCESS_SECONDS = 0.3  # a fit that takes less is not worth a process of its own; a thread costs nothing


@dataclass(frozen=True, eq=False, kw_only=True)
class CrossValidation:
    """Out-of-sample probabilities of every item, and what could not be assessed.

    Attributes
    ----------
    pred_probs : list of (n, K) float32
        One array a repeat; each row comes from a model that has seen neither the item nor a copy of it.
    assessable : (n,) bool
        False for unlabelled items, and where no model could have known the item's class.
    reasons_not : (n,) object array of str
        Why an item is not assessable; empty where it is.
    embeddings : (n, d) floating array or None
        Vectors for nearest neighbours, made without labels; None if no neighbours are wanted.
    folds : list of (n,) int32
        Fold in which each item was held out, one array a repeat.
    notes : tuple of str
        What estimators warned of, each once.
    seconds : float
        Wall time.
    """

    pred_probs: list[NDArray[np.float32]]
    assessable: NDArray[np.bool_]
    reasons_not: NDArray[np.object_]
    embeddings: NDArray[np.floating] | None
    folds: list[NDArray[np.int32]]
    notes: tuple[str, ...]
    seconds: float


def cross_validate(
    dataset: Dataset,
    config: AuditConfig,
    *,
    progress: ProgressCallback | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
) -> CrossValidation:
    """Obtain out-of-sample probabilities for every item.

    Everything is computed in the order of item ids, so permuting rows permutes the result exactly. The number of
    workers does not change it either: each fold is fitted with one thread.

    Parameters
    ----------
    dataset : Dataset
        With text, images, features or embeddings.
    config : AuditConfig
        Model or classifier, folds, repeats, group column, seed, engine and workers are used.
    progress : callable, optional
        Called with steps done, steps in all and what is being done.
    checkpoint : Path, optional
        Folder in which each finished fold is kept.
    resume : bool
        Use the finished folds in `checkpoint` that are of the same data, options and versions; else they are removed.

    Returns
    -------
    CrossValidation

    Raises
    ------
    UsageError
        If options do not fit the data: no content, too many folds, an unknown classifier, engine or group column.
    LabelsError
        If fewer than two items have a label.
    ModelError
        If the model cannot be made, fails, or gives something else than probabilities.
    EngineError
        If a worker process dies.
    """
    started = time.perf_counter()
    tell = progress or silent
    if int((dataset.labels >= 0).sum()) < 2:
        raise LabelsError("Fewer than two items have a label.", "Check the label column.")
    ENGINES.get(config.engine)  # a wrong name is told before the work begins
    model = choose_model(dataset, config)
    order = np.argsort(dataset.ids.astype(str), kind="stable")
    groups = _fold_groups(dataset, config)
    folds = _folds(dataset, config, groups)
    assessable, reasons = _assessed(dataset, folds, groups)
    ordered = _in_order(dataset, order)
    features, near = _features(ordered, model, config, tell)
    data = FoldData(
        features=features,
        labels=ordered.labels,
        folds=tuple(fold[order] for fold in folds),
        n_classes=dataset.n_classes,
        model_name=model.name,
    )
    tell(0, config.repeats * config.folds, "Fitting")
    store = Checkpoint(checkpoint, run_key(dataset.fingerprint, config, model, data)) if checkpoint else None
    if store:
        store.open(resume=resume)
    gathered = _Gathered(config.repeats * config.folds, store, tell)
    _fit_all(data, model, config, near, gathered, resume=resume)
    # In the order of folds, whatever the order in which they were finished: notes follow it.
    results = dict(sorted(gathered.folds.items()))
    return CrossValidation(
        pred_probs=[_assembled(data, results, repeat, order) for repeat in range(config.repeats)],
        assessable=assessable,
        reasons_not=reasons,
        embeddings=None if gathered.vectors is None else _unordered(gathered.vectors, order),
        folds=list(folds),
        notes=_distinct_notes(results, gathered.notes),
        seconds=time.perf_counter() - started,
    )


def _features(dataset: Dataset, model: Model, config: AuditConfig, tell: ProgressCallback) -> tuple[Any, Any]:
    """Return what the estimator learns from, and what vectors for neighbours are made of: None if none are wanted."""
    if model.encoder is None:
        features = _content(dataset, model.modality)
    else:
        features = _encoded(dataset, model.encoder, config.workers, tell)
    if not config.neighbors:
        return features, None
    if model.neighbors is model.encoder:
        return features, features
    return features, _encoded(dataset, model.neighbors, config.workers, tell)


def _encoded(dataset: Dataset, encoder: Encoder, workers: int, tell: ProgressCallback) -> Any:
    """Return the features of all items, part by part where the encoder allows it."""
    n = len(dataset)
    tell(0, n, "Encoding")
    if encoder.at_once is None:
        features = encoder.encode(dataset)
        tell(n, n, "Encoding")
        return features
    # Decoding and array operations let go of the interpreter. Each part has one thread of BLAS, as each fold has.
    engine = ENGINES.get("threads")(workers)
    encode = next(engine.map(encoder.learn, [dataset])) if encoder.learn else encoder.encode
    starts = range(0, n, encoder.at_once)
    done: set[int] = set()

    def part(start: int) -> Any:
        return encode(_in_order(dataset, np.arange(start, min(start + starts.step, n))))

    def tell_of(index: int, _: object) -> None:
        done.add(index)
        tell(min(len(done) * starts.step, n), n, "Encoding")

    return np.concatenate(list(engine.map(part, starts, on_done=tell_of)))


@dataclass(frozen=True, kw_only=True)
class _EmbedTask:
    """Vectors for neighbours: one more task beside the folds."""

    encoder: Encoder
    features: Any
    seed: int


def _run_task(data: FoldData, isolated: bool, task: FoldTask | _EmbedTask) -> FoldResult | NDArray[np.floating]:
    if isinstance(task, FoldTask):
        return fit_fold(data, task, isolated=isolated)
    return task.encoder.embed(task.features, seed=task.seed)


class _Gathered:
    """Takes in what tasks find, in whatever order they finish: keeps it, saves it, and tells how far things are."""

    def __init__(self, n_folds: int, store: Checkpoint | None, tell: ProgressCallback) -> None:
        self.folds: dict[tuple[int, int], FoldResult] = {}
        self.vectors: NDArray[np.floating] | None = None
        self.notes: list[str] = []
        self._n_folds = n_folds
        self._store, self._tell = store, tell

    def resume(self, task: FoldTask, data: FoldData) -> bool:
        """Take the result of an earlier run, if there is one."""
        shape = (int((data.folds[task.repeat] == task.fold).sum()), data.n_classes)
        result = self._store.load(task, shape) if self._store else None
        if result is not None:
            self.folds[task.repeat, task.fold] = result
        return result is not None

    def take(self, task: FoldTask | _EmbedTask, result: FoldResult | NDArray[np.floating]) -> None:
        """Take the result of a task."""
        if isinstance(result, FoldResult) and isinstance(task, FoldTask):
            if self._store:
                self._store.save(task, result)
            self.folds[task.repeat, task.fold] = result
            self._tell(len(self.folds), self._n_folds, "Fitting")
        elif isinstance(result, np.ndarray):
            self.vectors = result


def _fit_all(
    data: FoldData, model: Model, config: AuditConfig, near: Any, gathered: _Gathered, *, resume: bool
) -> None:
    """Fit all folds that are not there yet, and make the vectors for neighbours if they are wanted."""
    tasks: list[FoldTask | _EmbedTask] = []
    if config.neighbors:
        tasks.append(_EmbedTask(encoder=model.neighbors, features=near, seed=_seed(config, 0)))
    for repeat in range(config.repeats):
        for fold in range(config.folds):
            seed = _seed(config, repeat, fold)
            task = FoldTask(repeat=repeat, fold=fold, estimator=model.build(seed=seed), seed=seed)
            if not (resume and gathered.resume(task, data)):
                tasks.append(task)
    engine = _engine(model, config, data)
    with contextlib.nullcontext() if engine.isolated else noting(data.model_name, gathered.notes):
        for _ in engine.map(
            partial(_run_task, data, engine.isolated),
            tasks,
            on_done=lambda index, result: gathered.take(tasks[index], result),
        ):
            pass


def _engine(model: Model, config: AuditConfig, data: FoldData) -> Engine:
    """Return where to fit; it does not change what is found."""
    own = model.encoder is None
    light = not own and model.cost * _n_values(data.features) * data.n_classes < _PROCESS_SECONDS
    engine = ENGINES.get("threads" if light else config.engine)(config.workers)
    if own and not engine.isolated:
        raise UsageError(
            f"The engine '{config.engine}' fits folds beside one another in one process, where the {model.name} could"
            " draw random numbers in another order each time.",
            "Leave out --engine, or use --engine local.",
        )
    return engine


def _distinct_notes(results: dict[tuple[int, int], FoldResult], shared: list[str]) -> tuple[str, ...]:
    # Notes of folds that were fitted at once came in any order.
    return tuple(dict.fromkeys([*(note for result in results.values() for note in result.notes), *sorted(shared)]))


def _n_values(features: Any) -> int:
    return int(features.nnz if hasattr(features, "nnz") else features.size)


def _assembled(
    data: FoldData, results: dict[tuple[int, int], FoldResult], repeat: int, order: NDArray[np.intp]
) -> NDArray[np.float32]:
    pred_probs = np.empty((len(order), data.n_classes), dtype=np.float32)
    for (of_repeat, fold), result in results.items():
        if of_repeat == repeat:
            pred_probs[order[data.folds[repeat] == fold]] = result.pred_probs
    return pred_probs


def _unordered(vectors: NDArray[np.floating], order: NDArray[np.intp]) -> NDArray[np.floating]:
    result = np.empty_like(vectors)
    result[order] = vectors
    return result


def _fold_groups(dataset: Dataset, config: AuditConfig) -> NDArray[np.object_] | None:
    if config.fold_group is None:
        return None
    if config.fold_group not in dataset.groups:
        unknown = UnknownNameError.among("group column", config.fold_group, dataset.groups)
        raise UnknownNameError(unknown.problem, f"{unknown.fix} A column becomes one with --group.")
    return dataset.groups[config.fold_group]


def _assessed(
    dataset: Dataset, folds: tuple[NDArray[np.int32], ...], groups: NDArray[np.object_] | None
) -> tuple[NDArray[np.bool_], NDArray[np.object_]]:
    """Return which items can be assessed, and why others cannot; refuse to fit models for none."""
    assessable, reasons = assess(dataset, folds, groups)
    if not assessable.any():
        why = reasons[dataset.labels >= 0][0]
        raise LabelsError(
            f"No item can be assessed: {why}, and the like for the others.",
            "Check the columns that are learned from (--text, --image, --features) and the label column.",
        )
    return assessable, reasons


def _folds(dataset: Dataset, config: AuditConfig, groups: NDArray[np.object_] | None) -> tuple[NDArray[np.int32], ...]:
    """Return the folds of each repeat."""
    keys = dataset.content_hashes
    seeds = [_seed(config, repeat) for repeat in range(config.repeats)]
    return tuple(assign_folds(dataset.labels, keys, n_folds=config.folds, seed=seed, groups=groups) for seed in seeds)


def _seed(config: AuditConfig, *path: int) -> int:
    """Derive 32-bit seeds for repeats and folds; a repeat shares that of its first fold, which it uses otherwise."""
    return int(np.random.SeedSequence((config.seed, *path)).generate_state(1)[0])


def _in_order(dataset: Dataset, order: NDArray[np.intp]) -> Dataset:
    """Return the items with the content that encoders read, sorted."""
    features, embeddings = dataset.features, dataset.embeddings
    return replace(
        dataset,
        ids=dataset.ids[order],
        labels=dataset.labels[order],
        rows=dataset.rows[order],
        text=None if dataset.text is None else dataset.text[order],
        images=None if dataset.images is None else dataset.images[order],
        features=None if features is None else features.iloc[order].reset_index(drop=True),
        embeddings=None if embeddings is None else embeddings[order],
        pred_probs=(),
        groups={name: values[order] for name, values in dataset.groups.items()},
    )


def _content(dataset: Dataset, modality: str) -> Any:
    """Return what a user's own model is given: texts, image paths, a DataFrame, or vectors."""
    return {
        "text": dataset.text,
        "image": dataset.images,
        "table": dataset.features,
        "embedding": dataset.embeddings,
    }[modality]
