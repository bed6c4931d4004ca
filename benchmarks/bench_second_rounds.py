"""How honest an audit is about what is left after a round of decisions: counts, ranges, flags and precision.

::

    python -m benchmarks.bench_second_rounds --data ../shared/data --samples     # whole audits, some minutes
    python -m benchmarks.refits --data ../shared/data --folder refits            # once, a quarter of an hour
    python -m benchmarks.bench_second_rounds --data ../shared/data --refits refits

The first items of the queue are corrected, the model is fitted again, and the undecided items are judged by an audit
that does not know of the decisions and by one that does. CIFAR-10N has given probabilities, which stay as they are.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

import labelaudit as la
from benchmarks import refits
from benchmarks.bench_planting import RAW, SAMPLE_DATA, Queue, raw, reranked, samples
from labelaudit.neighbors import class_fraction, neighbor_statistics
from labelaudit.planting import Backing, Verdicts, calibrate_by_planting, without_decided
from labelaudit.ranking import Ranking
from labelaudit.scoring import score
from labelaudit.verdicts import Judgement

DECIDED = (50, 100, 200, 500)
PRECISION_AT = (25, 100)
LEAST_RATE = 0.01  # of refits: with fewer errors than that a first round finds them all
ROUNDS = 4  # of planting, in refits


# --- audits from the file ---


def cifar10n(folder: Path) -> tuple[str, la.Dataset, pd.Series]:
    """Return the labels of crowd workers with the probabilities of one model."""
    files = folder / "cifar10n-aggregate"
    labels, wrong = np.load(files / "labels.npy").astype(np.int32), np.load(files / "is_error.npy").astype(bool)
    dataset = la.Dataset.from_arrays(labels, pred_probs=[np.load(files / "resnet18.npy")])
    # Where a label is wrong the data does not say what is right: the first choice of the best model stands in.
    best = np.load(files / "swin_base.npy")
    best[np.arange(len(labels)), labels] = -1.0
    right = np.where(wrong, best.argmax(axis=1), labels)
    return "cifar10n", dataset, pd.Series([dataset.classes[code] for code in right], index=dataset.ids)


def true_labels(name: str, dataset: la.Dataset, folder: Path) -> pd.Series:
    """Return the true label of each item, by id."""
    file = folder / name / "noisy_truth.csv" if name in RAW else folder / f"{name}_truth.csv"
    truth = pd.read_csv(file, dtype=str).set_index("id")["true_label"]
    if dataset.images is not None:
        return pd.Series(truth.loc[[Path(path).stem for path in dataset.images]].to_numpy(), index=dataset.ids)
    return truth.loc[dataset.ids]


def show_audits(name: str, dataset: la.Dataset, truth: pd.Series, sizes: list[int]) -> None:
    """Show what is expected of the undecided items after the first ones of the queue were decided."""
    names = np.array(dataset.classes, dtype=object)
    first = la.audit(dataset).items
    queue = first[first["status"] == "assessed"].sort_values("rank").index
    given = pd.Series(names[dataset.labels], index=dataset.ids)
    code_of = {each: code for code, each in enumerate(dataset.classes)}
    for size in sizes:
        decided = queue[:size]
        judged = {each: Judgement(given[each], bool(given[each] != truth[each])) for each in decided}
        labels = given.copy()
        labels[decided] = truth[decided]
        corrected = replace(dataset, labels=labels.map(code_of).to_numpy(dtype=np.int32))
        for how, known in (("not told", None), ("told", judged)):
            audit = la.audit(corrected, judged=known)
            items = audit.items
            left = items[(items["status"] == "assessed") & ~items.index.isin(decided)].sort_values("rank")
            wrong = (given[left.index] != truth[left.index]).to_numpy()
            flagged = left["is_suspect"].to_numpy()
            rest = Queue(name, left["suspicion"].to_numpy(), wrong, flagged, *audit.health["expected_errors_range"])
            depths = ", ".join(
                f"{rest.chance[:depth].mean():.2f} / {wrong[:depth].mean():.2f} at {depth}" for depth in (25, 100, 500)
            )
            print(
                f"{name:10s} {size:4d} decided, {how:8s} expected {rest.chance.sum():7,.1f} ({rest.low:,.1f} to"
                f" {rest.high:,.1f}; true {wrong.sum():,}), flagged {flagged.sum():5,}, F1 {rest.f1:.3f};"
                f" precision {depths}",
                flush=True,
            )


# --- refits ---


def first_decided(cell: refits.Cell, refit: refits.Refit, share: float) -> np.ndarray:
    """Return (n,) bool: the first items of the queue of a refit, at least 100."""
    scores = score(refit.labels, refit.pred_probs, threads=1)
    votes = neighbor_statistics(cell.neighbors(), refit.labels, refit.pred_probs.shape[1])
    ranking = reranked(refit.labels, refit.pred_probs, scores.correction, votes, ids_of(len(cell.truth)))
    is_decided = np.zeros(len(cell.truth), dtype=bool)
    is_decided[ranking.order[: max(100, round(share * len(cell.truth)))]] = True
    return is_decided


def ids_of(n: int) -> np.ndarray:
    return np.array([f"i{i:06d}" for i in range(n)], dtype=object)


def fitted_again(cell: refits.Cell, share: float, data: Path, folder: Path) -> list[np.ndarray]:
    """Return the probabilities of the model that is fitted to the corrected labels of each refit; kept in a file."""
    file = folder / "corrected" / f"{cell.name}-{share:g}.npz"
    if not file.exists():
        planned = refits.plan(cell.name, data)
        rng = np.random.default_rng([zlib.crc32(cell.name.encode()), round(1000 * share)])
        found = [
            refits.cross_validated(
                planned.model,
                planned.items.features,
                np.where(first_decided(cell, refit, share), cell.truth, refit.labels),
                refit.pred_probs.shape[1],
                rng,
            )
            for refit in cell.refits
            if refit.rate >= LEAST_RATE
        ]
        file.parent.mkdir(exist_ok=True)
        partly = file.with_suffix(".partial.npz")
        np.savez(partly, *found)
        partly.rename(file)
    with np.load(file) as content:
        return [content[name] for name in content.files]


def not_told(cell: refits.Cell, labels: np.ndarray, pred_probs: np.ndarray) -> Ranking:
    """Audit labels as if nobody had decided anything."""
    near, scores = cell.neighbors(), score(labels, pred_probs, threads=1)

    def ranked(planted: np.ndarray, _: int = 0) -> Ranking:
        votes = neighbor_statistics(near, planted, pred_probs.shape[1])
        return reranked(planted, pred_probs, scores.correction, votes, ids_of(len(planted)))

    first, second = (class_fraction(near, labels, chosen) for chosen in (scores.rows.top, scores.rows.second))
    return calibrate_by_planting(
        ranked(labels),
        scores.rows,
        ranked,
        ids=ids_of(len(labels)),
        features=cell.vectors,
        backing=Backing(first=first, second=second),
        rounds=ROUNDS,
    )


def told(cell: refits.Cell, seen: np.ndarray, is_decided: np.ndarray, pred_probs: np.ndarray) -> Ranking:
    """Audit as `labelaudit.pipeline` does where it is known what was decided."""
    near = cell.neighbors()
    labels = np.where(is_decided, cell.truth, seen).astype(np.int32)
    of_seen, of_today = (score(each, pred_probs, threads=1) for each in (seen, labels))

    def ranked(planted: np.ndarray, _: int = 0) -> Ranking:
        learned = np.where(planted == seen, labels, planted).astype(np.int32)
        votes = neighbor_statistics(near, learned, pred_probs.shape[1], judged=planted)
        return reranked(planted, pred_probs, of_today.correction, votes, ids_of(len(planted)))

    rows = of_seen.rows
    first, second = (class_fraction(near, labels, chosen) for chosen in (rows.top, rows.second))
    is_error = is_decided & (seen != cell.truth)
    calibrated = calibrate_by_planting(
        ranked(seen),
        rows,
        ranked,
        ids=ids_of(len(seen)),
        features=cell.vectors,
        backing=Backing(first=first, second=second),
        verdicts=Verdicts(labels=seen, is_decided=is_decided, is_told=is_decided, is_error=is_error),
        rounds=ROUNDS,
    )
    return without_decided(calibrated, is_decided)


def second_rounds(share: float, data: Path, folder: Path, cell: refits.Cell) -> list[dict[str, object]]:
    """Return what is expected and what is true of the undecided items of each refit of a cell."""
    return list(_second_rounds(share, data, folder, cell))


def _second_rounds(share: float, data: Path, folder: Path, cell: refits.Cell) -> Iterator[dict[str, object]]:
    drawn = [refit for refit in cell.refits if refit.rate >= LEAST_RATE]
    for refit, pred_probs in zip(drawn, fitted_again(cell, share, data, folder), strict=True):
        is_decided = first_decided(cell, refit, share)
        seen, wrong = refit.labels, refit.labels != cell.truth
        labels = np.where(is_decided, cell.truth, seen).astype(np.int32)
        for how, ranking in (
            ("not told", not_told(cell, labels, pred_probs)),
            ("told", told(cell, seen, is_decided, pred_probs)),
        ):
            left = ranking.order[~is_decided[ranking.order]]
            parts = (each[left] for each in (ranking.suspicion, wrong, ranking.is_suspect))
            queue = Queue(cell.name, *parts, *ranking.expected_errors_range)
            yield {
                "cell": cell.name,
                "half": "chosen on" if cell.name in refits.CHOSEN_ON else "confirmed on",
                "noise": refit.noise,
                "rate": refit.rate,
                "decided": share,
                "how": how,
                "expected": queue.chance.sum(),
                "true": wrong[left].sum(),
                "low": queue.low,
                "high": queue.high,
                "covers": queue.covers,
                "F1": queue.f1,
                **{f"off {depth}": queue.off(depth) for depth in PRECISION_AT},
            }


def show_refits(table: pd.DataFrame) -> None:
    """Print means by group."""
    table["log ratio"] = np.log((table["expected"] + 0.5) / (table["true"] + 0.5))
    table["left"] = pd.cut(table["true"], [-1, 3, 10, 30, 100, np.inf])
    for keys in (["half"], ["cell"], ["noise"], ["left"], []):
        parts = table.groupby(["decided", *keys, "how"], observed=True)
        shown = pd.DataFrame(
            {
                "rounds": parts.size(),
                "median count / true": np.exp(parts["log ratio"].median()),
                "5 %": np.exp(parts["log ratio"].quantile(0.05)),
                "95 %": np.exp(parts["log ratio"].quantile(0.95)),
                "|log ratio|": parts["log ratio"].agg(lambda x: x.abs().mean()),
                "mean expected": parts["expected"].mean(),
                "mean true": parts["true"].mean(),
                "range covers": parts["covers"].mean(),
                "below": parts[["true", "low"]].apply(lambda x: (x["true"] < x["low"]).mean()),
                "mean width": parts[["high", "low"]].apply(lambda x: (x["high"] - x["low"]).mean()),
                "flags F1": parts["F1"].mean(),
                **{f"|off| {d}": parts[f"off {d}"].agg(lambda x: x.abs().mean()) for d in PRECISION_AT},
            }
        )
        print("\n" + shown.round(2).to_string(), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the real data sets")
    parser.add_argument("--samples", action="store_true")
    parser.add_argument("--decided", type=int, nargs="+", metavar="N", default=DECIDED)
    parser.add_argument("--refits", type=Path, help="folder that benchmarks.refits filled; needs --data")
    parser.add_argument("--shares", type=float, nargs="+", default=[0.1, 0.3], help="of refits that are decided")
    parser.add_argument("--cells", nargs="+", help="only these refits")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    if options.refits:
        cells = [cell for cell in refits.load(options.refits) if cell.name in (options.cells or [cell.name])]
        with ProcessPoolExecutor(options.workers) as pool:
            parts = [
                pool.map(partial(second_rounds, share, options.data, options.refits), cells) for share in options.shares
            ]
            rows = [row for part in parts for found in part for row in found]
        show_refits(pd.DataFrame(rows))
        return
    for folder, cases in (
        (SAMPLE_DATA, samples(SAMPLE_DATA) if options.samples else ()),
        (options.data, raw(options.data) if options.data else ()),
    ):
        for name, dataset, _ in cases:
            show_audits(name, dataset, true_labels(name, dataset, folder), options.decided)
    if options.data:
        show_audits(*cifar10n(options.data), options.decided)


if __name__ == "__main__":
    main()
