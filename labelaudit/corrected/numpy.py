"""NumPy labels: an array of the same type, with the labels as they were and the verdicts in arrays beside it.

Of a folder, ids and class names come along; embeddings and probabilities may be larger than memory and are cut with
``rows.npy``.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from labelaudit.corrected import Correction, Layout, Spelling, Writer


def write(source: Path, target: Path, corrections: Mapping[int, Correction], layout: Layout) -> None:
    """Write ``labels.npy``, ``labels_before.npy`` and ``labels_verdict.npy``, and ``rows.npy`` with the rows kept.

    Rows are positions from 0 in the source; they cut embeddings and probabilities to the items that were not excluded.
    """
    before = np.load(source / "labels.npy" if source.is_dir() else source, allow_pickle=False)
    spelling = Spelling(layout.classes)
    values = before.tolist()
    for given, value in zip(layout.labels, values, strict=True):
        spelling.learn(given, value)
    verdicts = [""] * len(values)
    for row, correction in corrections.items():
        verdicts[row - 1] = str(correction.opinion.verdict)
        if correction.is_changed and correction.label is not None:
            values[row - 1] = spelling.of(correction.label)
    # A longer class name needs longer strings; numbers keep their type.
    labels = np.array(values) if before.dtype.kind == "U" else np.array(values, dtype=before.dtype)
    excluded = {row - 1 for row, correction in corrections.items() if correction.is_excluded}
    rows = np.array([row for row in range(len(values)) if row not in excluded], dtype=np.int64)
    np.save(target / "labels.npy", labels[rows], allow_pickle=False)
    np.save(target / "labels_before.npy", before[rows], allow_pickle=False)
    np.save(target / "labels_verdict.npy", np.array(verdicts)[rows], allow_pickle=False)
    np.save(target / "rows.npy", rows, allow_pickle=False)
    if (source / "ids.npy").is_file():
        np.save(target / "ids.npy", np.load(source / "ids.npy", allow_pickle=False)[rows], allow_pickle=False)
    if (source / "classes.npy").is_file():
        shutil.copyfile(source / "classes.npy", target / "classes.npy")


PLUGIN = Writer(write, is_folder=True)
