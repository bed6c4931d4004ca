"""How long work tells how far it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

__all__ = ["ProgressCallback", "silent"]

ProgressCallback: TypeAlias = Callable[[int, int, str], None]
"""Called with steps done, steps in all and what is being done."""


def silent(done: int, total: int, what: str) -> None:
    """Show nothing."""
