"""Sources of probabilities, cut into chunks that fit a memory budget."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.errors import ProbabilityError, ReadError

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from labelaudit.domain import ProbSource

__all__ = ["ParquetProbs", "chunk_rows", "read_chunk", "row_slices", "working_dtype"]

_CHUNK_BYTES = 4_000_000  # beyond this a chunk gains no speed, and many chunks keep all threads busy to the end
_COPIES = 4  # of a chunk: as read, converted, pooled, and the temporaries of the kernel


def chunk_rows(n_classes: int, itemsize: int, *, memory: int, threads: int, sources: int = 1) -> int:
    """Return how many rows one chunk has, so that all threads together stay within the budget.

    Parameters
    ----------
    n_classes, itemsize : int
        Columns and bytes of one probability.
    memory : int
        Budget in bytes.
    threads, sources : int
        Chunks in work at once, and sources read for each.

    Examples
    --------
    >>> chunk_rows(1000, 4, memory=512_000_000, threads=4)
    1000
    """
    row = n_classes * max(itemsize, 4)
    affordable = memory // (row * threads * (_COPIES + sources))
    return max(1, min(affordable, _CHUNK_BYTES // row))


def row_slices(n: int, rows: int) -> Iterator[slice]:
    """Yield slices of at most `rows` rows that cover ``0 .. n``.

    Examples
    --------
    >>> list(row_slices(5, 2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return (slice(start, min(start + rows, n)) for start in range(0, n, rows))


def read_chunk(source: ProbSource, rows: slice, name: str = "pred_probs") -> NDArray[np.floating]:
    """Read the rows of a slice as float32 or float64; without a copy where the source is such an array in memory.

    Raises
    ------
    ProbabilityError
        If the source has fewer rows by now than when the pass began.
    """
    _check_file_length(source, name)
    chunk = np.asarray(source[rows])
    wanted = (rows.stop - rows.start, int(source.shape[1]))
    if chunk.shape != wanted:
        raise ProbabilityError(
            f"{name} gave {chunk.shape} for the rows {rows.start} to {rows.stop - 1} instead of {wanted}.",
            "It changed while it was read: wait until it is written, then start again.",
        )
    return chunk.astype(working_dtype(chunk.dtype), copy=False)


def working_dtype(*dtypes: DTypeLike) -> np.dtype[Any]:
    """Return the precision to compute in: float32 for float16 and float32, float64 for all else.

    Examples
    --------
    >>> working_dtype("float16"), working_dtype("float32", "float64"), working_dtype("int8")
    (dtype('float32'), dtype('float64'), dtype('float64'))
    """
    small = all(np.dtype(dtype).kind == "f" and np.dtype(dtype).itemsize <= 4 for dtype in dtypes)
    return np.dtype(np.float32 if small else np.float64)


def _check_file_length(source: Any, name: str) -> None:
    """Refuse a memory map whose file got shorter: reading past its end would kill the process."""
    path, offset = getattr(source, "filename", None), getattr(source, "offset", None)
    if path is None or offset is None:
        return
    needed = int(offset) + int(source.nbytes)
    try:
        found = os.stat(path).st_size  # noqa: PTH116  (the map may be of a path in bytes)
    except FileNotFoundError:
        return  # an unlinked file stays whole until it is closed
    if found < needed:
        raise ProbabilityError(
            f"{name} ({os.fspath(path)}) has {found} bytes but had {needed} when it was opened.",
            "It shrank while it was read: wait until it is written, then start again.",
        )


class ParquetProbs:
    """Probabilities in the columns of a Parquet file, read by row group.

    Parameters
    ----------
    path : path-like
        The file. All its columns are classes, in their order.

    Raises
    ------
    ReadError
        If the file is missing or no Parquet, or a column holds no floating-point numbers.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.path = Path(path)
        try:
            self._file = pq.ParquetFile(self.path)
        except (OSError, pa.ArrowInvalid) as error:
            raise ReadError(f"{self.path} is not a readable Parquet file: {error}.", "Check the path.") from error
        for number, column in enumerate(self._file.schema_arrow, start=1):
            if not pa.types.is_floating(column.type):
                raise ReadError(
                    f"Column {number} ({column.name!r}) of {self.path} holds {column.type}, no probabilities.",
                    "Keep only the columns of the classes, as float or double.",
                )
        widths = [column.type.bit_width for column in self._file.schema_arrow]
        self.dtype = np.dtype(np.float64 if max(widths, default=64) > 32 else np.float32)
        metadata = self._file.metadata
        self.shape = (metadata.num_rows, metadata.num_columns)
        sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        self._starts = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        # One decoded row group is kept, because several chunks are cut from each; the lock is for threads.
        self._lock = threading.Lock()
        self._kept: tuple[int, NDArray[np.floating]] | None = None

    @property
    def columns(self) -> list[str]:
        """Names of the columns, which name the classes."""
        return list(self._file.schema_arrow.names)

    def __getitem__(self, rows: slice, /) -> NDArray[np.floating]:
        start, stop, _ = rows.indices(self.shape[0])
        first = int(np.searchsorted(self._starts, start, side="right")) - 1
        parts = []
        for group in range(first, len(self._starts) - 1):
            low, high = int(self._starts[group]), int(self._starts[group + 1])
            if low >= stop:
                break
            parts.append(self._group(group)[max(start - low, 0) : min(stop, high) - low])
        return np.concatenate(parts) if parts else np.empty((0, self.shape[1]), dtype=self.dtype)

    def _group(self, group: int) -> NDArray[np.floating]:
        with self._lock:
            if self._kept is None or self._kept[0] != group:
                table = self._file.read_row_group(group)
                decoded = np.empty(table.shape, dtype=self.dtype)
                for k, column in enumerate(table.itercolumns()):
                    decoded[:, k] = column.to_numpy()
                self._kept = (group, decoded)
            return self._kept[1]
