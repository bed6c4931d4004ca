"""The types that walk through the house: Dataset and what it is made of.

All are frozen. ``n`` is the number of items, ``K`` the number of classes, ``d`` a number of columns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from labelaudit.errors import LabelsError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray


__all__ = ["UNLABELLED", "Annotation", "Batch", "BatchItem", "Dataset", "Origin", "ProbSource"]

UNLABELLED = -1
"""Value in `labels` of an item without a label."""


@runtime_checkable
class ProbSource(Protocol):
    """Anything that holds ``(n, K)`` probabilities and gives rows by slicing.

    NumPy arrays, memory maps, zarr arrays and :class:`labelaudit.chunks.ParquetProbs` satisfy it.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """``(n, K)``."""

    @property
    def dtype(self) -> Any:
        """A floating-point dtype."""

    def __getitem__(self, rows: slice, /) -> Any:
        """Return the rows of a slice as something :func:`numpy.asarray` takes."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a dataset was read from: enough to read it again and to write it back with other labels.

    Attributes
    ----------
    path : str
        File or folder, as the user named it.
    reader : str
        Name of the reader plugin.
    options : mapping
        The resolved read options (columns as recognised): keyword arguments of
        :class:`labelaudit.config.ReadOptions`.
    notes : tuple of str
        Sentences for the user: what was assumed, and what was left alone.
    """

    path: str
    reader: str
    options: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Dataset:
    """Labelled items with at least one kind of content.

    Attributes
    ----------
    ids : (n,) object array of str
        Unique and stable: the same content keeps its id when rows are added, removed or shuffled.
    labels : (n,) int32
        Index into `classes`; −1 where unlabelled.
    classes : (K,) tuple of str
        Class names in the order of the source, else in order of value.
    text : (n,) object array of str, optional
        Text of each item.
    images : (n,) object array of str, optional
        Absolute, resolved path of each item's image; always inside the data folder, or the folder that images were
        unpacked to.
    features : (n, d) DataFrame, optional
        Table columns of mixed types, default index.
    embeddings : (n, d) float array, optional
        Vectors; may be a memory map.
    pred_probs : tuple of ProbSource of shape (n, K)
        Out-of-sample probabilities, one source a model; empty where they are still to be obtained.
    groups : mapping of str to (n,) object array of str
        Columns for slices and for leak-free folds.
    rows : (n,) int64
        Row of each item in the source: data row of a file (the first is 1), or position.
    origin : Origin, optional
        Where it was read from; None for arrays.
    """

    ids: NDArray[np.object_]
    labels: NDArray[np.int32]
    classes: tuple[str, ...]
    text: NDArray[np.object_] | None = None
    images: NDArray[np.object_] | None = None
    features: pd.DataFrame | None = None
    embeddings: NDArray[np.floating] | None = None
    pred_probs: tuple[ProbSource, ...] = ()
    groups: Mapping[str, NDArray[np.object_]] = field(default_factory=dict)
    rows: NDArray[np.int64]
    origin: Origin | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def n_classes(self) -> int:
        """Number of classes ``K``."""
        return len(self.classes)

    @property
    def modality(self) -> str:
        """What a classifier learns from: ``text``, ``image``, ``embedding``, ``table``; ``probs`` without content.

        Embeddings win over raw content: who brings them wants them used.
        """
        for name, content in (
            ("embedding", self.embeddings),
            ("text", self.text),
            ("image", self.images),
            ("table", self.features),
        ):
            if content is not None:
                return name
        return "probs"

    @cached_property
    def content_hashes(self) -> NDArray[np.object_]:
        """(n,) str: 32 hexadecimal digits over each item's content, whatever its label and id."""
        from labelaudit.hashing import content_hashes

        return content_hashes(self)

    @cached_property
    def fingerprint(self) -> str:
        """64 hexadecimal digits over ids, labels, classes and content: equal for equal data in equal order."""
        digest = hashlib.sha256()
        digest.update(repr(self.classes).encode())
        digest.update(np.ascontiguousarray(self.labels, dtype="<i4").tobytes())
        for column in (self.ids, self.content_hashes):
            digest.update("\x00".join(column).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    @classmethod
    def from_arrays(
        cls,
        labels: ArrayLike,
        *,
        classes: tuple[str, ...] | list[str] | None = None,
        ids: ArrayLike | None = None,
        text: ArrayLike | None = None,
        features: pd.DataFrame | None = None,
        embeddings: ArrayLike | None = None,
        pred_probs: list[ProbSource] | tuple[ProbSource, ...] | ProbSource | None = None,
        groups: Mapping[str, ArrayLike] | None = None,
    ) -> Dataset:
        """Make a dataset of arrays in memory or mapped from disk.

        Parameters
        ----------
        labels : (n,) array-like
            Class names (str), or class indices (int) when `classes` or `pred_probs` is given. None and NaN are
            unlabelled, and −1 among class indices.
        classes : sequence of str, optional
            Class names in column order of `pred_probs`. Default: the sorted distinct labels, or ``"0" .. "K-1"`` for
            integer labels with probabilities.
        ids : (n,) array-like of str, optional
            Unique item ids. Default: derived from content.
        text, features, embeddings, pred_probs, groups
            As the attributes of this class. Missing text and groups become empty strings; one source of probabilities
            need not be wrapped in a list.

        Returns
        -------
        Dataset

        Raises
        ------
        LabelsError
            If the labels cannot be audited or lengths differ.

        Examples
        --------
        >>> dataset = Dataset.from_arrays(["spam", "ham", None], text=["buy now", "see you at six", "hello"])
        >>> dataset.classes, dataset.labels.tolist()
        (('ham', 'spam'), [1, 0, -1])
        """
        from labelaudit import arrays
        from labelaudit.hashing import derived_ids
        from labelaudit.labels import encode_labels

        sources = arrays.prob_sources(pred_probs)
        n_columns = int(sources[0].shape[1]) if sources and len(sources[0].shape) == 2 else None
        codes, names = encode_labels(labels, classes=classes, n_columns=n_columns)
        n = len(codes)
        dataset = cls(
            ids=np.empty(n, dtype=object),
            labels=codes,
            classes=names,
            text=None if text is None else arrays.strings(text, "text"),
            features=None if features is None else arrays.feature_table(features),
            embeddings=None if embeddings is None else arrays.vectors(embeddings),
            pred_probs=sources,
            groups=arrays.group_columns(groups),
            rows=np.arange(n, dtype=np.int64),
        )
        dataset._check_lengths()
        found = derived_ids(dataset) if ids is None else arrays.strings(ids, "ids")
        return replace(dataset, ids=arrays.checked_ids(found, n))

    def _check_lengths(self) -> None:
        columns: dict[str, Any] = {
            "text": self.text,
            "features": self.features,
            "embeddings": self.embeddings,
            **{f"group column {name!r}": values for name, values in self.groups.items()},
            **{f"pred_probs[{place}]": source for place, source in enumerate(self.pred_probs)},
        }
        for name, values in columns.items():
            rows = None if values is None else values.shape[0] if hasattr(values, "shape") else len(values)
            if rows is not None and rows != len(self):
                raise LabelsError(
                    f"There are {len(self)} labels but {rows} rows of {name}.", "Give one row for each label."
                )


@dataclass(frozen=True, kw_only=True)
class BatchItem:
    """One item of a batch, with what annotators see of it.

    Attributes
    ----------
    item_id, content_hash : str
        From the audit.
    text : str, optional
        Its text.
    image : str, optional
        Its image: a path on this machine, or a URL.
    fields : mapping of str to (str, int, float, bool or None), optional
        Its table row.
    given_label, suggested_label : str, optional
        Class names; the second is what the model would answer, which may be the first.
    suggested_probability, suspicion, ambiguity : float, optional
        0..1, from the audit.
    why : str
        Why it was chosen, in words for annotators; of a known answer it says what it would of any other item.
    part : str
        What it was chosen as: ``suspects``, ``ambiguous``, ``gold``, ``random`` or the name of a score or queue. It is
        not for annotators: a known answer that looks like one measures nobody.
    inclusion_probability : float, optional
        Probability with which the strategy would choose it, over its seeds; None if that is not known.
    """

    item_id: str
    content_hash: str
    text: str | None = None
    image: str | None = None
    fields: Mapping[str, Any] | None = None
    given_label: str | None = None
    suggested_label: str | None = None
    suggested_probability: float | None = None
    suspicion: float | None = None
    ambiguity: float | None = None
    why: str = ""
    part: str = ""
    inclusion_probability: float | None = None


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Items for annotators, all of one kind of content.

    Attributes
    ----------
    batch_id : str
        Stands for it in every file; the same choice from the same audit gives the same id.
    audit_id : str
        The audit it was chosen from.
    classes : (K,) tuple of str
        The labels that annotators may give.
    items : tuple of BatchItem
        In the order in which they are to be looked at.
    several : bool
        Whether annotators may give an item several labels.
    blind : bool
        Whether given and suggested labels are kept from them.
    """

    batch_id: str
    audit_id: str
    classes: tuple[str, ...]
    items: tuple[BatchItem, ...]
    several: bool = False
    blind: bool = False

    def __len__(self) -> int:
        return len(self.items)

    @property
    def modality(self) -> str:
        """What annotators see: ``image``, ``table`` or ``text``."""
        first = self.items[0] if self.items else None
        if first is None or (first.image is None and first.fields is None):
            return "text"
        return "table" if first.image is None else "image"


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """What one person said about one item of a batch, as it came back in a file.

    Attributes
    ----------
    item_id : str or None
        The item as the file names it; None if the file names none.
    labels : tuple of str
        Labels chosen, in no particular order.
    verdict : str or None
        ``ambiguous``, ``none_fits``, ``exclude`` or ``skip``; None where labels say it.
    is_answered : bool
        False for an item that nobody has touched yet.
    annotator : str or None
        Who said so, as the file names them.
    at : int or None
        When, in milliseconds since the epoch.
    seconds : float or None
        How long it took.
    note : str
        A remark.
    batch_id, content_hash : str or None
        What travelled with the item.
    content : str or None
        The text (or the table row as text) as the file has it now; None where the file has none.
    where : str
        Place in the file, for messages.
    unclear : tuple of str
        Times and durations that the file gives and that could not be understood, in words.
    """

    item_id: str | None
    labels: tuple[str, ...] = ()
    verdict: str | None = None
    is_answered: bool = True
    annotator: str | None = None
    at: int | None = None
    seconds: float | None = None
    note: str = ""
    batch_id: str | None = None
    content_hash: str | None = None
    content: str | None = None
    where: str = ""
    unclear: tuple[str, ...] = ()
