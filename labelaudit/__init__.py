"""Find wrong labels and items on which even people disagree."""

from __future__ import annotations

__version__ = "0.1.0"
