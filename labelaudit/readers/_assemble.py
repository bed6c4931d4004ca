"""The last step of every reader: labels encoded, arrays opened, ids derived, the dataset checked."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.domain import Dataset, Origin
from labelaudit.errors import LabelsError, ReadError
from labelaudit.hashing import derived_ids
from labelaudit.labels import check_auditable, encode_labels
from labelaudit.readers._arrays import open_embeddings, open_pred_probs, source_path

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from labelaudit.domain import ProbSource

__all__ = ["LabelColumn", "assemble"]


@dataclass(frozen=True, kw_only=True)
class LabelColumn:
    """Labels as a reader found them.

    Attributes
    ----------
    values : (n,) sequence
        Labels, None where missing.
    where : str
        What messages call them.
    locate : callable
        Words for a position (from 0).
    names : tuple of str, optional
        Class names in the order of the source.
    indexed : bool
        Whether the values are indices into `names`.
    """

    values: Sequence[Any] | NDArray[Any]
    where: str
    locate: Callable[[int], str]
    names: tuple[str, ...] | None = None
    indexed: bool = False


def assemble(
    *,
    path: Path,
    reader: str,
    options: Mapping[str, Any],
    label: LabelColumn,
    rows: NDArray[np.int64],
    ids: NDArray[np.object_] | None = None,
    text: NDArray[np.object_] | None = None,
    images: NDArray[np.object_] | None = None,
    features: pd.DataFrame | None = None,
    groups: Mapping[str, NDArray[np.object_]] | None = None,
    notes: Sequence[str] = (),
) -> Dataset:
    """Make a checked dataset of what a reader found.

    Parameters
    ----------
    path, reader, options, notes
        Its origin; `options` are resolved read options.
    label : LabelColumn
        Labels.
    rows : (n,) int64
        Row of each item in the source.
    ids, text, images, features, groups
        As in :class:`~labelaudit.domain.Dataset`.

    Raises
    ------
    LabelsError, ProbabilityError, ReadError
        If labels, probabilities, embeddings or content are not usable.
    """
    n = len(label.values)
    probs_paths = [source_path(name, path) for name in options["pred_probs"]]
    sources = open_pred_probs(probs_paths, n=n, normalize=options["normalize"])
    labels, classes = _encode(label, tuple(options["classes"]), sources)
    check_auditable(labels, classes, where=label.where, has_probs=bool(sources))
    vectors = options["embeddings"]
    embeddings, odd = (None, []) if vectors is None else open_embeddings(source_path(vectors, path), n)
    if not sources and all(content is None for content in (text, images, features, embeddings)):
        raise ReadError(
            " ".join([f"{path} holds labels and nothing to learn from.", *notes]),
            "Choose columns with --text, --image or --features, or give --embeddings or --pred-probs.",
        )
    dataset = Dataset(
        ids=np.empty(n, dtype=object) if ids is None else ids,
        labels=labels,
        classes=classes,
        text=text,
        images=images,
        features=features,
        embeddings=embeddings,
        pred_probs=sources,
        groups=groups or {},
        rows=rows,
        origin=Origin(
            path=str(path),
            reader=reader,
            options={**options, "reader": reader},
            notes=(*notes, *odd, *_alike(classes)),
        ),
    )
    if ids is None:
        # Filled in place, before anyone sees it: a copy of the dataset would hash all content a second time.
        dataset.ids[:] = derived_ids(dataset)
    return dataset


def _encode(
    label: LabelColumn, given: tuple[str, ...], sources: tuple[ProbSource, ...]
) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    n_columns = int(sources[0].shape[1]) if sources else None
    if label.names is not None and label.indexed:
        if given and given != label.names:
            raise LabelsError(
                f"{label.where} names its classes {', '.join(label.names)}, but others are given: {', '.join(given)}.",
                "Leave the class names out (--class).",
            )
        # Indices into the names, even where a class is called "1".
        codes, _ = encode_labels(label.values, n_columns=len(label.names), where=label.where, locate=label.locate)
        _check_columns(label.where, label.names, n_columns)
        return codes, label.names
    names = given or label.names or _column_names(label.values, sources)
    return encode_labels(label.values, classes=names, n_columns=n_columns, where=label.where, locate=label.locate)


def _column_names(values: Any, sources: tuple[ProbSource, ...]) -> tuple[str, ...] | None:
    """Return the names of the columns of probabilities where these are the classes: their order must not be guessed."""
    columns = getattr(sources[0], "columns", None) if sources else None
    if not columns:
        return None
    known = {*columns, ""}
    fits = all(value is None or isinstance(value, int | np.integer) or str(value).strip() in known for value in values)
    return tuple(columns) if fits else None


def _alike(classes: tuple[str, ...]) -> list[str]:
    """Say which classes look the same but for letter case and spaces: they often are one, written in two ways."""
    spellings: dict[str, list[str]] = {}
    for name in classes:
        plain = unicodedata.normalize("NFKC", name.casefold())
        spellings.setdefault("".join(plain.split()), []).append(repr(name))
    return [
        f"The classes {' and '.join(alike)} differ in letter case or spaces only, or not to the eye; if they are one,"
        " write them alike."
        for alike in spellings.values()
        if len(alike) > 1
    ]


def _check_columns(where: str, names: tuple[str, ...], n_columns: int | None) -> None:
    if n_columns is not None and len(names) != n_columns:
        raise LabelsError(
            f"{where} has {len(names)} classes but the probabilities have {n_columns} columns.",
            "Give one column for each class, in this order: " + ", ".join(names) + ".",
        )
