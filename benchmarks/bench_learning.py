"""The queue that learns, and the count of errors, against known truth: reviews saved, calibration, coverage, speed.

``python -m benchmarks.bench_learning --data ../shared/data --seeds 10`` prints the tables of docs/benchmarks.md.
A simulated reviewer works down the queue, always right or wrong in 5 % of looks. Seed 0 reviews a whole data set, every
other seed a random 80 % of it. "Found" are true errors that were looked at.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelaudit.learning import Rescored, batch_ends, rescore
from labelaudit.residual import draw_check, estimate_errors, second_looks

SHARES = (0.5, 0.8, 0.9)
EARLY = 200
WRONG = (0.0, 0.05)
IMAGE_MODELS = ("resnet18", "efficientnet_b1", "swin_base")
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cell:
    """One audited data set with its truth; all arrays (n,)."""

    name: str
    suspicion: Floats
    scores: dict[str, Floats]
    given: NDArray[np.int64]
    suggested: NDArray[np.int64]
    is_error: NDArray[np.bool_]
    columns: dict[str, NDArray[Any]] | None = None
    pred_probs: NDArray[np.floating[Any]] | None = None

    def start(self) -> Rescored:
        """Return the learner before the first decision."""
        return Rescored.start(
            self.suspicion,
            self.scores,
            given=self.given,
            suggested=self.suggested,
            columns=self.columns,
            pred_probs=self.pred_probs,
        )

    def sample(self, seed: int) -> Cell:
        """Return 80 % of the rows at random, all of them for seed 0."""
        if seed == 0:
            return self
        n = len(self.suspicion)
        keep = np.sort(np.random.default_rng(seed).permutation(n)[: int(0.8 * n)])
        return Cell(
            self.name,
            self.suspicion[keep],
            {name: values[keep] for name, values in self.scores.items()},
            self.given[keep],
            self.suggested[keep],
            self.is_error[keep],
            None if self.columns is None else {name: values[keep] for name, values in self.columns.items()},
            None if self.pred_probs is None else self.pred_probs[keep],
        )


# --- data ---


def real_cells(data: Path) -> Iterator[Cell]:
    import labelaudit as la

    for folder, options in (
        ("banking77", {"label": "label", "text": "text", "id": "id"}),
        ("adult", {"label": "income", "id": "id"}),
    ):
        dataset = la.read(data / folder / "noisy.csv", **options)
        yield _cell_of(folder, dataset, _truth_of(data / folder / "noisy_truth.csv", dataset.ids))
    for folder in ("cifar10n-aggregate", "roman-numeral"):
        labels, truth = np.load(data / folder / "labels.npy"), np.load(data / folder / "is_error.npy")
        for model in IMAGE_MODELS:
            dataset = la.Dataset.from_arrays(labels, pred_probs=np.load(data / folder / f"{model}.npy"))
            yield _cell_of(f"{folder.split('-')[0]} {model}", dataset, truth)


def simulated_cells(count: int, seed: int) -> Iterator[Cell]:
    import labelaudit as la
    from benchmarks.simulation import draw_settings, simulate

    for index in range(count):
        made = simulate(draw_settings(index, seed))
        dataset = la.Dataset.from_arrays(made.labels, pred_probs=made.pred_probs)
        yield _cell_of(f"{index} {made.settings.noise}", dataset, made.is_error)


def _cell_of(name: str, dataset: Any, is_error: NDArray[np.bool_]) -> Cell:
    import labelaudit as la
    from labelaudit.reviewing.rescoring import column_of
    from labelaudit.scores import SCORES

    audit = la.audit(dataset)
    items = audit.items.sort_values("row")
    classes = {label: code for code, label in enumerate(dataset.classes)}
    features = dataset.features
    return Cell(
        name,
        items["suspicion"].to_numpy(dtype=np.float64),
        {score: items[score].to_numpy(dtype=np.float64) for score in SCORES.names() if score in items},
        items["given_label"].map(classes).to_numpy(dtype=np.int64),
        items["suggested_label"].map(classes).to_numpy(dtype=np.int64),
        np.asarray(is_error, dtype=bool),
        None if features is None else {str(column): column_of(features[column]) for column in features},
        dataset.pred_probs[0] if dataset.pred_probs else audit.arrays["pred_probs"],
    )


def _truth_of(file: Path, ids: NDArray[np.object_]) -> NDArray[np.bool_]:
    import pandas as pd

    return np.asarray(pd.read_csv(file, dtype={"id": str}).set_index("id").loc[ids, "is_error"].to_numpy(dtype=bool))


# --- one simulated review ---


@dataclass(frozen=True)
class Outcome:
    """Reviews needed for each of `SHARES`, errors in all, calibration errors."""

    fixed: tuple[int, ...]
    learned: tuple[int, ...]
    errors: int
    ece_start: float
    ece_queue: float
    ece_check: float


def review(cell: Cell, seed: int, wrong: float) -> Outcome:
    """Review until 90 % of the errors have been looked at, in the fixed order and in the learning one."""
    cell = cell.sample(seed)
    verdicts = cell.is_error ^ (np.random.default_rng([seed, 7]).random(len(cell.is_error)) < wrong)
    state = cell.start()
    fixed_order = state.queue()
    targets = np.ceil(np.array(SHARES) * cell.is_error.sum())
    done, ece_queue = 0, np.nan
    for end in batch_ends(len(fixed_order)):
        rows = state.queue()[: end - done]
        state = state.after(rows, verdicts[rows])
        done = end
        if done == EARLY:
            ece_queue = calibration_error(state, cell.is_error)
        if cell.is_error[state.reviewed].sum() >= targets[-1] and done >= EARLY:
            break
    return Outcome(
        _needed(cell.is_error[fixed_order], targets),
        _needed(cell.is_error[state.reviewed], targets),
        int(cell.is_error.sum()),
        calibration_error(cell.start(), cell.is_error, leave_out=fixed_order[:EARLY]),
        ece_queue,
        calibration_error(_with_check(cell, verdicts, seed, wrong), cell.is_error),
    )


def _with_check(cell: Cell, verdicts: NDArray[np.bool_], seed: int, wrong: float) -> Rescored:
    """Spend half of the early reviews on a random check, and the rest on the queue that has learned from it.

    What the check calls wrong is looked at once more, and counts as wrong if both looks say so.
    """
    items = draw_check(cell.suspicion, EARLY // 2, seed=seed).items
    second = cell.is_error[items] ^ (np.random.default_rng([seed, 13]).random(len(items)) < wrong)
    state = cell.start().after(items, verdicts[items] & second)
    for _ in range(EARLY // 50):
        rows = state.queue()[:25]
        state = state.after(rows, verdicts[rows])
    return state


def _needed(found: NDArray[np.bool_], targets: Floats) -> tuple[int, ...]:
    return tuple(int(np.searchsorted(np.cumsum(found), target)) + 1 for target in targets)


def calibration_error(state: Rescored, is_error: NDArray[np.bool_], leave_out: Any = ()) -> float:
    """Mean |p − rate| over ten bins of equal mass of the open items."""
    rows = np.setdiff1d(state.open, leave_out)
    rows = rows[np.argsort(state.p[rows], kind="stable")]
    gaps = [len(part) * abs(state.p[part].mean() - is_error[part].mean()) for part in np.array_split(rows, 10)]
    return float(np.sum(gaps) / len(rows))


# --- tables ---


def _map(jobs: int, function: Callable[..., Any], arguments: list[tuple[Any, ...]]) -> list[Any]:
    with ProcessPoolExecutor(jobs) as pool:
        return list(pool.map(function, *zip(*arguments, strict=True)))


def learning_table(cells: list[Cell], seeds: int, jobs: int) -> None:
    print("\nReviews needed against the fixed order: mean over seeds (worst seed); fixed / oracle; calibration error")
    print(f"{'data set':28} slips   50 %           80 %           90 %           fixed/oracle     start  queue  check")
    hard, calibration = [], []
    for cell in cells:
        for wrong in WRONG:
            outcomes = _map(jobs, review, [(cell, seed, wrong) for seed in range(seeds)])
            ratio = np.array([o.learned for o in outcomes]) / np.array([o.fixed for o in outcomes])
            effort = np.mean([np.array(o.fixed) / (np.array(SHARES) * o.errors) for o in outcomes], axis=0)
            early = np.nanmean([(o.ece_start, o.ece_queue, o.ece_check) for o in outcomes], axis=0)
            hard += list(ratio.mean(axis=0)[effort > 2])
            calibration.append(early)
            shown = "  ".join(f"{m:.3f} ({w:.3f})" for m, w in zip(ratio.mean(axis=0), ratio.max(axis=0), strict=True))
            print(
                f"{cell.name:28} {wrong:4.0%}   {shown}  {' '.join(f'{e:5.2f}' for e in effort)}  "
                f"{early[0]:.3f}  {early[1]:.3f}  {early[2]:.3f}",
                flush=True,
            )
    mean = np.nanmean(calibration, axis=0)
    print(f"calibration error on average: start {mean[0]:.3f}, 200 queue {mean[1]:.3f}, 100 check + 100 {mean[2]:.3f}")
    if hard:
        print(f"where the fixed order needs over twice the oracle's reviews: {np.mean(hard):.3f} of them on average")


def check_once(cell: Cell, seed: int, wrong: float, size: int) -> list[tuple[bool, float, float]]:
    """Check `size` items: with one look each, and with the second looks; whether covered, width, ratio to truth."""
    check = draw_check(cell.suspicion, size, seed=seed)
    rng = np.random.default_rng([seed, 11])
    truth = cell.is_error[check.items]
    first, second = (truth ^ (rng.random(len(truth)) < wrong) for _ in range(2))
    again = second_looks(first, seed=seed)
    looks, called = np.ones(len(truth), dtype=int), first.astype(int)
    looks[again] += 1
    called[again] += second[again]
    results = []
    for arguments in ((first,), (called, looks)):
        estimate = estimate_errors(check, *arguments, seed=seed)
        low, high = estimate.interval
        n_errors = cell.is_error.sum()
        results.append((low <= n_errors <= high, (high - low) / len(cell.is_error), estimate.errors / n_errors))
    return results


def coverage_table(cells: list[Cell], seeds: int, jobs: int, size: int = 200) -> None:
    print(f"\nRandom check of {size}: coverage, width (share of all items), estimate / truth; one look | two looks")
    overall: dict[float, list[Floats]] = {wrong: [] for wrong in WRONG}
    for cell in cells:
        line = f"{cell.name:28}"
        for wrong in WRONG:
            results = np.array(
                _map(jobs, check_once, [(cell, seed, wrong, size) for seed in range(seeds)]), dtype=float
            ).mean(axis=0)
            overall[wrong].append(results)
            line += f"  slips {wrong:.0%}: " + " | ".join("{:.2f} {:.3f} {:.2f}".format(*part) for part in results)
        print(line, flush=True)
    for wrong, results in overall.items():
        one, two = np.mean(results, axis=0)[:, 0]
        print(f"mean coverage with {wrong:.0%} slips: one look {one:.3f}, two looks {two:.3f}")


def time_million(n_reviewed: int = 1000) -> None:
    rng = np.random.default_rng(0)
    n = 1_000_000
    suspicion = rng.beta(0.2, 2.0, n)
    scores = {f"score {k}": suspicion + rng.normal(0, 0.3, n) for k in range(10)}
    given, suggested = rng.integers(0, 10, (2, n))
    reviewed = np.argsort(-suspicion)[:n_reviewed]
    verdicts = rng.random(n_reviewed) < suspicion[reviewed]
    began = time.perf_counter()
    state = rescore(suspicion, scores, given=given, suggested=suggested, reviewed=reviewed, is_error=verdicts)
    replayed = time.perf_counter()
    next_row = state.queue()[:1]
    ended = time.perf_counter()
    state = state.after(next_row, [True])
    more = time.perf_counter()
    state.queue()
    print(
        f"\n1,000,000 items, 10 scores: replay of {n_reviewed} decisions {replayed - began:.2f} s, "
        f"queue {ended - replayed:.2f} s, next batch {more - ended:.2f} s and queue {time.perf_counter() - more:.2f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the learning queue and the count of errors.")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--checks", type=int, default=100, help="random checks per data set")
    parser.add_argument("--simulated", type=int, default=0, help="also simulate so many data sets")
    parser.add_argument("--simulation-seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="part of the name of the data sets to run")
    options = parser.parse_args()
    cells = list(real_cells(options.data)) if options.data.is_dir() else []
    cells += list(simulated_cells(options.simulated, options.simulation_seed))
    cells = [cell for cell in cells if options.only in cell.name]
    if cells and options.seeds:
        learning_table(cells, options.seeds, options.jobs)
    if cells and options.checks:
        coverage_table(cells, options.checks, options.jobs)
    time_million()


if __name__ == "__main__":
    main()
