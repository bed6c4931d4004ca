"""NumPy arrays: labels with embeddings or probabilities, as files or in one folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.config import ReadOptions
from labelaudit.errors import LabelsError, ReadError
from labelaudit.progress import ProgressCallback
from labelaudit.readers import Reader
from labelaudit.readers._arrays import open_npy
from labelaudit.readers._assemble import LabelColumn, assemble

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.domain import Dataset

_LABELS = "labels.npy"
_LAST_CHARACTER = 0x10FFFF
_HALVES = range(0xD800, 0xE000)  # of characters beyond 0xFFFF in UTF-16
_EMBEDDINGS = {"embeddings", "embedding", "features", "vectors", "x"}


def matches(path: Path) -> int:
    """Recognise a ``.npy`` file, or a folder with ``labels.npy``."""
    is_array = path.is_file() and path.suffix.lower() == ".npy"
    return 2 if is_array or (path / _LABELS).is_file() else 0


def read(path: Path, options: ReadOptions, _tell: ProgressCallback) -> Dataset:
    """Read labels and the arrays beside them.

    In a folder, ``labels.npy`` holds the labels, ``ids.npy`` and ``classes.npy`` (if there) ids and class names,
    ``embeddings.npy`` or ``features.npy`` the embeddings, and every other floating-point array of the shape (n, K) is a
    source of probabilities, unless ``pred_probs`` names them. All else is left alone and noted.
    """
    file = path / _LABELS if path.is_dir() else path
    labels = _column(file, "labels")
    found = _find(path, len(labels), options) if path.is_dir() else _Found()
    changes: dict[str, Any] = {}
    if not options.pred_probs:
        changes["pred_probs"] = tuple(found.pred_probs)
    if options.embeddings is None:
        changes["embeddings"] = found.embeddings
    if not options.classes and found.classes is not None:
        changes["classes"] = tuple(str(name) for name in _column(found.classes, "classes").tolist())

    def locate(position: int) -> str:
        return f"row {position + 1}"

    return assemble(
        path=path,
        reader="numpy",
        options=asdict(replace(options, **changes)),
        label=LabelColumn(values=labels, where=f"The labels in {file}", locate=locate),
        ids=None if found.ids is None else _ids(found.ids, len(labels)),
        rows=np.arange(1, len(labels) + 1, dtype=np.int64),
        notes=[f"Left alone: {', '.join(found.others)}."] if found.others else [],
    )


@dataclass
class _Found:
    """Files beside ``labels.npy``, by what they are."""

    pred_probs: list[str] = field(default_factory=list)
    embeddings: str | None = None
    ids: Path | None = None
    classes: Path | None = None
    others: list[str] = field(default_factory=list)


def _find(folder: Path, n: int, options: ReadOptions) -> _Found:
    found = _Found()
    # Named by the user, they are no sources to be found.
    named = {Path(name).name for name in (*options.pred_probs, options.embeddings or "")}
    for file in sorted(folder.glob("*.npy")):
        if file.name == _LABELS or file.name in named:
            continue
        if file.stem in {"ids", "classes"}:
            setattr(found, file.stem, file)
        elif file.stem.lower() in _EMBEDDINGS and options.embeddings is None and found.embeddings is None:
            found.embeddings = str(file)
        elif not options.pred_probs and _is_float_table(file, n):
            found.pred_probs.append(str(file))
        else:
            found.others.append(f"{file.name}{_other_length(file, n)}")
    return found


def _is_float_table(file: Path, n: int) -> bool:
    try:
        array = open_npy(file, "array")
    except ReadError:
        return False  # an array of objects, say: not ours to complain about
    return array.ndim == 2 and array.shape[0] == n and array.dtype.kind == "f" and array.shape[1] > 1


def _other_length(file: Path, n: int) -> str:
    """Return what tells probabilities that belong to other labels from an array that is none of ours."""
    try:
        array = open_npy(file, "array")
    except ReadError:
        return ""
    is_table = array.ndim == 2 and array.dtype.kind == "f" and array.shape[1] > 1
    return f" ({len(array):,} rows, but there are {n:,} labels)" if is_table and len(array) != n else ""


def _column(file: Path, what: str) -> NDArray[Any]:
    array = open_npy(file, what, LabelsError)
    if array.ndim != 1 or array.dtype.kind not in "biufU":
        raise LabelsError(
            f"{what} '{file.name}' has the shape {array.shape} and the type {array.dtype}.",
            "Give a one-dimensional array of integers or strings.",
        )
    if len(array) == 0:
        raise LabelsError(f"{what} '{file.name}' is empty.", "Give at least one row.")
    if array.dtype.kind == "U":
        _check_characters(array, f"{what} '{file.name}'")
    return array


def _check_characters(array: NDArray[np.str_], what: str) -> None:
    """Refuse numbers that stand for no character: NumPy maps them from a file unseen."""
    each = array.dtype.itemsize // 4
    codes = array.view(np.dtype(np.uint32).newbyteorder(array.dtype.byteorder))
    wrong = np.flatnonzero((codes > _LAST_CHARACTER) | ((codes >= _HALVES.start) & (codes < _HALVES.stop)))
    if wrong.size:
        raise LabelsError(
            f"{what}, row {wrong[0] // each + 1}: 0x{codes[wrong[0]]:x} stands for no character.",
            "The file is damaged; write or copy it again.",
        )


def _ids(file: Path, n: int) -> NDArray[np.object_]:
    ids = _column(file, "ids").astype(str).astype(object)
    if len(ids) != n:
        raise ReadError(f"{file} has {len(ids)} rows but there are {n} labels.", "Give one id for each label.")
    values, counts = np.unique(ids, return_counts=True)
    if len(values) != n:
        twice = values[int(counts.argmax())]
        rows = np.flatnonzero(ids == twice) + 1
        raise ReadError(f"{file}: the id {twice!r} is in row {rows[0]} and in row {rows[1]}.", "Give unique ids.")
    return ids


PLUGIN = Reader(name="numpy", summary="NumPy labels (.npy), or a folder with labels.npy", matches=matches, read=read)
