"""Memory for large arrays in large pages of the system.

A page is handed out when it is first touched. That takes about as long for one of 4 KB as writing to it ten times, and
hardly longer for one of 2 MB. NumPy asks for large pages from 4 MB on, and the system gives them where they begin at a
multiple of their size: a column of a million float32 gets none, and larger arrays lose some at both ends.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

__all__ = ["empty"]

_PAGE = 2**21  # bytes of a large page on most systems; where it is another, nothing is lost but address space
_ASKED_FROM = 2**22  # bytes from which on NumPy asks for large pages
_WORTH_IT = 2**19  # bytes that take longer in small pages


def empty(shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return an uninitialised array like :func:`numpy.empty`, large ones at the beginning of a large page.

    What is reserved beyond the array is never touched, so it takes addresses and no memory.

    Examples
    --------
    >>> empty((2, 1_000_000), np.float32).shape
    (2, 1000000)
    """
    dtype = np.dtype(dtype)
    size = math.prod(shape if isinstance(shape, tuple) else (shape,)) * dtype.itemsize
    if size < _WORTH_IT:
        return np.empty(shape, dtype)
    reserved = np.empty(max(size + _PAGE, _ASKED_FROM), np.uint8)
    start = -reserved.ctypes.data % _PAGE
    return reserved[start : start + size].view(dtype).reshape(shape)
