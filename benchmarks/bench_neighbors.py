"""Time, memory and recall of the neighbour search, against scikit-learn's exact search in the same run.

    python benchmarks/bench_neighbors.py                          # the table in docs/neighbors.md
    python benchmarks/bench_neighbors.py --sizes 10000 --columns 64 --out neighbors.json

Each search runs in a process of its own, so that its peak memory is its own; ours and scikit-learn's take turns (A B A
B), and the least time of each counts, because other work on the machine can only add to it.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np


def clustered(n: int, n_columns: int, *, seed: int = 0) -> np.ndarray:
    """Return vectors (n, d) float32 in 500 clusters of unequal size, in 32 dimensions of their own, like embeddings."""
    rng = np.random.default_rng(seed)
    inner = min(32, n_columns)
    centers = rng.normal(size=(500, inner)).astype(np.float32)
    weights = rng.dirichlet(np.full(500, 0.5))
    points = centers[rng.choice(500, n, p=weights)] + 0.6 * rng.normal(size=(n, inner)).astype(np.float32)
    rotation = rng.normal(size=(inner, n_columns)).astype(np.float32)
    return points @ rotation + 0.05 * rng.normal(size=(n, n_columns)).astype(np.float32)


def ours(vectors: np.ndarray, k: int, *, approximate: bool) -> dict[str, Any]:
    from labelaudit.neighbors import find_neighbors

    started = time.perf_counter()
    found = find_neighbors(vectors, k=k, metric="euclidean", approximate=approximate)
    return {"seconds": time.perf_counter() - started, "recall": found.recall}


def theirs(vectors: np.ndarray, k: int) -> dict[str, Any]:
    from sklearn.neighbors import NearestNeighbors

    started = time.perf_counter()
    NearestNeighbors(n_neighbors=k, algorithm="brute").fit(vectors).kneighbors()
    return {"seconds": time.perf_counter() - started, "recall": 1.0}


SEARCHES = {
    "labelaudit exact": lambda vectors, k: ours(vectors, k, approximate=False),
    "labelaudit approximate": lambda vectors, k: ours(vectors, k, approximate=True),
    "scikit-learn brute": theirs,
}


def measure(name: str, n: int, n_columns: int, k: int) -> dict[str, Any]:
    vectors = clustered(n, n_columns)
    SEARCHES[name](vectors[:2000], k)  # imports and first calls are not the search
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = SEARCHES[name](vectors, k)
    return found | {"extra_mb": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 30_000, 100_000])
    parser.add_argument("--columns", type=int, default=256)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--searches", nargs="+", choices=list(SEARCHES), default=list(SEARCHES))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    results = []
    print(f"{'n':>9}  {'search':<24}{'seconds':>9}{'extra MB':>10}{'recall':>8}")
    for n in options.sizes:
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in options.searches}
        for _ in range(options.rounds):
            for name in options.searches:
                with spawn.Pool(1) as pool:
                    runs[name].append(pool.apply(measure, (name, n, options.columns, options.k)))
        for name, measured in runs.items():
            best = min(measured, key=lambda run: run["seconds"])
            results.append({"n": n, "d": options.columns, "search": name, **best})
            print(
                f"{n:>9}  {name:<24}{best['seconds']:>9.2f}{best['extra_mb']:>10.0f}{best['recall']:>8.3f}", flush=True
            )
    if options.out:
        options.out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
