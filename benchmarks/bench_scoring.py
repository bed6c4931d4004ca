"""Scoring against cleanlab: time, memory, threads, sources larger than memory, scaling, first call.

Run from the repository root, one part at a time or all::

    python benchmarks/bench_scoring.py speed --rows 1000000 --classes 10
    python benchmarks/bench_scoring.py speed --rows 200000 --classes 1000 --repeats 2
    python benchmarks/bench_scoring.py ranking
    python benchmarks/bench_scoring.py read
    python benchmarks/bench_scoring.py threads
    python benchmarks/bench_scoring.py kernels
    python benchmarks/bench_scoring.py memory --rows 200000 --classes 1000
    python benchmarks/bench_scoring.py mapped --rows 1280000 --classes 1000
    python benchmarks/bench_scoring.py scaling
    python benchmarks/bench_scoring.py cold

Ours and theirs run on the same arrays in one process, in the order ABAB. Times are the least of the repeats (on a
machine with other work the least is what the code can do), ratios also of the medians. Each part writes
``benchmarks/results/local-scoring-<part>-<rows>x<classes>.json``.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scaling_plot import plot

from labelaudit import flags
from labelaudit.kernels import RowStatistics, blocked
from labelaudit.noise_rates import calibrate, estimate_noise_rates
from labelaudit.passes import gather_evidence
from labelaudit.scoring import Scores, score

RESULTS = Path(__file__).parent / "results"


def simulate(n: int, n_classes: int, *, out: Any = None, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return labels with 10 % errors and float32 probabilities whose confidence differs by class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_classes, n).astype(np.int32)
    boost = (np.log(n_classes) + rng.gamma(2, 1.5, n_classes)).astype(np.float32)
    pred_probs = np.empty((n, n_classes), np.float32) if out is None else out
    step = max(1, 20_000_000 // n_classes)
    for start in range(0, n, step):
        true = labels[start : start + step]
        block = rng.standard_normal((len(true), n_classes), dtype=np.float32)
        block[np.arange(len(true)), true] += boost[true]
        np.exp(block, out=block)
        pred_probs[start : start + step] = block / block.sum(axis=1, keepdims=True)
    wrong = rng.random(n) < 0.1
    labels[wrong] = rng.integers(0, n_classes, int(wrong.sum()))
    return labels, pred_probs


def same_job(labels: np.ndarray, pred_probs: np.ndarray, threads: int | None = None) -> Scores:
    """Do what `cleanlab_everything` does, its default flags included, with all scores instead of three."""
    scores = score(labels, pred_probs, threads=threads)
    scores.compute()
    scores.flags("prune_by_noise_rate")
    joint = calibrate(scores.statistics.confident_joint, scores.statistics.counts)
    estimate_noise_rates(joint, scores.statistics.counts)
    scores.flags("confident_learning").mean()
    return scores


def same_job_and_ranks(labels: np.ndarray, pred_probs: np.ndarray) -> np.ndarray:
    """Do the same job, and give all items their ranks by one score, the commonest."""
    scores = same_job(labels, pred_probs)
    order = np.argsort(scores["self_confidence"])[::-1]
    ranks = np.empty(len(order), dtype=np.int32)
    ranks[order] = np.arange(len(order), dtype=np.int32)
    return ranks


def everything(labels: np.ndarray, pred_probs: np.ndarray, threads: int | None = None) -> Scores:
    """Do the same job and rank: suspicion as a probability, ambiguity, both queues with their flags."""
    scores = same_job(labels, pred_probs, threads)
    assert len(scores.ranking.order) == len(labels)
    return scores


def cleanlab_everything(labels: np.ndarray, pred_probs: np.ndarray) -> None:
    """Run its flags, three quality scores and health summary, in one process (more make it slower)."""
    from cleanlab.dataset import health_summary
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        find_label_issues(labels, pred_probs, n_jobs=1)
        for method in ("self_confidence", "normalized_margin", "confidence_weighted_entropy"):
            get_label_quality_scores(labels, pred_probs, method=method)
        health_summary(labels, pred_probs, verbose=False)


def seconds(function: Callable[[], Any]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def alternate(repeats: int, **functions: Callable[[], Any]) -> dict[str, Any]:
    """Time the functions in turn, ABAB: wall time and processor time of all threads, and ratios to the first."""
    wall: dict[str, list[float]] = {name: [] for name in functions}
    processor: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            before = time.process_time()
            wall[name].append(seconds(function))
            processor[name].append(time.process_time() - before)
    first = next(iter(functions))
    return {
        "seconds": {name: min(times) for name, times in wall.items()},
        "processor_seconds": {name: min(times) for name, times in processor.items()},
        "ratio_of_minima": {name: min(times) / min(wall[first]) for name, times in wall.items()},
        "ratio_of_medians": {
            name: statistics.median(times) / statistics.median(wall[first]) for name, times in wall.items()
        },
    }


def speed(rows: int, classes: int, repeats: int) -> dict[str, Any]:
    labels, pred_probs = simulate(rows, classes)
    everything(labels[:1000], pred_probs[:1000])
    gather_evidence(labels, [pred_probs])  # load the compiled kernel outside the measurement; see `cold` for its cost
    return alternate(
        repeats,
        ours=lambda: everything(labels, pred_probs),
        ours_without_ranking=lambda: same_job(labels, pred_probs),
        ours_with_ranks_by_a_score=lambda: same_job_and_ranks(labels, pred_probs),
        cleanlab=lambda: cleanlab_everything(labels, pred_probs),
    )


def ranking(rows: int, classes: int, repeats: int) -> dict[str, Any]:
    """Compare scoring with scoring and ranking: right after each other, and each right after cleanlab.

    What comes after cleanlab finds memory given back and caches filled with other things; in `speed` that is always the
    ranking.
    """
    labels, pred_probs = simulate(rows, classes)
    everything(labels, pred_probs)
    runs = {"scoring": lambda: same_job(labels, pred_probs), "ranking_too": lambda: everything(labels, pred_probs)}
    in_turn: dict[str, Callable[[], Any]] = dict(runs)
    for name, run in runs.items():
        in_turn[f"cleanlab_before_{name}"] = lambda: cleanlab_everything(labels, pred_probs)
        in_turn[f"{name}_after_cleanlab"] = run
    return alternate(repeats, **in_turn)


def read(rows: int, classes: int, repeats: int) -> dict[str, Any]:
    labels, pred_probs = simulate(rows, classes)
    gather_evidence(labels, [pred_probs])
    return alternate(
        repeats,
        sum=pred_probs.sum,
        passes=lambda: gather_evidence(labels, [pred_probs]),
        passes_and_ranking=lambda: score(labels, pred_probs).suspicion,
    )


def threads(rows: int, classes: int, repeats: int) -> dict[str, Any]:
    labels, pred_probs = simulate(rows, classes)
    gather_evidence(labels, [pred_probs])
    runs = {
        f"threads_{count}": lambda count=count: gather_evidence(labels, [pred_probs], threads=count)
        for count in (4, 2, 1)
    }
    return alternate(repeats, **runs)


def kernels(rows: int, classes: int, repeats: int) -> dict[str, Any]:
    """Compare processor time of one thread in each kernel, and a read of the same array."""
    from labelaudit.kernels import compiled

    labels, pred_probs = simulate(rows, classes)
    thresholds = np.full(classes, 0.5)
    out = RowStatistics.allocate(rows, classes, np.float32)
    compiled.reduce_chunk(out, labels, pred_probs, thresholds, 1e-3)
    found: dict[str, float] = {}
    for name, function in {
        "compiled": lambda: compiled.reduce_chunk(out, labels, pred_probs, thresholds, 1e-3),
        "numpy": lambda: blocked.reduce_chunk(out, labels, pred_probs, thresholds, 1e-3),
        "sum": pred_probs.sum,
    }.items():
        least = float("inf")
        for _ in range(repeats):
            start = time.thread_time()
            function()
            least = min(least, time.thread_time() - start)
        found[name] = least / pred_probs.size * 1e9
    return {"nanoseconds_per_value": found}


def child(code: str, **environment: str) -> dict[str, Any]:
    """Run Python code in a process of its own; it prints one line of JSON."""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ | environment
    )
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


def memory(rows: int, classes: int, repeats: int) -> dict[str, Any]:
    """Peak of resident memory above what the arrays take, each in a process of its own."""
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
import bench_scoring as b
labels, pred_probs = b.simulate({rows}, {classes})
print(b.json.dumps(b.peak_above(lambda: b.{{function}}(labels, pred_probs))))
"""
    found = {name: child(code.format(function=name)) for name in ("everything", "cleanlab_everything")}
    ratio = found["cleanlab_everything"]["peak_mb"] / found["everything"]["peak_mb"]
    return found | {"cleanlab_to_ours": ratio, "repeats": min(repeats, 1)}


