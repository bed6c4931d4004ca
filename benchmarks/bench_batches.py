"""Batches: distinct errors with and without near-duplicates, rare classes, time at a million items, cleaning curves.

::

    python benchmarks/bench_batches.py audits ../shared/data /tmp/audits    # once: what the others start from
    python benchmarks/bench_batches.py duplicates /tmp/audits --seeds 20
    python benchmarks/bench_batches.py rare /tmp/audits --seeds 20          # with class sizes that fall to a twentieth
    python benchmarks/bench_batches.py cost /tmp/audits ../shared/data      # without copies, on every set with a truth
    python benchmarks/bench_batches.py curves /tmp/audits ../shared/data --seeds 10
    python benchmarks/bench_batches.py million
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

import labelaudit as la
from labelaudit.batches import BatchOptions, pick

SIZE = 200
COPIES = 0.25  # of the items, which makes a fifth of the rows copies
CLUMP = 4  # copies of each copied item, more where there are too few items to copy
FLIPPED = 0.10  # of the labels of CIFAR-10's test set, as in banking77
JITTER = 0.05  # of the typical distance between neighbours: a retake of a photograph, a corrected typo


def audits(options: argparse.Namespace) -> None:
    """Audit banking77 and adult by cross-validation; take CIFAR-10's test set with the probabilities that come with it.

    Our own features of images are too weak to find its errors; here they only say which images are alike.
    """
    from labelaudit.encoders import ENCODERS

    options.out.mkdir(parents=True, exist_ok=True)
    images = la.read(options.data / "cifar10-test" / "labels.csv")
    encoder = ENCODERS.get("image")
    probs = np.load(options.data / "cifar10-test" / "pred_probs.npy")
    counts = np.load(options.data / "cifar10-test" / "human_counts.npy")
    assert len(images) == len(probs) == len(counts)
    keep(
        options.out / "cifar10-test.npz",
        labels=images.labels,
        pred_probs=probs,
        embeddings=encoder.embed(encoder.encode(images), seed=0),
        is_error=counts.argmax(axis=1) != images.labels,
        human_counts=counts,
    )
    for name, label in (("banking77", "label"), ("adult", "income")):
        dataset = la.read(options.data / name / "noisy.csv", label=label)
        audit = la.audit(dataset, la.AuditConfig(workers=options.workers))
        truth = pd.read_csv(options.data / name / "noisy_truth.csv", dtype={"id": str}).set_index("id")
        keep(
            options.out / f"{name}.npz",
            labels=dataset.labels,
            pred_probs=audit.arrays["pred_probs"],
            embeddings=audit.arrays["embeddings"],
            is_error=truth.loc[dataset.ids, "is_error"].to_numpy().astype(bool),
        )


def keep(file: Path, **arrays: np.ndarray) -> None:
    np.savez(file, **arrays)
    print(file, {name: array.shape for name, array in arrays.items()}, "errors:", int(arrays["is_error"].sum()))


def plant(data: dict[str, np.ndarray], sources: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the data with copies of `sources` behind it: jittered vectors and probabilities, the same label."""
    vectors = data["embeddings"].astype(np.float64)
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    typical = float(np.median(np.linalg.norm(unit[:500, None] - unit[None, :2000], axis=2).clip(1e-6).min(axis=1)))
    noise = rng.normal(size=(len(sources), unit.shape[1]))
    noise *= JITTER * max(typical, 1e-3) / np.linalg.norm(noise, axis=1, keepdims=True)
    logits = np.log(np.clip(data["pred_probs"][sources], 1e-9, 1)) + rng.normal(0, 0.1, (len(sources), 1))
    logits += rng.normal(0, 0.05, logits.shape)
    copied = np.exp(logits - logits.max(axis=1, keepdims=True))
    return {
        "labels": np.concatenate([data["labels"], data["labels"][sources]]),
        "pred_probs": np.concatenate([data["pred_probs"], copied / copied.sum(axis=1, keepdims=True)]),
        "embeddings": np.concatenate([unit, unit[sources] + noise]).astype(np.float32),
        "is_error": np.concatenate([data["is_error"], data["is_error"][sources]]),
        "original": np.concatenate([np.arange(len(data["labels"])), sources]),
    }


