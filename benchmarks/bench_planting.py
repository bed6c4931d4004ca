"""How well planted errors calibrate the queue: counts, ranges, expected precision and flags, before and after.

::

    python -m benchmarks.bench_planting --data ../shared/data           # raw sets, audited from the file
    python -m benchmarks.bench_planting --samples                       # sample_data
    python -m benchmarks.simulation --folder sims --count 350 --seed 1  # once
    python -m benchmarks.bench_planting --simulations sims --seed 1 --count 350
    python -m benchmarks.refits --data ../shared/data --folder refits   # once, a quarter of an hour
    python -m benchmarks.bench_planting --refits refits

``--calibrate on`` fits the model again to what was planted (raw sets and samples only). What is expected after a round
of decisions is measured by `benchmarks/bench_second_rounds.py`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

import labelaudit as la
from benchmarks import refits
from benchmarks.simulation import load
from labelaudit.config import AuditConfig
from labelaudit.neighbors import NeighborStatistics, class_fraction, neighbor_statistics
from labelaudit.planting import TOO_WEAK, Backing, calibrate_by_planting
from labelaudit.ranking import Ranking, rank
from labelaudit.recalibration import Correction
from labelaudit.scoring import Scores, score

SHARES = (0.01, 0.03, 0.05, 0.10)
DEPTHS = (100, 500, 1000)
RAW = {"banking77": {}, "adult": {"label": "income"}}
SAMPLE_DATA = Path(__file__).resolve().parent.parent / "sample_data"
SAMPLES = {"tickets": "tickets.csv", "machines": "machines.csv", "digits": "digits"}


@dataclass(frozen=True, eq=False)
class Queue:
    """A ranked queue: chance and truth in its order, flags, expected errors and their range."""

    name: str
    chance: np.ndarray
    is_error: np.ndarray
    flagged: np.ndarray
    low: float
    high: float

    def off(self, depth: int) -> float:
        """Return expected minus true precision of the first `depth`."""
        return float(self.chance[:depth].mean() - self.is_error[:depth].mean())

    @property
    def f1(self) -> float:
        """F1 of the flags."""
        return 2.0 * float((self.is_error & self.flagged).sum()) / max(int(self.is_error.sum() + self.flagged.sum()), 1)

    @property
    def covers(self) -> bool:
        """Whether the true number of errors lies in the range."""
        return self.low <= self.is_error.sum() <= self.high


# --- audits from the file ---


def audited(name: str, dataset: la.Dataset, truth: pd.Series, calibrate: str) -> Queue:
    audit = la.audit(dataset, AuditConfig(calibrate=calibrate))
    items = audit.items[audit.items["status"] == "assessed"].sort_values("rank")
    low, high = audit.health["expected_errors_range"]
    wrong = truth.loc[items.index].to_numpy().astype(bool)
    return Queue(name, items["suspicion"].to_numpy(), wrong, items["is_suspect"].to_numpy(), low, high)


def raw(folder: Path) -> Iterator[tuple[str, la.Dataset, pd.Series]]:
    for name, options in RAW.items():
        truth = pd.read_csv(folder / name / "noisy_truth.csv", dtype={"id": str}).set_index("id")["is_error"]
        yield name, la.read(folder / name / "noisy.csv", **options), truth


def samples(folder: Path) -> Iterator[tuple[str, la.Dataset, pd.Series]]:
    for name, file in SAMPLES.items():
        dataset = la.read(folder / file, **({"label": "fault"} if name == "machines" else {}))
        truth = pd.read_csv(folder / f"{name}_truth.csv", dtype={"id": str}).set_index("id")["is_error"]
        if dataset.images is not None:
            truth = pd.Series(truth.loc[[Path(path).stem for path in dataset.images]].to_numpy(), index=dataset.ids)
        yield name, dataset, truth


def show_audits(cases: Iterator[tuple[str, la.Dataset, pd.Series]], calibrate: str) -> None:
    for name, dataset, truth in cases:
        for how in ("off", calibrate):
            queue = audited(name, dataset, truth, how)
            precision = ", ".join(
                f"first {depth:,}: {queue.chance[:depth].mean():.2f} (true {queue.is_error[:depth].mean():.2f})"
                for depth in DEPTHS
                if depth <= len(queue.chance) / 2
            )
            print(
                f"{name:10s} calibrate {how:4s} errors {queue.chance.sum():6,.0f} ({queue.low:,.0f} to"
                f" {queue.high:,.0f}; true {queue.is_error.sum():,}), flags F1 {queue.f1:.3f}; {precision}"
            )


# --- simulations ---


def reranked(
    labels: np.ndarray,
    pred_probs: np.ndarray,
    correction: Correction | None,
    votes: NeighborStatistics | None = None,
    ids: np.ndarray | None = None,
) -> Ranking:
    """Rank as an audit does: what the given labels correct is not learned again from planted ones."""
    scores = score(labels, pred_probs, threads=1)
    rows = scores.recalibrated_by(correction)
    return rank(scores.rows, recalibrated=lambda: rows, neighbors=votes, ids=ids, threads=1)


def simulated(folder: Path, seed: int, index: int) -> tuple[str, float, Queue, Queue] | None:
    """Return the noise family, the true rate and the queue before and after; None for sets too large to be quick."""
    drawn = load(folder, index, seed)
    if drawn.pred_probs.size > 400_000:
        return None
    ids = np.array([f"i{i:06d}" for i in range(len(drawn.labels))], dtype=object)
    scores = score(drawn.labels, drawn.pred_probs, threads=1)
    before = scores.ranking
    after = calibrate_by_planting(
        before,
        scores.rows,
        lambda labels, _: reranked(labels, drawn.pred_probs, scores.correction),
        ids=ids,
        features=drawn.embeddings,
        rounds=4,
    )
    queues = [
        Queue(
            str(index),
            ranking.suspicion[ranking.order],
            drawn.is_error[ranking.order],
            ranking.is_suspect[ranking.order],
            *ranking.expected_errors_range,
        )
        for ranking in (before, after)
    ]
    return drawn.settings.noise, float(drawn.is_error.mean()), queues[0], queues[1]


def show_simulations(folder: Path, seed: int, count: int, workers: int) -> None:
    with ProcessPoolExecutor(workers) as pool:
        results = [r for r in pool.map(partial(simulated, folder, seed), range(count), chunksize=4) if r]
    rows = [
        {
            "noise": noise,
            "how": how,
            "rate": rate,
            "log ratio": np.log(queue.chance.sum() / queue.is_error.sum()),
            "covers": queue.covers,
            "F1": queue.f1,
            **{f"off {share:.0%}": queue.off(max(10, int(share * len(queue.chance)))) for share in SHARES},
        }
        for noise, rate, *pair in results
        for how, queue in zip(("before", "after"), pair, strict=True)
    ]
    table = pd.DataFrame(rows)
    table["rates"] = pd.cut(table["rate"], [0, 0.015, 0.05, 0.15, 1.0])
    for group in ("noise", "rates", None):
        keys = ["how"] if group is None else [group, "how"]
        parts = table.groupby(keys, observed=True)
        shown = pd.DataFrame(
            {
                "sets": parts.size(),
                "median count / true": np.exp(parts["log ratio"].median()),
                "|log ratio|": parts["log ratio"].agg(lambda x: x.abs().mean()),
                "within 1.5 x": parts["log ratio"].agg(lambda x: (x.abs() < np.log(1.5)).mean()),
                "range covers": parts["covers"].mean(),
                "flags F1": parts["F1"].mean(),
                **{f"|off| {s:.0%}": parts[f"off {s:.0%}"].agg(lambda x: x.abs().mean()) for s in SHARES},
            }
        )
        print("\n" + shown.round(3).to_string())


# --- refits ---


def refitted(cell: refits.Cell) -> Iterator[dict[str, object]]:
    """Yield what is expected and what is true of each audit of a cell, before and after calibration."""
    near = cell.neighbors()
    n, n_classes = len(cell.truth), cell.refits[0].pred_probs.shape[1]
    ids = np.array([f"i{i:06d}" for i in range(n)], dtype=object)
    for refit in cell.refits:
        scores = score(refit.labels, refit.pred_probs, threads=1)

        def ranked(labels: np.ndarray, _: int = 0, given: Scores = scores, refit: refits.Refit = refit) -> Ranking:
            votes = neighbor_statistics(near, labels, n_classes)
            return reranked(labels, refit.pred_probs, given.correction, votes, ids)

        rows = scores.rows
        before = ranked(refit.labels)
        first, second = (class_fraction(near, refit.labels, chosen) for chosen in (rows.top, rows.second))
        after = calibrate_by_planting(
            before,
            rows,
            ranked,
            ids=ids,
            features=cell.vectors,
            backing=Backing(first=first, second=second),
            rounds=int(np.ceil(8000 / n)),
        )
        wrong = refit.labels != cell.truth
        for how, ranking in (("before", before), ("after", after)):
            queue = Queue(
                cell.name,
                ranking.suspicion[ranking.order],
                wrong[ranking.order],
                ranking.is_suspect[ranking.order],
                *ranking.expected_errors_range,
            )
            depths = {f"off {depth:,}": queue.off(depth) if depth <= n / 2 else np.nan for depth in DEPTHS}
            yield {
                "cell": cell.name,
                "half": "chosen on" if cell.name in refits.CHOSEN_ON else "confirmed on",
                "model": "weak" if cell.name in refits.WEAK else "strong",
                "noise": refit.noise,
                "rate": refit.rate,
                "how": how,
                "log ratio": np.log((queue.chance.sum() + 0.5) / (wrong.sum() + 0.5)),
                "covers": queue.covers,
                "F1": queue.f1,
                "too weak": ranking.range_kind == TOO_WEAK,
                **depths,
            }


def show_refits(folder: Path, workers: int) -> None:
    with ProcessPoolExecutor(workers) as pool:
        rows = [row for part in pool.map(_refitted, refits.load(folder)) for row in part]
    table = pd.DataFrame(rows)
    for keys in (["half"], ["half", "model"], ["noise"], ["rate"], ["cell"], []):
        parts = table.groupby([*keys, "how"], observed=True)
        shown = pd.DataFrame(
            {
                "audits": parts.size(),
                "median count / true": np.exp(parts["log ratio"].median()),
                "5 %": np.exp(parts["log ratio"].quantile(0.05)),
                "95 %": np.exp(parts["log ratio"].quantile(0.95)),
                "|log ratio|": parts["log ratio"].agg(lambda x: x.abs().mean()),
                "within 1.5 x": parts["log ratio"].agg(lambda x: (x.abs() < np.log(1.5)).mean()),
                "range covers": parts["covers"].mean(),
                "flags F1": parts["F1"].mean(),
                "too weak": parts["too weak"].mean(),
                **{f"|off| {d:,}": parts[f"off {d:,}"].agg(lambda x: x.abs().mean()) for d in DEPTHS},
            }
        )
        print("\n" + shown.round(2).to_string())


def _refitted(cell: refits.Cell) -> list[dict[str, object]]:
    return list(refitted(cell))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the real data sets")
    parser.add_argument("--samples", action="store_true")
    parser.add_argument("--calibrate", choices=["auto", "on"], default="auto")
    parser.add_argument("--simulations", type=Path, help="folder that benchmarks.simulation filled")
    parser.add_argument("--refits", type=Path, help="folder that benchmarks.refits filled")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=350)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    if options.data:
        show_audits(raw(options.data), options.calibrate)
    if options.samples:
        show_audits(samples(SAMPLE_DATA), options.calibrate)
    if options.simulations:
        show_simulations(options.simulations, options.seed, options.count, options.workers)
    if options.refits:
        show_refits(options.refits, options.workers)


if __name__ == "__main__":
    main()
