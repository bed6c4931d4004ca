"""The beginning of an item's content as one line of plain text, for lists and reports."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.missing import is_missing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.domain import Dataset

__all__ = ["plain_markdown", "previews", "printable"]

_LENGTH = 160
_CELLS = 12


def previews(dataset: Dataset) -> NDArray[np.object_]:
    """Return (n,) str of at most 160 characters without line breaks or control characters.

    Text gives its beginning, an image its file name with its folder, a table row its first cells; items that are
    nothing but numbers give an empty string. An image out of a data file has no name, but a row.
    """
    if dataset.text is not None:
        lines = [_one_line(text) for text in dataset.text]
    elif dataset.images is not None:
        lines = _image_lines(dataset)
    elif dataset.features is not None:
        lines = _table_lines(dataset)
    else:
        lines = [""] * len(dataset)
    return np.array(lines, dtype=object)


def _image_lines(dataset: Dataset) -> list[str]:
    assert dataset.images is not None
    paths = [Path(path) for path in dataset.images]
    return [
        # Unpacked images are named after their content.
        f"image of row {row}" if path.stem == content else _one_line("/".join(path.parts[-2:]))
        for path, row, content in zip(paths, dataset.rows, dataset.content_hashes, strict=True)
    ]


def _table_lines(dataset: Dataset) -> list[str]:
    assert dataset.features is not None
    shown = dataset.features.iloc[:, :_CELLS]
    cells = [[f"{name}={_cell(value)}" for value in shown[name].tolist()] for name in shown.columns]
    return [_one_line(", ".join(row)) for row in zip(*cells, strict=True)]


def _cell(value: object) -> str:
    if is_missing(value):
        return "–"
    return f"{value:g}" if isinstance(value, float) else str(value)


def printable(text: str) -> str:
    r"""Return the text as one line without control characters: names are users' data and must not act on a terminal.

    Examples
    --------
    >>> printable("two\n lines\x1b[31m")
    'two lines[31m'
    """
    return "".join(sign for sign in " ".join(text.split()) if sign.isprintable())


def plain_markdown(text: str) -> str:
    r"""Return the text as one line of Markdown that shows it and does nothing else.

    No table cell, HTML, link in brackets, image, formula or emphasis begins in it, nobody is mentioned and no issue is
    closed where it is put into a pull request. Shown in a terminal it does nothing either. Addresses that are written
    out become links where plain text has them.

    Examples
    --------
    >>> print(plain_markdown("fixes #7 | *ask* @ann"))
    fixes \#&#8203;7 \| \*ask\* @&#8203;ann
    """
    escaped = printable(text)
    for sign in "\\&`*_~[]<>|!#$":
        escaped = escaped.replace(sign, {"&": "&amp;", "<": "&lt;", ">": "&gt;"}.get(sign, "\\" + sign))
    # Hosts look for names and numbers in what is shown, so escaping does not stop them: a space without width does.
    return re.sub(r"([@#!])(?=\w)", r"\1&#8203;", escaped)


def _one_line(text: str) -> str:
    line = printable(text[: 4 * _LENGTH])  # an item may be a hundred megabytes
    return line if len(line) <= _LENGTH else line[: _LENGTH - 1].rstrip() + "…"
