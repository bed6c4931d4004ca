"""How the default order and flags hold on data that nothing was chosen on, against cleanlab's five scores and flags.

::

    python -m benchmarks.other_data --folder cells [--data ../shared/data]
    python -m benchmarks.bench_other_data cells [--csv FILE]

Probabilities are given, as they are to who brings their own model: without vectors of the items, and with them.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import labelaudit as la
from benchmarks.bench_ranking import CLEANLAB, average_precision, cleanlab_flags, f1
from benchmarks.other_data import CHOSEN_ON, Cell, load
from labelaudit.neighbors import Neighbors, find_neighbors, neighbor_statistics
from labelaudit.ranking import rank

UNEQUAL = {"rare digits", "income", "banking, topics", "drawn, 2 skewed", "drawn, 3 skewed"}  # few classes, one large
ORDERS = {"": "given probabilities", ", neighbours": "with the items' vectors"}


def measured(cell: Cell, near: Neighbors | None) -> dict[str, Any]:
    """Return a row of the table."""
    wrong = cell.labels != cell.truth
    scores = la.score(cell.labels, cell.pred_probs, normalize=True)
    rankings = {"": scores.ranking}
    if near is not None:
        votes = neighbor_statistics(near, cell.labels, scores.rows.n_classes)
        rankings[", neighbours"] = rank(scores.rows, recalibrated=lambda: scores.recalibrated, neighbors=votes)
    found = {name: average_precision(wrong, scores[name]) for name in CLEANLAB}
    row = {
        "set": cell.set,
        "errors": cell.noise,
        "model": cell.model,
        "rate": wrong.mean(),
        "agrees": (scores.rows.top == cell.truth).mean(),
        "best of five": max(found.values()),
        **found,
        "logit margin": average_precision(wrong, scores["logit_margin"]),
        "F1 cleanlab": f1(wrong, cleanlab_flags(cell.labels, cell.pred_probs)),
        "F1 differs": f1(wrong, scores.rows.top != cell.labels),
    }
    for name, ranking in rankings.items():
        row |= {
            f"AP{name}": average_precision(wrong, ranking.order_score),
            f"F1{name}": f1(wrong, ranking.is_suspect),
            f"expected / true{name}": ranking.expected_errors / wrong.sum(),
        }
    return row


def table_of(folder: Path) -> pd.DataFrame:
    """Measure all cells in a folder."""
    rows, last, near = [], "", None
    for cell in load(folder):
        if cell.set != last:
            last, near = cell.set, _neighbors(cell)
        rows.append(measured(cell, near))
    return pd.DataFrame(rows)


def _neighbors(cell: Cell) -> Neighbors | None:
    if cell.features is None:
        return None
    spread = np.maximum(cell.features.std(axis=0), 1e-9)
    return find_neighbors((cell.features - cell.features.mean(axis=0)) / spread)


def show(table: pd.DataFrame) -> None:
    """Print means and shares by half, errors, set and model, and the cells that fall shortest."""
    table = table.assign(
        all="all",
        half=np.where(table["set"].isin(CHOSEN_ON), "to choose on", "to confirm on"),
        classes=np.where(table["set"].isin(UNEQUAL), "few, of unequal size", "others"),
    )
    for ending, meaning in ORDERS.items():
        known = table[table[f"AP{ending}"].notna()]
        gain = known[f"AP{ending}"] - known["best of five"]
        known = known.assign(
            gain=gain,
            **{
                "≥ −.010": gain >= -0.01,
                "≥ −.005": gain >= -0.005,
                "above": gain > 0,
                "flags ≥ −.02": known[f"F1{ending}"] >= known["F1 cleanlab"] - 0.02,
            },
        )
        columns = ["best of five", "self_confidence", "logit margin", f"AP{ending}", "gain", "≥ −.010", "≥ −.005"]
        columns += ["above", f"F1{ending}", "F1 cleanlab", "F1 differs", "flags ≥ −.02"]
        print(f"\n=== {meaning}: {len(known)} cells")
        for by in ("all", "half", "classes", "errors", "set", "model"):
            groups = known.groupby(by)
            means = groups[columns].mean()
            means.insert(0, "cells", groups.size())
            means["expected / true"] = groups[f"expected / true{ending}"].median()
            print("\n" + means.round(3).to_string())
        worst = known.nsmallest(12, "gain")[["set", "errors", "model", "rate", "agrees", "best of five", f"AP{ending}"]]
        print("\nfurthest below\n" + worst.round(3).to_string(index=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder that benchmarks.other_data filled")
    parser.add_argument("--csv", type=Path, help="where to write all cells")
    options = parser.parse_args()
    table = table_of(options.folder)
    if options.csv:
        table.to_csv(options.csv, index=False)
    show(table)


if __name__ == "__main__":
    main()
