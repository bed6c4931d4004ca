"""How well ambiguity foresees the disagreement of people: CIFAR-10 test images, each labelled by about 51 of them.

::

    python -m benchmarks.bench_ambiguity ../shared/data
    python -m benchmarks.bench_ambiguity ../shared/data --classifier cnn --own own.npy   # half an hour; kept for later
    python -m benchmarks.bench_ambiguity --simulated 150 --seed 9

Compared are the given probabilities alone, with neighbours in the features that audits make of images, and with the
cross-validated model of an audit on these images as a second source. For each: Spearman's correlation of `ambiguity`
with the entropy of the people's labels, with a bootstrap interval; how well `chance_wrong_label` tells label errors
from the right labels among the 5 % of images on which people disagree most (AUROC); and what is flagged as ambiguous.
An error is an image whose label is not the people's first choice, in three definitions of how sure they must be of it.

Simulated are pools: what people say is drawn, then what several models hear of it, in five ways, and labels with errors
of four families. Compared are ways to say from the pool how undecided an item is.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

import labelaudit as la
from labelaudit.config import AuditConfig
from labelaudit.crossval import cross_validate
from labelaudit.encoders import ENCODERS

Array = NDArray[Any]

SURE = (0.0, 0.5, 0.6)
"""Least share of the people behind another label, so that the given one counts as an error."""

MOST_AMBIGUOUS = 0.05
UNDECIDED = 0.8
"""Largest share of the people behind one class, so that an image counts as one they disagree on."""

_DRAWS = 1000


def human_entropy(counts: Array) -> Array:
    """Return (n,) entropies in nats of the shares of `counts` (n, K)."""
    shares = counts / counts.sum(axis=1, keepdims=True)
    return -(shares * np.log(np.maximum(shares, 1e-12))).sum(axis=1)


def interval(ambiguity: Array, entropy: Array, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of Spearman's correlation."""
    rng = np.random.default_rng(seed)
    n = len(entropy)
    drawn = (rng.integers(n, size=n) for _ in range(_DRAWS))
    found = [spearmanr(ambiguity[rows], entropy[rows])[0] for rows in drawn]
    low, high = np.quantile(found, [0.025, 0.975]).tolist()
    return low, high


def errors_and_ambiguous(labels: Array, counts: Array) -> list[tuple[Array, Array]]:
    """Return, for each definition of an error, which items are compared (n,) and which of them are errors (n,)."""
    shares = counts / counts.sum(axis=1, keepdims=True)
    entropy, right = human_entropy(counts), shares.argmax(axis=1) == labels
    ambiguous = right & (entropy >= np.sort(entropy[right])[-int(MOST_AMBIGUOUS * len(labels))])
    errors = [~right & (shares.max(axis=1) > least) for least in SURE]
    return [(ambiguous | error, error) for error in errors]


def show(name: str, dataset: la.Dataset, counts: Array) -> None:
    """Audit and print one row."""
    items = la.audit(dataset).items.sort_values("row")
    ambiguity, chance = items["ambiguity"].to_numpy(), items["chance_wrong_label"].to_numpy()
    flagged = items["is_ambiguous"].to_numpy(dtype=bool)
    entropy = human_entropy(counts)
    low, high = interval(ambiguity, entropy)
    undecided = counts.max(axis=1) / counts.sum(axis=1) < UNDECIDED
    compared = errors_and_ambiguous(np.asarray(dataset.labels), counts)
    aurocs = " ".join(f"{roc_auc_score(error[both], chance[both]):.3f}" for both, error in compared)
    print(
        f"{name:40} {spearmanr(ambiguity, entropy)[0]:.3f} ({low:.3f} to {high:.3f})  {aurocs}  "
        f"{flagged.mean():.1%} flagged, people undecided on {undecided[flagged].mean():.0%} of them"
    )


def on_images(folder: Path, classifier: str, kept: Path | None) -> None:
    """Print the table of the images; `kept` holds the probabilities of the audit's own model, or will."""
    images = la.read(folder / "labels.csv")
    counts = np.load(folder / "human_counts.npy").astype(np.float64)
    given = np.load(folder / "pred_probs.npy")
    if kept is None or not kept.exists():
        found = cross_validate(images, AuditConfig(classifier=classifier), progress=told)
        own = found.pred_probs[0]
        if kept is not None:
            np.save(kept, own)
    else:
        own = np.load(kept)
    bare = replace(images, images=None, pred_probs=(given,))
    errors = ", ".join(str(int(error.sum())) for _, error in errors_and_ambiguous(np.asarray(images.labels), counts))
    print(f"{len(images):,} images; '{classifier}' is right on {(own.argmax(axis=1) == images.labels).mean():.1%}")
    print(f"{'':40} Spearman              AUROC for {errors} errors")
    show("given probabilities", bare, counts)
    encoder = ENCODERS.get("image")
    vectors = encoder.embed(encoder.encode(images), seed=0)
    show("with neighbours in image features", replace(bare, embeddings=vectors), counts)
    show(f"with '{classifier}' as a second source", replace(bare, pred_probs=(given, own)), counts)


def told(done: int, total: int, what: str) -> None:
    print(f"\r{what} {done}/{total}    ", end="" if done < total else "\n", flush=True)