def anonymous_mb() -> float:
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["RssAnon"].split()[0]) / 1000


def peak_above(function: Callable[[], Any]) -> dict[str, float]:
    """Run a function and return its time and the peak of anonymous memory above the start, sampled every 2 ms."""
    done = threading.Event()
    before = anonymous_mb()
    peak = before

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.002):
            peak = max(peak, anonymous_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    took = seconds(function)
    done.set()
    watcher.join()
    return {"seconds": took, "peak_mb": peak - before, "peak_mb_in_all": peak}


def mapped(rows: int, classes: int, repeats: int) -> dict[str, Any]:
    """Score a memory map larger than the budget; compare with a plain read of the file and with arrays in memory."""
    folder = Path(os.environ.get("LABELAUDIT_BENCH_TMP", tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        path = Path(scratch) / "P.npy"
        array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(rows, classes))
        labels, _ = simulate(rows, classes, out=array)
        array.flush()
        del array
        np.save(Path(scratch) / "y.npy", labels)
        code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
import bench_scoring as b
labels, source = b.np.load({str(Path(scratch) / "y.npy")!r}), b.np.load({str(path)!r}, mmap_mode="r")
b.gather_evidence(labels[:6000], [source[:6000]])
found = [b.peak_above(lambda: b.{{function}}) for _ in range({repeats})]
print(b.json.dumps(min(found, key=lambda one: one["seconds"])))
"""
        found = {
            "score": child(code.format(function="score(labels, source).suspicion")),
            "flags": {
                rule: child(code.format(function=f"score(labels, source).flags({rule!r})")) for rule in flags.RULES
            },
            "plain_read": child(code.format(function=f"read_file({str(path)!r})")),
        }
        source, part = np.load(path, mmap_mode="r"), slice(0, min(rows, 200_000))
        there, here = score(labels[part], source[part]), score(labels[part], np.array(source[part]))
        found["flags_equal_in_memory"] = {
            rule: bool((there.flags(rule) == here.flags(rule)).all()) for rule in flags.RULES
        }
    return found


def read_file(path: str) -> None:
    with Path(path).open("rb", buffering=0) as file:
        block = bytearray(16_000_000)
        while file.readinto(block):
            pass


def scaling(rows: int, classes: int, repeats: int) -> dict[str, Any]:
    """Time both passes over n (K = 10) and over K (n = 50,000); processor time of all threads."""
    sizes = [(n, 10) for n in (10_000, 100_000, 1_000_000, rows)]
    sizes += [(50_000, k) for k in (2, 10, 50, 200, 1000, classes)]
    table = []
    for n, k in sizes:
        labels, pred_probs = simulate(n, k)
        gather_evidence(labels, [pred_probs])
        wall, processor = [], []
        for _ in range(repeats):
            before = time.process_time()
            wall.append(seconds(lambda: gather_evidence(labels, [pred_probs])))  # noqa: B023 -- called at once
            processor.append(time.process_time() - before)
        found = {"n": n, "K": k, "wall": min(wall), "processor": min(processor)}
        table.append(found | {"nanoseconds_per_value": min(processor) / n / k * 1e9})
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "local-scoring-scaling.svg").write_text(plot(table), encoding="utf-8")
    return {"table": table}


def cold(rows: int, classes: int, repeats: int) -> dict[str, Any]:
    """First call of a fresh process: beyond its imports, with and without a compile cache, and with its imports."""

    def first_call(imports: str) -> str:
        return f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
import bench_scoring as b
labels, pred_probs = b.simulate({rows}, {classes})
{imports}
print(b.json.dumps(b.seconds(lambda: b.score(labels, pred_probs).suspicion)))
"""

    beyond = first_call("import labelaudit.ranking, scipy.special")  # as the call itself would import them
    whole = first_call("")
    found: dict[str, list[float]] = {"cache_there": [], "cache_empty": [], "with_imports": []}
    child(beyond)
    for _ in range(repeats):
        found["cache_there"].append(child(beyond))
        found["with_imports"].append(child(whole))
        with tempfile.TemporaryDirectory() as empty:
            found["cache_empty"].append(child(beyond, NUMBA_CACHE_DIR=empty))
    return {name: {"least": min(took), "median": statistics.median(took)} for name, took in found.items()}


DEFAULTS: dict[str, tuple[Callable[[int, int, int], dict[str, Any]], int, int, int]] = {
    "speed": (speed, 1_000_000, 10, 3),
    "ranking": (ranking, 1_000_000, 10, 7),
    "read": (read, 200_000, 1000, 5),
    "threads": (threads, 200_000, 1000, 5),
    "kernels": (kernels, 20_000, 1000, 3),
    "memory": (memory, 200_000, 1000, 1),
    "mapped": (mapped, 1_280_000, 1000, 2),
    "scaling": (scaling, 10_000_000, 5000, 3),
    "cold": (cold, 10_000, 10, 3),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=DEFAULTS)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--classes", type=int)
    parser.add_argument("--repeats", type=int)
    given = parser.parse_args()
    function, rows, classes, repeats = DEFAULTS[given.part]
    rows, classes, repeats = given.rows or rows, given.classes or classes, given.repeats or repeats
    machine = {"machine": platform.processor() or platform.machine(), "cores": os.cpu_count(), "load": os.getloadavg()}
    found = {"part": given.part, "rows": rows, "classes": classes, "repeats": repeats, **machine}
    found |= function(rows, classes, repeats)
    text = json.dumps(found, indent=1)
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"local-scoring-{given.part}-{rows}x{classes}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
