"""Which column is which: by the user's word, else by usual names and values, and only where there is no doubt."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from labelaudit.config import ReadOptions
from labelaudit.errors import ReadError, UnknownNameError
from labelaudit.images import is_image_name
from labelaudit.readers._values import as_numbers, is_nested, is_number, is_string

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from labelaudit.readers._packed_images import PackedImages

__all__ = ["Roles", "recognize"]

# Names in falling certainty: a column of an earlier tier wins, two of one tier are in doubt.
_LABEL_NAMES = (
    {"label", "labels"},
    {
        "class",
        "target",
        "category",
        "intent",
        "y",
        "given_label",
        "class_label",
        "label_name",
        "class_name",
        "gold_label",
    },
    {"sentiment", "topic", "tag", "annotation", "classification", "species", "emotion", "outcome"},
)
_TEXT_NAMES = (
    {"text"},
    {
        "sentence",
        "message",
        "utterance",
        "content",
        "body",
        "document",
        "review",
        "tweet",
        "comment",
        "question",
        "query",
    },
)
_ID_NAMES = (
    {"id"},
    {
        "item_id",
        "uid",
        "uuid",
        "guid",
        "_id",
        "row_id",
        "record_id",
        "example_id",
        "sample_id",
        "doc_id",
        "labelaudit_id",
    },
)
_UNNAMED = re.compile(r"|unnamed:_\d+|__index_level_\d+__")  # what pandas makes of an index without a name

_MANY_CLASSES = 100  # more distinct integers than this are rather a quantity than classes
_WORDS = 3  # a column of text has at least so many words in the mean
_SAMPLE = 1000  # values looked at to tell text and image paths
_COUNTED = 50  # fewer numbers may be 1, 2, 3 ... and still be measured


class Columns(Protocol):
    """The part of a table that recognition needs."""

    @property
    def path(self) -> Path:
        """File of the table."""

    @property
    def columns(self) -> Mapping[str, pa.ChunkedArray]:
        """Values by name."""

    @property
    def class_names(self) -> Mapping[str, tuple[str, ...]]:
        """Columns that are known to hold classes."""

    def packed(self, name: str) -> PackedImages | None:
        """Return a column's values as images, if it may hold them."""


@dataclass(frozen=True, kw_only=True)
class Roles:
    """What each column is for; columns without a role are left out."""

    label: str
    text: tuple[str, ...]
    image: str | None
    id: str | None
    features: tuple[str, ...]
    group: tuple[str, ...]
    notes: tuple[str, ...]

    def resolve(self, options: ReadOptions) -> dict[str, Any]:
        """Return `options` with these columns in place of those to be recognised."""
        roles = {name: value for name, value in asdict(self).items() if name != "notes"}
        return {**asdict(options), **roles}


def recognize(table: Columns, options: ReadOptions) -> Roles:
    """Find the role of each column.

    Columns given by the user are taken as they are. Else the id, text and label columns are those of a usual name. An
    image column is one whose values are images, or all are names of image files. A text column is also the only one
    that reads like text, a label column also the only one left that can hold classes. If there is neither text nor
    image, all other columns are the features of a table, but for those that only number the rows. Group columns stay
    features: looking at slices does not change what is learned from.

    Raises
    ------
    UnknownNameError
        If a column named by the user does not exist.
    ReadError
        If a column is in doubt; the message lists the candidates.
    """
    _check_names(table, options)
    free = [name for name in table.columns if name not in options.drop and not _UNNAMED.fullmatch(_folded(name))]
    named = {options.label, options.image, options.id, *options.text, *options.features}
    open_ = [name for name in free if name not in named]
    label = options.label or _by_name(table, _LABEL_NAMES, open_, "label", _can_be_label)
    item_id = options.id or _by_name(table, _ID_NAMES, _without(open_, label), "id", _can_be_id)
    left = _without(open_, label, item_id)
    explicit = bool(options.text or options.image or options.features)
    image = options.image or (None if explicit else _find_image(table, left))
    text = options.text or (() if explicit or image else _find_text(table, _without(left, *options.group), label))
    left = _without(left, image, *text)
    label = label or _only_label(table, _without(left, *options.group))
    left = _without(left, label)
    notes = [
        f"Column {name!r} is a row index and left out." for name in table.columns if _UNNAMED.fullmatch(_folded(name))
    ]
    features = options.features
    if not (features or text or image):
        numbering = [name for name in left if name not in options.group and _numbers_rows(table.columns[name])]
        features = tuple(_without(left, *numbering))
        notes += [f"Column {name!r} only numbers the rows and is left out." for name in numbering]
    if (text or image) and (unused := _without(left, *options.group, *features)):
        notes.append(f"Columns not used: {', '.join(unused)}.")
    return Roles(
        label=label, text=text, image=image, id=item_id, features=features, group=options.group, notes=tuple(notes)
    )