FAMILIES = ("noise", "noise in common", "few votes", "ignorant", "confidently wrong")
ERRORS = ("random", "to the next class", "to the likeliest other", "of undecided items")


def drawn(rng: np.random.Generator, family: str, errors: str, rate: float) -> tuple[Array, Array, Array]:
    """Return what people say (n, K), what two to five models say (M, n, K), and given labels (n,)."""
    n, n_classes, n_models = 3000, int(rng.choice([2, 3, 5, 10, 30])), int(rng.choice([2, 3, 5]))
    rows = np.arange(n)
    shares = rng.gamma(rng.uniform(0.02, 0.3), size=(n, n_classes)) + 1e-9
    shares[rows, rng.integers(n_classes, size=n)] += rng.gamma(2.0, size=n)
    people = shares / shares.sum(axis=1, keepdims=True)
    logits, common = np.log(np.maximum(people, 1e-5)), rng.normal(size=people.shape)
    models = [heard(rng, family, people, logits, common) for _ in range(n_models)]
    labels = np.argmax(np.log(people) + rng.gumbel(size=people.shape), axis=1)
    others = people.copy()
    others[rows, people.argmax(axis=1)] = 0.0
    entropy = human_entropy(people)
    wrong = rng.random(n) < rate * (entropy / entropy.mean() if errors == "of undecided items" else 1.0)
    target = {"random": rng.integers(n_classes, size=n), "to the next class": (labels + 1) % n_classes}
    labels[wrong] = target.get(errors, others.argmax(axis=1))[wrong]
    return people, np.array(models), labels.astype(np.int32)


def heard(rng: np.random.Generator, family: str, people: Array, logits: Array, common: Array) -> Array:
    """Return (n, K) probabilities of one model, too sure or not sure enough."""
    n, n_classes = people.shape
    level, own, sureness = rng.uniform(0.3, 3.0), rng.normal(size=people.shape), rng.uniform(0.4, 2.0)
    if family == "noise":
        logits = logits + level * own
    elif family == "noise in common":
        logits = logits + level * 0.7 * (common + own)
    elif family == "few votes":
        votes = rng.gamma(np.maximum(10 ** rng.uniform(0.3, 2.0) * people, 1e-3) + 0.05)
        logits = np.log(np.maximum(votes / votes.sum(axis=1, keepdims=True), 1e-6))
    elif family == "ignorant":
        logits = (1.0 - rng.beta(1.0, rng.uniform(0.5, 4.0), size=(n, 1))) * logits + 0.5 * own
    else:
        logits = logits + 0.5 * own
        fooled = rng.random(n) < rng.uniform(0.02, 0.3)
        logits[fooled] += 6.0 * np.eye(n_classes)[rng.integers(n_classes, size=int(fooled.sum()))]
    p = np.exp(sureness * (logits - logits.max(axis=1, keepdims=True)))
    return p / p.sum(axis=1, keepdims=True)


def simulated(count: int, seed: int) -> None:
    """Print means of Spearman's correlation over simulated pools."""
    rng = np.random.default_rng(seed)
    found: list[dict[str, object]] = []
    for _ in range(count):
        family, errors, rate = str(rng.choice(FAMILIES)), str(rng.choice(ERRORS)), float(rng.choice([0, 0.05, 0.2]))
        people, models, labels = drawn(rng, family, errors, rate)
        scores = la.score(labels, list(models))
        members, entropy = scores.members, human_entropy(people)
        ways = {
            "ambiguity": scores.ambiguity,
            "expected": members.expected,
            "linear pool": members.total,
            "mean entropy": np.mean([human_entropy(model) for model in models], axis=0),
            "equal powers": human_entropy(geometric_mean(models)),
        }
        row = {name: float(spearmanr(values, entropy)[0]) for name, values in ways.items()}
        row["best model"] = max(float(spearmanr(human_entropy(model), entropy)[0]) for model in models)
        row["≥ expected − .01"] = row["ambiguity"] >= row["expected"] - 0.01
        row["≥ best model − .01"] = row["ambiguity"] >= row["best model"] - 0.01
        found.append({"models": family, "errors": errors if rate else "none", "rate": rate, "all": "all", **row})
    table = pd.DataFrame(found)
    for by in ("models", "errors", "rate", "all"):
        groups = table.groupby(by)
        means = groups.mean(numeric_only=True).drop(columns="rate", errors="ignore")
        means.insert(0, "pools", groups.size())
        print("\n" + means.round(3).to_string())


def geometric_mean(models: Array) -> Array:
    """Return (n, K) probabilities of the logarithmic pool with equal weights."""
    p = np.exp(np.log(np.maximum(models, 1e-6)).mean(axis=0))
    return p / p.sum(axis=1, keepdims=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?", help="folder that holds cifar10-test/")
    parser.add_argument("--classifier", default="image", help="of the audit's own model; default: %(default)s")
    parser.add_argument("--own", type=Path, metavar="FILE", help="keep the probabilities of that model, or use them")
    parser.add_argument("--simulated", type=int, metavar="COUNT", help="simulate so many pools")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.simulated:
        simulated(options.simulated, options.seed)
    if options.data:
        on_images(options.data / "cifar10-test", options.classifier, options.own)


if __name__ == "__main__":
    main()
