"""Sets that nothing was chosen on, with labels taken as true: those of scikit-learn, and real ones where given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BUNDLED", "REAL", "Items"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Items:
    """What models see (n, d), true labels (n,), what people said of each item (n, K), and probabilities by others."""

    features: Array | None
    truth: Array
    said: Array | None = None
    given: dict[str, Array] | None = None

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return int(self.truth.max()) + 1


def _of_sklearn(load: str, **options: Any) -> Callable[[Path | None], Items]:
    def items(_: Path | None) -> Items:
        from sklearn import datasets

        points, truth = getattr(datasets, load)(**options)
        return Items(points.astype(np.float32), truth.astype(np.int64))

    return items


def _drawn(n: int, n_classes: int, **options: Any) -> Callable[[Path | None], Items]:
    shape = {"n_features": 30, "n_informative": 12, "n_clusters_per_class": 1, "flip_y": 0}
    return _of_sklearn("make_classification", n_samples=n, n_classes=n_classes, **shape, **options)


def _rare_digits(_: Path | None) -> Items:
    """Eights and nines among other digits."""
    from sklearn.datasets import load_digits

    points, digit = load_digits(return_X_y=True)
    return Items(points.astype(np.float32), np.maximum(digit - 7, 0))


def _patches(_: Path | None) -> Items:
    """Patches of two photographs; the class is the photograph and which third, from above, they were taken from."""
    from sklearn.datasets import load_sample_images
    from sklearn.decomposition import PCA

    rng = np.random.default_rng(0)
    pixels, truth = [], []
    for number, image in enumerate(load_sample_images().images):
        for _patch in range(1500):
            row, column = rng.integers(0, image.shape[0] - 16), rng.integers(0, image.shape[1] - 16)
            pixels.append(image[row : row + 16, column : column + 16].ravel() / 255.0)
            truth.append(3 * number + 3 * (row + 8) // image.shape[0])
    features = PCA(40, whiten=False, random_state=0).fit_transform(np.array(pixels, dtype=np.float32))
    return Items(features, np.array(truth))


def _income(data: Path | None) -> Items:
    import pandas as pd

    table = pd.read_csv(_real(data) / "adult" / "noisy.csv").drop(columns=["id", "income"])
    truth = pd.read_csv(_real(data) / "adult" / "noisy_truth.csv")["true_label"]
    return _of_table(table, truth, 4000)


def _occupation(data: Path | None) -> Items:
    import pandas as pd

    table = pd.read_csv(_real(data) / "adult" / "noisy.csv").drop(columns=["id", "income"])
    table = table[table["occupation"].notna() & (table["occupation"] != "?")]
    frequent = table["occupation"].value_counts().index[:12]
    table = table[table["occupation"].isin(frequent)]
    return _of_table(table.drop(columns="occupation"), table["occupation"], 4000)


def _of_table(table: Any, truth: Any, n: int) -> Items:
    import pandas as pd

    rows = np.sort(np.random.default_rng(0).permutation(len(table))[:n])
    columns = pd.get_dummies(table.iloc[rows], dtype=float)
    columns = columns.loc[:, columns.gt(0).sum() > 20].fillna(0.0)
    return Items(columns.to_numpy(dtype=np.float32), pd.factorize(truth.iloc[rows], sort=True)[0])


def _banking(data: Path | None) -> Items:
    import pandas as pd
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    table = pd.read_csv(_real(data) / "banking77" / "original.csv").sample(6000, random_state=0)
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True).fit_transform(table["text"])
    features = TruncatedSVD(120, random_state=0).fit_transform(words)
    return Items(features.astype(np.float32), pd.factorize(table["label"], sort=True)[0])


def _banking_topics(data: Path | None) -> Items:
    """Intents by what they are about: some topics are asked about ten times as often as others."""
    import pandas as pd

    intents = _banking(data)
    names = sorted(pd.read_csv(_real(data) / "banking77" / "original.csv")["label"].unique())
    topics = ("top_up", "transfer", "exchange", "pin", "refund")
    of_intent = np.array([next((t for t, word in enumerate(topics, 1) if word in name), 0) for name in names])
    return Items(intents.features, of_intent[intents.truth])


def _photos(data: Path | None) -> Items:
    from sklearn.decomposition import PCA

    import labelaudit as la
    from labelaudit.encoders import ENCODERS

    folder = _real(data) / "cifar10-test"
    rows = np.sort(np.random.default_rng(0).permutation(10_000)[:4000])
    encoded = ENCODERS.get("image").encode(la.read(folder / "labels.csv"))[rows]
    said = np.load(folder / "human_counts.npy")[rows]
    return Items(PCA(80, random_state=0).fit_transform(encoded).astype(np.float32), said.argmax(axis=1), said)


def _seen_photos(data: Path | None) -> Items:
    """Photographs with the probabilities of a network that was trained on others."""
    folder = _real(data) / "cifar10-test"
    said = np.load(folder / "human_counts.npy")
    return Items(None, said.argmax(axis=1), said, {"published": np.load(folder / "pred_probs.npy")})


def _clean_photos(data: Path | None) -> Items:
    """Photographs whose crowd labels are right, with networks that were trained on these and on wrong ones."""
    folder = _real(data) / "cifar10n-aggregate"
    rows = np.flatnonzero(~np.load(folder / "is_error.npy").astype(bool))[::3]
    pred_probs = {
        model: np.load(folder / f"{model}.npy")[rows] for model in ("resnet18", "efficientnet_b1", "swin_base")
    }
    weakest = pred_probs.pop("resnet18") ** 0.3  # plays the people, who are less sure than networks are
    return Items(None, np.load(folder / "labels.npy")[rows].astype(np.int64), weakest, pred_probs)


def _real(data: Path | None) -> Path:
    if data is None:
        raise SystemExit("This set needs --data, the folder of the real sets.")
    return data


BUNDLED: dict[str, Callable[[Path | None], Items]] = {
    "digits": _of_sklearn("load_digits", return_X_y=True),
    "breast cancer": _of_sklearn("load_breast_cancer", return_X_y=True),
    "rings": _of_sklearn("make_gaussian_quantiles", n_samples=3000, n_features=6, n_classes=5, random_state=0),
    "rare digits": _rare_digits,
    "patches": _patches,
    "drawn, 30 classes": _drawn(3000, 30, class_sep=2.0, random_state=11),
    "drawn, 100 classes": _drawn(6000, 100, class_sep=2.5, random_state=12),
    "drawn, 2 skewed": _drawn(3000, 2, weights=[0.85, 0.15], class_sep=1.0, random_state=14),
    "drawn, 3 skewed": _drawn(3000, 3, weights=[0.8, 0.15, 0.05], class_sep=0.8, random_state=13),
}
REAL: dict[str, Callable[[Path | None], Items]] = {
    "photos": _photos,
    "income": _income,
    "occupation": _occupation,
    "banking": _banking,
    "banking, topics": _banking_topics,
    "cifar10 test": _seen_photos,
    "cifar10n, clean": _clean_photos,
}
