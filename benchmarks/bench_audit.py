"""Audit the real data sets from file to folder: wall time, peak memory, and how well each score finds the known errors.

Run it as ``python benchmarks/bench_audit.py ../shared/data``; ``--only banking77`` takes one set, ``--classifier cnn``
another than the default classifier, ``--json FILE`` keeps the numbers. Each audit is a process of its own, called as a
user would call it; peak memory is that of the largest process.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

import labelaudit as la
from labelaudit.scores import SCORES


@dataclass(frozen=True)
class Case:
    """One data set: what to audit, with which options, and where its truth stands."""

    name: str
    data: str
    options: tuple[str, ...] = ()


CASES = (
    Case("banking77", "banking77/noisy.csv"),
    Case("adult", "adult/noisy.csv", ("--label", "income")),
    Case("cifar10-test", "cifar10-test/labels.csv"),
    Case("cifar10n-aggregate", "cifar10n-aggregate"),
    Case("roman-numeral", "roman-numeral"),
)


def is_error(case: Case, folder: Path, items: pd.DataFrame) -> np.ndarray:
    """Return (n,) bool in the order of `items`: whether the given label is known to be wrong."""
    if case.name in {"banking77", "adult"}:
        truth = pd.read_csv(folder / case.name / "noisy_truth.csv", dtype={"id": str}).set_index("id")
        return truth.loc[items.index, "is_error"].to_numpy()
    if case.name == "cifar10-test":
        counts = np.load(folder / case.name / "human_counts.npy")
        labels = pd.read_csv(folder / case.name / "labels.csv", dtype={"id": str})
        classes = np.array(sorted(labels["label"].unique()))
        wrong = classes[counts.argmax(axis=1)] != labels["label"].to_numpy()
        return pd.Series(wrong, index=labels["id"]).loc[items.index].to_numpy()
    return np.load(folder / case.name / "is_error.npy")[items["row"].to_numpy() - 1]


def audit(case: Case, folder: Path, out: Path, options: tuple[str, ...]) -> dict[str, float]:
    """Run the command line on one data set; return wall seconds and peak memory."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "labelaudit", "audit", str(folder / case.data), "--out", str(out), *case.options]
    command += options
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)  # the operating system's account of this process and its workers alone
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"The audit of {case.name} ended with {process.returncode}: {' '.join(command)}")
    return {"wall_seconds": round(time.perf_counter() - started, 2), "peak_mb": round(usage.ru_maxrss / 1024, 1)}


def measure(case: Case, folder: Path, options: tuple[str, ...] = ()) -> dict[str, object]:
    """Audit one data set, with further `options` of the command line, and judge its scores."""
    with tempfile.TemporaryDirectory() as scratch:
        cost = audit(case, folder, Path(scratch) / "bench.audit", options)
        loaded = la.load(Path(scratch) / "bench.audit")
    items = loaded.items[loaded.items["status"] == "assessed"]
    wrong = is_error(case, folder, items).astype(bool)
    found = wrong & items["is_suspect"].to_numpy()
    scores = ["suspicion", "ambiguity", *(name for name in SCORES.names() if name in items.columns)]
    return {
        "data": case.name,
        **cost,
        "items": len(loaded.items),
        "errors": int(wrong.sum()),
        "expected_errors": round(float(loaded.health["expected_errors"]), 1),
        "flag_f1": round(float(2 * found.sum() / (wrong.sum() + items["is_suspect"].sum())), 4),
        "average_precision": {s: round(float(average_precision_score(wrong, items[s])), 4) for s in scores},
        "auroc": {s: round(float(roc_auc_score(wrong, items[s])), 4) for s in scores},
    }


def show(result: dict[str, object]) -> None:
    """Print one result as a block."""
    print(
        f"\n{result['data']}: {result['items']:,} items, {result['errors']:,} known errors, "
        f"{result['expected_errors']:,} expected; flags F1 {result['flag_f1']}; "
        f"{result['wall_seconds']} s, peak {result['peak_mb']} MB in one process"
    )
    precision, auroc = result["average_precision"], result["auroc"]
    for score in sorted(precision, key=precision.get, reverse=True):
        print(f"  {score:32s} AP {precision[score]:.3f}   AUROC {auroc[score]:.3f}")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of the data sets")
    parser.add_argument("--only", choices=[case.name for case in CASES], action="append")
    parser.add_argument("--classifier", help="for sets that hold its kind of content; see --only")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    options = () if arguments.classifier is None else ("--classifier", arguments.classifier)
    results = []
    for case in CASES:
        if arguments.only is None or case.name in arguments.only:
            results.append(measure(case, arguments.folder, options))
            show(results[-1])
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
