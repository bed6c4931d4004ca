"""How well the default ranking finds label errors: real sets, simulations, pools, flags, counts and cost.

::

    python -m benchmarks.bench_ranking --data ../shared/data            # real sets, with bootstrap intervals
    python -m benchmarks.simulation --folder sims --count 560 --seed 7  # once
    python -m benchmarks.bench_ranking --simulations sims --seed 7 --count 560
    python -m benchmarks.bench_ranking --speed
"""

from __future__ import annotations

import argparse
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.neighbors import find_neighbors, neighbor_statistics
from labelaudit.ranking import Ranking, rank
from labelaudit.scoring import Scores, score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.simulation import Simulated

CLEANLAB = (
    "self_confidence",
    "normalized_margin",
    "confidence_weighted_entropy",
    "adjusted_self_confidence",
    "adjusted_normalized_margin",
)
SINGLES = (*CLEANLAB, "logit_margin")
MODELS = ("resnet18", "efficientnet_b1", "swin_base")
SETS = ("cifar10n-aggregate", "roman-numeral")


def average_precision(is_error: NDArray[np.bool_], suspicion: NDArray[np.floating]) -> float:
    """Return the area under precision against recall, in steps at distinct values."""
    order = np.argsort(-suspicion, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(suspicion[order])), len(order) - 1)
    found = np.cumsum(is_error[order])[ends]
    steps = np.diff(found, prepend=0) / found[-1]
    return float((steps * found / (ends + 1)).sum())


def f1(is_error: NDArray[np.bool_], flagged: NDArray[np.bool_]) -> float:
    return 2.0 * float((is_error & flagged).sum()) / max(int(is_error.sum() + flagged.sum()), 1)


