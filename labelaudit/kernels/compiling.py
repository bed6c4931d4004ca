"""How functions are compiled; importing this imports numba."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numba

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["compiled", "inlined", "read_only"]

# No "fastmath": neither reordered sums nor multiplications fused with additions, which NumPy does not have.
_OPTIONS = {"nogil": True, "error_model": "numpy"}


def compiled(function: Callable[..., Any]) -> Any:
    """Compile for the types of the first call, and keep the result on disk for other processes."""
    dispatcher = numba.njit(**_OPTIONS)(function)
    with contextlib.suppress(RuntimeError):  # there is no folder to write to: each process compiles for itself
        dispatcher.enable_caching()
    return dispatcher


inlined = numba.njit(forceinline=True, **_OPTIONS)
"""Compile as a part of what calls it: a call within a loop would keep LLVM from vectorising it."""


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a view that cannot be written to: numba would compile once for such arrays and once for others."""
    view = array.view()
    view.flags.writeable = False
    return view