def flipped(data: dict[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """Return the data with a tenth of its labels changed to the class that people chose next most often.

    The model has not seen the labels of the test set, so its probabilities stay what they are.
    """
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(data["labels"]), round(FLIPPED * len(data["labels"])), replace=False)
    others = data["human_counts"][rows] + rng.random((len(rows), data["human_counts"].shape[1]))
    others[np.arange(len(rows)), data["labels"][rows]] = -1
    labels = data["labels"].copy()
    labels[rows] = others.argmax(axis=1)
    return {**data, "labels": labels, "is_error": data["human_counts"].argmax(axis=1) != labels}


WAYS = {
    "top by suspicion": BatchOptions(size=SIZE, strategy="top", ambiguous=0.0, gold=0.0),
    "default": BatchOptions(size=SIZE),
    "suspects only": BatchOptions(size=SIZE, ambiguous=0.0, gold=0.0),
}


def audited(data: dict[str, np.ndarray]) -> tuple[la.Audit, np.ndarray, list[str]]:
    """Return the audit, the row in the data of each of its items, and the names of classes."""
    n, n_classes = data["pred_probs"].shape
    names = [f"c{k}" for k in range(n_classes)]
    dataset = la.Dataset.from_arrays(
        np.array(names)[data["labels"]],
        classes=names,
        ids=[f"i{k}" for k in range(n)],
        embeddings=data.get("embeddings"),
        pred_probs=data["pred_probs"],
    )
    audit = la.audit(dataset)
    return audit, np.array([int(item[1:]) for item in audit.items.index]), names


def chosen(audit: la.Audit, options: BatchOptions, positions: np.ndarray, names: list[str]) -> np.ndarray:
    arrays = {"vectors": audit.arrays.get("embeddings"), "neighbors": audit.arrays.get("neighbors")}
    return positions[pick(audit.items, options, classes=names, positions=positions, **arrays).places]


def distinct_errors(data: dict[str, np.ndarray]) -> dict[str, tuple[int, int]]:
    """Return distinct errors, and classes among them: of each way to choose 200, and of two ceilings.

    One ceiling is the order by suspicion without a single repetition, which knows what is a copy of what; the other
    knows the truth.
    """
    audit, positions, names = audited(data)
    original, is_error = data["original"], data["is_error"]
    batches = {name: chosen(audit, options, positions, names) for name, options in WAYS.items()}
    _, first = np.unique(original[positions], return_index=True)
    batches["top, copies known"] = positions[np.sort(first)[:SIZE]]
    batches["truth known"] = np.flatnonzero(is_error)[np.unique(original[is_error], return_index=True)[1]][:SIZE]
    found = {}
    for name, rows in batches.items():
        wrong = rows[is_error[rows]]
        found[name] = len(set(original[wrong].tolist())), len(set(data["labels"][wrong].tolist()))
    return found


PLANTED = ("none", "anywhere", "among errors")


def duplicates(options: argparse.Namespace) -> None:
    for name in options.sets:
        with np.load(options.audits / f"{name.removesuffix('-flipped')}.npz") as file:
            published = dict(file.items())
        for planted in options.copies:
            results = []
            for seed in range(options.seeds if planted != "none" or name.endswith("flipped") else 1):
                data = flipped(published, seed) if name.endswith("flipped") else published
                n, rng = len(data["labels"]), np.random.default_rng(seed)
                if planted == "none":
                    results.append(distinct_errors({**data, "original": np.arange(n)}))
                    continue
                pool = np.arange(n) if planted == "anywhere" else np.flatnonzero(data["is_error"])
                clump = max(CLUMP, round(n * COPIES / len(pool)))
                sources = rng.choice(pool, size=round(n * COPIES / clump), replace=False)
                results.append(distinct_errors(plant(data, np.repeat(sources, clump), rng)))
            report(f"{name:20} copies {planted:13}", results)


def report(head: str, results: list[dict[str, tuple[int, int]]]) -> None:
    for way in results[0]:
        errors = np.array([each[way][0] for each in results])
        ratio = errors / np.array([max(1, each["top by suspicion"][0]) for each in results])
        classes = np.mean([each[way][1] for each in results])
        print(
            f"{head} {way:18} distinct errors {errors.mean():6.1f}  "
            f"× top {ratio.mean():.3f} ({ratio.min():.3f} to {ratio.max():.3f})  classes {classes:.1f}",
            flush=True,
        )


def cost(options: argparse.Namespace) -> None:
    """Print what the default finds of the errors in the top, where nothing is copied, for batches of several sizes."""
    for name, data in with_truth(options):
        audit, positions, names = audited(data)
        for size in (50, 200, 500):
            if 4 * size > len(positions):
                continue
            errors = {
                way: int(data["is_error"][chosen(audit, replace(choice, size=size), positions, names)].sum())
                for way, choice in WAYS.items()
            }
            top = max(1, errors["top by suspicion"])
            shares = "  ".join(f"{way} {found} ({found / top:.3f} ×)" for way, found in errors.items())
            print(f"{name:36} {size:4} items: {shares}", flush=True)


TAIL = 1 / 20  # size of the smallest class as a share of the largest


def rare(options: argparse.Namespace) -> None:
    """Print what batches of 200 hold of the rarest fifth of the classes, where class sizes fall to a twentieth."""
    for name in ("banking77", "cifar10-test-flipped"):
        with np.load(options.audits / f"{name.removesuffix('-flipped')}.npz") as file:
            published = dict(file.items())
        found: dict[str, list[tuple[int, int, int]]] = {way: [] for way in WAYS}
        for seed in range(options.seeds):
            data = flipped(published, seed) if name.endswith("flipped") else published
            data, order = long_tailed(data, np.random.default_rng(seed))
            audit, positions, names = audited(data)
            is_rare = np.isin(data["labels"], order[-len(order) // 5 :])
            for way, choice in WAYS.items():
                rows = chosen(audit, choice, positions, names)
                wrong = rows[data["is_error"][rows]]
                found[way].append((len(wrong), int(is_rare[wrong].sum()), len(set(data["labels"][wrong].tolist()))))
        for way, counts in found.items():
            errors, tail, classes = np.mean(counts, axis=0)
            print(f"{name:20} {way:18} errors {errors:.1f}, {tail:.1f} of them rare; classes {classes:.1f}", flush=True)


def long_tailed(data: dict[str, np.ndarray], rng: np.random.Generator) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return rows of the data in which class sizes fall evenly on a log scale, and the classes, largest first."""
    n_classes = data["pred_probs"].shape[1]
    order = rng.permutation(n_classes)
    share = np.empty(n_classes)
    share[order] = np.geomspace(1, TAIL, n_classes)
    rows = np.flatnonzero(rng.random(len(data["labels"])) < share[data["labels"]])
    return {key: values[rows] for key, values in data.items()}, order


def with_truth(options: argparse.Namespace) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    for name in ("banking77", "cifar10-test", "adult"):
        with np.load(options.audits / f"{name}.npz") as file:
            yield name, dict(file.items())
    for folder in ("cifar10n-aggregate", "roman-numeral"):
        labels = np.load(options.data / folder / "labels.npy")
        wrong = np.load(options.data / folder / "is_error.npy").astype(bool)
        for model in ("resnet18", "efficientnet_b1", "swin_base"):
            probs = np.load(options.data / folder / f"{model}.npy")
            yield f"{folder}, {model}", {"labels": labels, "pred_probs": probs, "is_error": wrong}


def curves(options: argparse.Namespace) -> None:
    """Print area under the curve of errors corrected against items reviewed, and reviews to find 80 % of them."""
    for name in ("banking77", "cifar10n"):
        data = curve_data(name, options)
        labels, wrong, orders = data["labels"], data["is_error"], orders_of(data)
        table = {}
        for seed in range(options.seeds):
            rng = np.random.default_rng(seed)
            rows = rng.choice(len(labels), len(labels) // 2, replace=False)
            for order, score in {**orders, "random": rng.random(len(labels))}.items():
                ranked = wrong[rows][np.argsort(-score[rows], kind="stable")]
                curve = np.cumsum(ranked) / ranked.sum()
                table.setdefault(order, []).append((curve.mean(), np.searchsorted(curve, 0.8) + 1))
        for order, pairs in sorted(table.items(), key=lambda pair: -np.mean([each[0] for each in pair[1]])):
            area, reviews = np.array(pairs).T
            print(
                f"{name:10} {order:32} area {area.mean():.4f} ± {area.std():.4f}  reviews to 80 % {reviews.mean():7.0f}"
            )

        if options.plots is not None:
            drawn = (OURS, "self_confidence", "cleanlab normalized_margin", "entropy", "random")
            scores = {**orders, "random": np.random.default_rng(0).random(len(labels))}
            found = {each: np.cumsum(wrong[np.argsort(-scores[each], kind="stable")]) / wrong.sum() for each in drawn}
            (options.plots / f"cleaning-{name}.svg").write_text(picture(name, found), encoding="utf-8")


COLORS = ("#0b6e4f", "#d1495b", "#30638e", "#edae49", "#888888")


def picture(name: str, curves: dict[str, np.ndarray]) -> str:
    """Return an SVG: share of the errors corrected against share of the items reviewed."""
    left, top, width, height = 60, 40, 460, 280
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width + 310} {height + 80}" '
        'font-family="sans-serif" font-size="13"><rect width="100%" height="100%" fill="white"/>',
        f'<text x="{left}" y="24" font-size="15">{name}: errors corrected against items reviewed</text>',
    ]
    for tick in np.linspace(0, 1, 6):
        x, y = left + tick * width, top + (1 - tick) * height
        parts.append(f'<path d="M{left} {y:.0f}h{width}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4:.0f}" text-anchor="end">{tick:.0%}</text>')
        parts.append(f'<text x="{x:.0f}" y="{top + height + 20}" text-anchor="middle">{tick:.0%}</text>')
    for k, (label, curve) in enumerate(curves.items()):
        at = np.unique(np.geomspace(1, len(curve), 200).astype(int)) - 1
        points = " ".join(
            f"{left + (i + 1) / len(curve) * width:.1f},{top + (1 - curve[i]) * height:.1f}" for i in at.tolist()
        )
        stroke = f'fill="none" stroke="{COLORS[k]}" stroke-width="2"'
        parts.append(f'<polyline points="{left},{top + height} {points}" {stroke}/>')
        y = top + 20 + 22 * k
        parts.append(f'<path d="M{left + width + 16} {y}h24" stroke="{COLORS[k]}" stroke-width="2"/>')
        parts.append(f'<text x="{left + width + 46}" y="{y + 4}">{label}</text>')
    return "\n".join([*parts, "</svg>\n"])


def curve_data(name: str, options: argparse.Namespace) -> dict[str, np.ndarray]:
    if name == "banking77":
        with np.load(options.audits / "banking77.npz") as file:
            return dict(file.items())
    return next(data for each, data in with_truth(options) if each == "cifar10n-aggregate, resnet18")


OURS = "labelaudit's order"


def orders_of(data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return scores to review by, highest first: the order of an audit, each single score, and cleanlab's."""
    from cleanlab.rank import get_label_quality_scores

    labels, probs = data["labels"], data["pred_probs"]
    audit, positions, _ = audited(data)
    ours = np.empty(len(labels))
    ours[positions] = -np.arange(len(labels))  # items are in the order of the queue
    scores = la.score(labels, probs)
    orders = {OURS: ours, **{name: np.asarray(scores[name]) for name in scores.names}}
    if "neighbors" in audit.arrays:
        orders["suspicion without neighbours"] = np.asarray(scores.suspicion)
    for method in ("self_confidence", "normalized_margin"):
        orders[f"cleanlab {method}"] = -get_label_quality_scores(labels, probs, method=method)
    return orders


def million(options: argparse.Namespace) -> None:
    """Choose 1,000 of 1,000,000 items with 64 columns of embeddings, in the default way."""
    rng = np.random.default_rng(0)
    n = options.items
    suspicion = np.sort(rng.beta(0.3, 3, n))[::-1]
    items = pd.DataFrame(
        {
            "given_label": pd.array(np.array([f"c{k}" for k in range(50)])[rng.integers(0, 50, n)], dtype="str"),
            "suggested_label": "c0",
            "suspicion": suspicion,
            "ambiguity": rng.random(n),
            "is_suspect": suspicion > 0.5,
            "is_ambiguous": rng.random(n) > 0.9,
            "content_hash": pd.array(np.arange(n).astype(str), dtype="str"),
        },
        index=pd.Index([f"i{k}" for k in range(n)], dtype="str"),
    )
    vectors = rng.normal(size=(n, 64)).astype(np.float32)
    neighbors = rng.integers(0, n, (n, 1)).astype(np.int32)
    classes = [f"c{k}" for k in range(50)]
    begun, busy = time.perf_counter(), time.process_time()
    found = pick(items, BatchOptions(size=1000, random=0.1), classes=classes, vectors=vectors, neighbors=neighbors)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{len(found.places)} of {n:,}: {time.perf_counter() - begun:.1f} s wall, "
        f"{time.process_time() - busy:.1f} s of processor, peak of the whole process {peak:.2f} GB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("audits")
    command.add_argument("data", type=Path)
    command.add_argument("out", type=Path)
    command.add_argument("--workers", type=int, default=0)
    command.set_defaults(run=audits)
    command = commands.add_parser("duplicates")
    command.add_argument("audits", type=Path)
    command.add_argument("--seeds", type=int, default=20)
    command.add_argument("--sets", nargs="+", default=["banking77", "cifar10-test", "cifar10-test-flipped"])
    command.add_argument("--copies", nargs="+", choices=PLANTED, default=PLANTED)
    command.set_defaults(run=duplicates)
    command = commands.add_parser("rare")
    command.add_argument("audits", type=Path)
    command.add_argument("--seeds", type=int, default=20)
    command.set_defaults(run=rare)
    command = commands.add_parser("cost")
    command.add_argument("audits", type=Path)
    command.add_argument("data", type=Path)
    command.set_defaults(run=cost)
    command = commands.add_parser("curves")
    command.add_argument("audits", type=Path)
    command.add_argument("data", type=Path)
    command.add_argument("--seeds", type=int, default=10)
    command.add_argument("--plots", type=Path, help="folder for the pictures")
    command.set_defaults(run=curves)
    command = commands.add_parser("million")
    command.add_argument("--items", type=int, default=1_000_000)
    command.set_defaults(run=million)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