def cleanlab_flags(labels: NDArray[np.int32], pred_probs: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return cleanlab's default flags."""
    from cleanlab.filter import find_label_issues

    exact = pred_probs.astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        flags = find_label_issues(labels.astype(int), exact / exact.sum(axis=1, keepdims=True), n_jobs=1)
    return np.asarray(flags, dtype=bool)


@dataclass(frozen=True, eq=False)
class Cell:
    """One data set with one model (or pool): what was ranked, and how well."""

    name: str
    is_error: NDArray[np.bool_]
    scores: Scores
    ranking: Ranking
    cleanlab: NDArray[np.bool_] | None

    def ap(self, name: str) -> float:
        """Return the average precision of a registered score."""
        return average_precision(self.is_error, self.scores[name])

    @property
    def default(self) -> float:
        """Return the average precision of the default order."""
        return average_precision(self.is_error, self.ranking.order_score)


# --- real sets ---


def real_tables(data: Path, n_bootstrap: int, seed: int) -> None:
    print(f"{'set, model':38s} {'ours':>6s} {'best of cleanlab’s 5':>28s} {'difference, 95 % interval':>27s}", end="")
    print(f" {'F1':>6s} {'cleanlab':>8s} {'differs':>8s} {'expected errors (range), true':>36s}")
    for folder in SETS:
        labels = np.load(data / folder / "labels.npy").astype(np.int32)
        is_error = np.load(data / folder / "is_error.npy").astype(bool)
        sources = [np.load(data / folder / f"{model}.npy") for model in MODELS]
        for model, pred_probs in zip(MODELS, sources, strict=True):
            scores = score(labels, pred_probs, normalize=True)
            flags = cleanlab_flags(labels, pred_probs)
            _print_real(Cell(f"{folder} {model}", is_error, scores, scores.ranking, flags), n_bootstrap, seed)
        pool = score(labels, sources, normalize=True)
        _print_real(Cell(f"{folder} pool of three", is_error, pool, pool.ranking, None), n_bootstrap, seed)


def _print_real(cell: Cell, n_bootstrap: int, seed: int) -> None:
    best = max(CLEANLAB, key=cell.ap)
    low, high = _bootstrap(cell.is_error, cell.ranking.order_score, cell.scores[best], n_bootstrap, seed)
    print(f"{cell.name:38s} {cell.default:6.3f} {best:>22s} {cell.ap(best):5.3f}", end=" ")
    print(f"{cell.default - cell.ap(best):+8.3f} [{low:+.3f}, {high:+.3f}]", end="")
    print(f" {f1(cell.is_error, cell.ranking.is_suspect):8.3f}", end="")
    print(f" {'' if cell.cleanlab is None else format(f1(cell.is_error, cell.cleanlab), '.3f'):>8s}", end="")
    print(f" {f1(cell.is_error, cell.scores.rows.top != cell.scores.rows.given):8.3f}", end="")
    low, high = cell.ranking.expected_errors_range
    print(f" {cell.ranking.expected_errors:10.0f} ({low:.0f}..{high:.0f}), {cell.is_error.sum()}")


def _bootstrap(
    is_error: NDArray[np.bool_], ours: NDArray[np.floating], other: NDArray[np.floating], times: int, seed: int
) -> tuple[float, float]:
    """Return the 95 % interval of the difference in average precision over resampled items."""
    rng = np.random.default_rng(seed)
    differences = []
    for _ in range(times):
        drawn = rng.integers(0, len(is_error), len(is_error))
        differences.append(
            average_precision(is_error[drawn], ours[drawn]) - average_precision(is_error[drawn], other[drawn])
        )
    low, high = np.quantile(differences, [0.025, 0.975])
    return float(low), float(high)


# --- simulations ---


def simulated_table(folder: Path, count: int, seed: int, workers: int) -> None:
    from benchmarks.simulation import NOISES

    names = [
        *SINGLES,
        "ours",
        "ours, neighbours",
        "f1 ours",
        "f1 ours, neighbours",
        "f1 cleanlab",
        "f1 differs",
        "covered",
        "expected / true",
    ]
    found = [index for index in range(count) if (folder / f"{seed}-{index:04d}.npz").exists()]
    with ProcessPoolExecutor(workers) as pool:
        results = list(pool.map(_simulated_row, ((folder, index, seed) for index in found)))
    families, rows = zip(*(result for result in results if result is not None), strict=True)
    values, of = np.array(rows), np.array(families)
    best = values[:, : len(SINGLES)].max(axis=1)
    print(f"\n{len(values)} simulations, seed {seed}; mean, share ≥ best single − .01, − .005, then means by noise:")
    print(f"{'':28s} {'mean':>6s} {'-.01':>6s} {'-.005':>6s} " + " ".join(f"{name[:9]:>9s}" for name in NOISES))
    for position, name in enumerate(names):
        column = values[:, position]
        shares = [(column >= best - slack).mean() for slack in (0.01, 0.005)] if position < 8 else [np.nan, np.nan]
        by_noise = " ".join(f"{column[of == noise].mean():9.4f}" for noise in NOISES)
        print(f"{name:28s} {column.mean():6.4f} {shares[0]:6.3f} {shares[1]:6.3f} {by_noise}")
    for flagged in ("f1 ours", "f1 ours, neighbours"):
        close = values[:, names.index(flagged)] >= values[:, names.index("f1 cleanlab")] - 0.02
        print(f"{flagged}, at most .02 below cleanlab's: {close.mean():.3f}")
    quantiles = np.quantile(values[:, names.index("expected / true")], [0.1, 0.25, 0.5, 0.75, 0.9])
    print(f"expected / true errors, quantiles 10, 25, 50, 75, 90 %: {quantiles.round(2)}")


def _simulated_row(task: tuple[Path, int, int]) -> tuple[str, list[float]] | None:
    """Return the noise and the columns of the table for one data set; None where it has next to no errors."""
    from benchmarks.simulation import load

    simulated = load(*task)
    if simulated.is_error.sum() < 5 or simulated.is_error.all():
        return None
    return simulated.settings.noise, _columns(simulated)


def _columns(simulated: Simulated) -> list[float]:
    labels, pred_probs, is_error = simulated.labels, simulated.pred_probs, simulated.is_error
    scores = score(labels, pred_probs, normalize=True)
    vectors = simulated.embeddings
    spread = np.maximum(vectors.std(axis=0), 1e-9)
    near = find_neighbors((vectors - vectors.mean(axis=0)) / spread, k=10, metric="euclidean")
    plain = scores.ranking
    votes = neighbor_statistics(near, labels, scores.rows.n_classes)
    informed = rank(scores.rows, recalibrated=lambda: scores.recalibrated, neighbors=votes)
    low, high = plain.expected_errors_range
    return [
        *(average_precision(is_error, scores[name]) for name in SINGLES),
        average_precision(is_error, plain.order_score),
        average_precision(is_error, informed.order_score),
        f1(is_error, plain.is_suspect),
        f1(is_error, informed.is_suspect),
        f1(is_error, cleanlab_flags(labels, pred_probs)),
        f1(is_error, scores.rows.top != labels),
        float(low <= is_error.sum() <= high),
        plain.expected_errors / float(is_error.sum()),
    ]


# --- cost ---


def speed(n: int = 1_000_000, n_classes: int = 10, repeats: int = 7) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, n_classes, n).astype(np.int32)
    logits = rng.normal(size=(n, n_classes)).astype(np.float32)
    logits[np.arange(n), labels] += 3
    pred_probs = np.exp(logits)
    pred_probs /= pred_probs.sum(axis=1, keepdims=True)
    labels = np.where(rng.random(n) < 0.05, rng.integers(0, n_classes, n), labels).astype(np.int32)
    ids = np.array([f"item-{i:07d}" for i in rng.permutation(n)], dtype=object)
    took: list[tuple[float, float]] = []
    for _ in range(repeats):
        start = time.perf_counter()
        scores = score(labels, pred_probs)
        middle = time.perf_counter()
        rank(scores.rows, recalibrated=lambda scores=scores: scores.recalibrated, ids=ids)
        took.append((middle - start, time.perf_counter() - middle))
    scoring, ranking = np.min(took, axis=0)
    print(f"{n:,} × {n_classes}: scoring {scoring:.2f} s, ranking {ranking:.2f} s (least of {repeats})")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the ranking.")
    parser.add_argument("--data", type=Path, help="folder of the real sets")
    parser.add_argument("--bootstrap", type=int, default=300)
    parser.add_argument("--simulations", type=Path, help="folder filled by benchmarks.simulation")
    parser.add_argument("--count", type=int, default=700)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--speed", action="store_true")
    options = parser.parse_args()
    if options.data:
        real_tables(options.data, options.bootstrap, options.seed)
    if options.simulations:
        simulated_table(options.simulations, options.count, options.seed, options.workers)
    if options.speed:
        speed()


if __name__ == "__main__":
    main()