def _check_names(table: Columns, options: ReadOptions) -> None:
    several = (*options.text, *options.features, *options.drop, *options.group)
    for name in (options.label, options.image, options.id, *several):
        if name is not None and name not in table.columns:
            unknown = UnknownNameError.among("column", name, table.columns)
            raise UnknownNameError(
                f"Column {name!r} is not in {table.path}.", (unknown.fix or "").replace("Available:", "Columns:")
            )
    if options.label is not None and options.label in (*options.text, *options.features, options.image):
        raise ReadError(
            f"Column {options.label!r} of {table.path} is both the label and what is to be learned from.",
            "Leave it out of --text, --image and --features.",
        )


def _folded(name: str) -> str:
    return re.sub(r"[\s.\-]+", "_", name.strip().casefold())


def _without(names: Iterable[str], *taken: str | None) -> list[str]:
    return [name for name in names if name not in taken]


def _by_name(
    table: Columns,
    tiers: tuple[set[str], ...],
    names: list[str],
    role: str,
    fits: Callable[[Columns, str], bool],
) -> str | None:
    for tier in tiers:
        found = [name for name in names if _folded(name) in tier and fits(table, name)]
        if len(found) > 1:
            raise _in_doubt(table, role, found)
        if found:
            return found[0]
    return None


def _in_doubt(table: Columns, role: str, found: list[str]) -> ReadError:
    more = "; repeat it to join several, or use --features to learn from a table" if role == "text" else ""
    return ReadError(
        f"Several columns of {table.path} may be the {role}: {', '.join(found)}.",
        f"Choose one, such as --{role} {found[-1]}{more}.",
    )


def _can_be_label(table: Columns, name: str) -> bool:
    return not is_nested(table.columns[name]) or _folded(name) in _LABEL_NAMES[0]


def _can_be_id(table: Columns, name: str) -> bool:
    # A column called "id" whose ids are missing is a mistake to report, not a reason to make up others.
    return not is_nested(table.columns[name])


def _find_image(table: Columns, names: list[str]) -> str | None:
    # Beside images there is often a column with the names that their files once had.
    packed = {name: images for name in names if (images := table.packed(name)) is not None}
    found = [name for name, images in packed.items() if images.look_like_images()]
    found = found or [name for name in names if _names_images(table.columns[name])]
    if len(found) > 1:
        raise _in_doubt(table, "image", found)
    return found[0] if found else None


def _names_images(column: pa.ChunkedArray) -> bool:
    if not is_string(column):
        return False
    values = [value.strip() for value in column.slice(0, _SAMPLE).to_pylist() if value]
    return bool(values) and all(is_image_name(value) and "\n" not in value for value in values)


def _find_text(table: Columns, names: list[str], label: str | None) -> tuple[str, ...]:
    # Until the label is known, a name such as "question" may still turn out to be the label: it must read like text.
    fits = _can_be_text if label else _is_text
    named = _by_name(table, _TEXT_NAMES, names, "text", fits)
    if named is not None:
        return (named,)
    reading = [name for name in names if _reads_like_text(table.columns[name])]
    others = len(names) - len(reading) - (label is None)
    if others > 1:
        return ()  # beside many other columns, one of text is a column of a table
    if len(reading) > 1:
        raise _in_doubt(table, "text", reading)
    return tuple(reading)


def _can_be_text(table: Columns, name: str) -> bool:
    # A column called "text" that holds numbers is a mistake to report, not a reason to look further.
    column = table.columns[name]
    return _folded(name) in _TEXT_NAMES[0] or (is_string(column) and not is_number(column))


def _is_text(table: Columns, name: str) -> bool:
    return _folded(name) in _TEXT_NAMES[0] or _reads_like_text(table.columns[name])


def _reads_like_text(column: pa.ChunkedArray) -> bool:
    if not is_string(column):
        return False
    values = [value for value in column.slice(0, _SAMPLE).to_pylist() if value and value.strip()]
    if not values:
        return False
    words = sum(len(value.split()) for value in values) / len(values)
    return words >= _WORDS and len(set(values)) >= len(values) / 2


def _numbers_rows(column: pa.ChunkedArray) -> bool:
    """Tell whether a column holds each number of a range once: where rows were once sorted, it gives the class away."""
    numbers = as_numbers(column)
    if numbers is None or len(numbers) < _COUNTED or not np.isfinite(numbers).all():
        return False
    is_range = numbers.max() - numbers.min() == len(numbers) - 1
    return bool(is_range and (numbers % 1 == 0).all() and len(np.unique(numbers)) == len(numbers))


def _only_label(table: Columns, names: list[str]) -> str:
    known = [name for name in names if name in table.class_names]
    found = known or [name for name in names if _holds_classes(table.columns[name])]
    if len(found) == 1:
        return found[0]
    columns = ", ".join(table.columns)
    if not found:
        raise ReadError(
            f"No column of {table.path} is recognised as the label.", f"Choose one with --label. Columns: {columns}."
        )
    raise _in_doubt(table, "label", found)


def _holds_classes(column: pa.ChunkedArray) -> bool:
    import pyarrow.compute as pc

    if is_nested(column):
        return False
    most = int(len(column) - column.null_count) // 2
    numbers = as_numbers(column)
    if numbers is not None:
        most = min(most, _MANY_CLASSES)
        if (numbers % 1 > 0).any():  # NaN, a missing one, is no fraction
            return False
    return 2 <= len(pc.unique(column.drop_null())) <= most
