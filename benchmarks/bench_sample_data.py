"""What an audit of the sample data finds, beside cleanlab on the same probabilities; a Markdown table.

    python benchmarks/bench_sample_data.py

Both see the probabilities that the audit obtained by cross-validation, so that only the ranking and the flags differ.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from sklearn.metrics import average_precision_score

import labelaudit as la

SAMPLE_DATA = Path(__file__).resolve().parent.parent / "sample_data"
SETS = {"tickets": ("tickets.csv", {}), "digits": ("digits", {}), "machines": ("machines.csv", {"label": "fault"})}
HEAD = ("Set", "Errors", "", "Average precision", "Errors in the first 50", "Flagged", "of them errors", "F1")


def errors_by_row(name: str, audit: la.Audit) -> np.ndarray:
    """Return the planted errors (n,) in the order of the data."""
    truth = pd.read_csv(SAMPLE_DATA / f"{name}_truth.csv", dtype=str, keep_default_na=False)
    if name == "digits":  # these have no id column; the files come in the order of folder and name
        return (truth.sort_values("file")["is_error"] == "1").to_numpy()
    ids = audit.items.sort_values("row").index
    return (truth.set_index("id").loc[ids, "is_error"] == "1").to_numpy()


def line(who: str, errors: np.ndarray, suspicion: np.ndarray, flags: np.ndarray) -> list[str]:
    """Return the cells of one tool."""
    first = np.argsort(-suspicion, kind="stable")[:50]
    hits = int((flags & errors).sum())
    return [
        who,
        f"{average_precision_score(errors, suspicion):.2f}",
        str(int(errors[first].sum())),
        str(int(flags.sum())),
        str(hits),
        f"{2 * hits / (flags.sum() + errors.sum()):.2f}",
    ]


def compare(name: str) -> list[list[str]]:
    """Return the two lines of a set."""
    file, options = SETS[name]
    audit = la.audit(la.read(SAMPLE_DATA / file, **options))
    items = audit.items.sort_values("row")
    errors = errors_by_row(name, audit)
    pred_probs = np.asarray(audit.arrays["pred_probs"], dtype=np.float64)
    pred_probs /= pred_probs.sum(axis=1, keepdims=True)
    labels = pd.Categorical(items["given_label"], categories=audit.classes).codes.astype(np.int64)
    ours = line("labelaudit", errors, items["suspicion"].to_numpy(float), items["is_suspect"].to_numpy(bool))
    quality = get_label_quality_scores(labels, pred_probs, method="self_confidence")
    theirs = line("cleanlab", errors, -quality, find_label_issues(labels, pred_probs, n_jobs=1))
    return [[name, str(int(errors.sum())), *ours], ["", "", *theirs]]


def main() -> None:
    """Print the table."""
    rows = [row for name in SETS for row in compare(name)]
    for cells in (HEAD, ["---"] * len(HEAD), *rows):
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
