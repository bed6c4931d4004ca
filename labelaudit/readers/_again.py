"""The data of an audit, read again: from where it was, also if the command now runs in another folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelaudit.errors import ReadError

if TYPE_CHECKING:
    from labelaudit.domain import Origin

__all__ = ["found_again"]

_FILES = ("embeddings", "pred_probs", "unpack_to")


def found_again(origin: Origin, audit_folder: str | None) -> Origin:
    """Return an origin whose paths lead from here to what `origin` names.

    Relative paths are those of the folder in which the audit was made. They are looked for where the command runs, then
    in the folders above the audit, which mostly lies beside the data or below it.

    Raises
    ------
    ReadError
        If the data is in none of them.
    """
    for base in _bases(audit_folder):
        if (base / origin.path).exists():
            return origin if base == Path() else _moved(origin, base)
    raise ReadError(
        f"The data of the audit, {origin.path}, is not there.",
        "Put it back, or run the command in the folder in which the audit was made.",
    )


def _bases(audit_folder: str | None) -> Iterator[Path]:
    yield Path()
    if audit_folder is not None:
        yield from Path(os.path.abspath(audit_folder)).parents  # noqa: PTH100 - links are kept


def _moved(origin: Origin, base: Path) -> Origin:
    options: dict[str, Any] = {**origin.options}
    for name in _FILES:
        value = options.get(name)
        if isinstance(value, str):
            options[name] = _named(value, base)
        elif value:
            options[name] = tuple(_named(file, base) for file in value)
    return replace(origin, path=str(base / origin.path), options=options)


def _named(file: str, base: Path) -> str:
    """Return the path of a file that an option names; one that is looked for beside the data keeps its name."""
    return str(base / file) if (base / file).exists() else file
