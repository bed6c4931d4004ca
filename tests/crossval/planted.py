"""A small data set with planted errors, of any modality."""

from __future__ import annotations

import numpy as np
import pandas as pd

from labelaudit.domain import Dataset

WORDS = {"a": ["red", "rose", "ruby"], "b": ["blue", "sea", "sky"], "c": ["green", "grass", "leaf"]}


def make_dataset(modality: str = "text", n: int = 90, seed: int = 0) -> Dataset:
    """Three classes that can be told apart, some wrong labels, some unlabelled items, and a group column."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    labels = np.where(rng.random(n) < 0.1, (truth + 1) % 3, truth)
    labels[:3] = -1
    names = np.array(list("abc"))
    content = {}
    if modality == "text":
        filler = np.array(["the", "old", "one", "that", "fell", "far", "deep", "from"])
        content["text"] = [
            " ".join([*rng.choice(filler, 4), *rng.choice(WORDS[names[k]], 2), f"n{i}"]) for i, k in enumerate(truth)
        ]
    elif modality == "table":
        content["features"] = pd.DataFrame(
            {"x": truth + rng.normal(0, 0.3, n), "c": np.where(rng.random(n) < 0.8, names[truth], None)}
        )
    else:
        content["embeddings"] = (np.eye(3)[truth] + rng.normal(0, 0.3, (n, 3))).astype(np.float32)
    return Dataset.from_arrays(
        [None if k < 0 else str(names[k]) for k in labels],
        ids=[f"i{i:04d}" for i in rng.permutation(n)],
        groups={"team": rng.integers(0, 12, n).astype(str)},
        **content,
    )
