"""What CSV, JSONL, Parquet and Hugging Face data have in common: named columns that become a dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.config import ReadOptions
from labelaudit.errors import LabelsError, ReadError
from labelaudit.labels import parse_written_labels
from labelaudit.readers._assemble import LabelColumn, assemble
from labelaudit.readers._columns import Roles, recognize
from labelaudit.readers._image_paths import ImagePaths, unpack_folder
from labelaudit.readers._packed_images import PackedImages, may_hold_images, unpack_images
from labelaudit.readers._values import feature_frame, is_nested, is_number, strings

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from labelaudit.domain import Dataset
    from labelaudit.progress import ProgressCallback

__all__ = ["Table", "class_label_names", "named_columns", "read_table"]

_FEW_ROWS = 20  # of which each may well have a category of its own


@dataclass(frozen=True, eq=False, kw_only=True)
class Table:
    """Columns as a reader found them.

    Attributes
    ----------
    path : Path
        File or folder, as the user named it; image paths are relative to its folder.
    columns : mapping of str to (n,) pyarrow.ChunkedArray
        Values; null where missing.
    locate : callable
        Words for a position (from 0): ``"row 5 (line 6)"``. May read the file again, so only for messages.
    class_names : mapping of str to tuple of str
        Names of the classes of columns that hold class indices.
    mixed : mapping of str to (n,) list
        Original values of columns without a single type; `columns` then has them as text.
    typed : bool
        False if the file knows only text (CSV).
    blocks : mapping of str to callable
        Columns of bytes that are read in blocks, being too large to hold; in `columns` their values are null.
    decimal_comma : bool
        Whether numbers may be written as ``1.234,5``.
    """

    path: Path
    columns: Mapping[str, pa.ChunkedArray]
    locate: Callable[[int], str]
    class_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mixed: Mapping[str, list[Any]] = field(default_factory=dict)
    typed: bool = True
    blocks: Mapping[str, Callable[[], Iterator[pa.Array]]] = field(default_factory=dict)
    decimal_comma: bool = False

    def packed(self, name: str) -> PackedImages | None:
        """Return a column's values as images, if its type is one that may hold them."""
        column = self.columns[name]
        if not may_hold_images(column.type):
            return None
        return PackedImages(self.blocks.get(name, lambda: iter(column.chunks)))

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0


def named_columns(data: pa.Table, path: Path) -> dict[str, pa.ChunkedArray]:
    """Return the columns of an Arrow table by name, in types that Arrow can compute with.

    Raises
    ------
    ReadError
        If two columns have the same name, or a name is damaged.
    """
    import pyarrow as pa

    try:
        names = [field.name for field in data.schema]
        for kind in filter(pa.types.is_struct, data.schema.types):
            for i in range(kind.num_fields):
                _ = kind.field(i).name  # decoded when it is asked for
    except UnicodeDecodeError as error:
        raise ReadError(f"{path}: the name of a column is no UTF-8: {error}.", "Write the file again.") from error
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ReadError(f"{path}: the column {twice!r} is there twice.", "Give each column a name of its own.")
    # Polars writes views, which few of Arrow's functions take.
    usable = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}
    return {
        name: column.cast(usable[column.type]) if column.type in usable else column
        for name, column in zip(names, data.columns, strict=True)
    }


def class_label_names(features: Any) -> dict[str, tuple[str, ...]]:
    """Return the class names of each ``ClassLabel`` among the features of a Hugging Face dataset.

    Examples
    --------
    >>> class_label_names({"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}, "text": {"_type": "Value"}})
    {'label': ('neg', 'pos')}
    """
    if not isinstance(features, dict):
        return {}
    return {
        str(name): tuple(str(label) for label in feature["names"])
        for name, feature in features.items()
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and isinstance(feature.get("names"), list)
    }


def read_table(table: Table, options: ReadOptions, reader: str, tell: ProgressCallback) -> Dataset:
    """Recognise the columns of a table, check them and make a dataset.

    Raises
    ------
    ReadError, LabelsError, UnknownNameError, ProbabilityError, OutputError
        As :func:`labelaudit.readers.read`.
    """
    if len(table) == 0:
        raise ReadError(f"{table.path} has no rows.", "Give a file with at least one labelled row.")
    roles = recognize(table, options)
    if not table.typed and options.label is None:
        _refuse_data_as_header(table, roles.label)
    label_type = table.columns[roles.label].type
    chosen = {name: table.columns[name] for name in roles.features}
    features, left_out = feature_frame(chosen, decimal_comma=table.decimal_comma)
    notes = [*roles.notes, *_told_apart(features)]
    if left_out:
        notes.append(f"Left out of the table because they are empty or hold lists: {', '.join(left_out)}.")
    images, said = _images(table, roles.image, options, tell)
    return assemble(
        path=table.path,
        reader=reader,
        options=roles.resolve(options),
        label=LabelColumn(
            values=_label_values(table, roles.label),
            where=f"Column {roles.label!r} of {table.path}",
            locate=table.locate,
            names=table.class_names.get(roles.label) or _dictionary_names(label_type, table.columns[roles.label]),
            indexed=roles.label in table.class_names,
        ),
        ids=_ids(table, roles.id),
        text=_text(table, roles),
        images=images,
        features=features,
        groups={name: _filled(table.columns[name]) for name in roles.group},
        rows=np.arange(1, len(table) + 1, dtype=np.int64),
        notes=[*notes, *said],
    )


def _refuse_data_as_header(table: Table, label: str) -> None:
    """Notice that the first line is data: the name of the label column is then one of its labels."""
    import pyarrow.compute as pc

    if pc.any(pc.equal(table.columns[label], label)).as_py():
        raise ReadError(
            f"The first line of {table.path} looks like data: the label column would be called {label!r}, as one of"
            " its labels.",
            f"Put the names of the columns into the first line. If it is the name, say so: --label {label}.",
        )


def _told_apart(features: pd.DataFrame | None) -> list[str]:
    """Name the categories of which nearly every row has its own: mostly numbers or dates in a form not recognised."""
    import pandas as pd

    if features is None or len(features) < _FEW_ROWS:
        return []
    categories = {name: kind for name, kind in features.dtypes.items() if isinstance(kind, pd.CategoricalDtype)}
    named = [
        f"{name} (such as {kind.categories[0]!r})"
        for name, kind in categories.items()
        if len(kind.categories) > len(features) / 2
    ]
    if not named:
        return []
    return [f"Taken as categories, although most rows have a value of their own: {', '.join(named)}."]


def _label_values(table: Table, name: str) -> list[Any]:
    if name in table.mixed:
        return table.mixed[name]
    if name in table.blocks:
        raise LabelsError(
            f"Column {name!r} of {table.path} holds bytes, no labels.", "Write labels as strings or integers."
        )
    values: list[Any] = table.columns[name].to_pylist()
    if table.typed:
        return values
    return parse_written_labels(values, where=f"Column {name!r} of {table.path}", locate=table.locate)


def _dictionary_names(kind: Any, column: pa.ChunkedArray) -> tuple[str, ...] | None:
    """Return the categories in their order, those without a row too."""
    import pyarrow as pa

    if not pa.types.is_dictionary(kind) or not column.num_chunks:
        return None
    categories = column.unify_dictionaries().chunk(0).dictionary.to_pylist()
    return tuple(str(category).strip() for category in categories if category is not None and str(category).strip())


def _ids(table: Table, name: str | None) -> NDArray[np.object_] | None:
    if name is None:
        return None
    column = table.columns[name]
    where = f"Column {name!r} of {table.path}"
    fix = f"Choose another id column (--id), or derive ids from content with --drop {name}."
    if is_nested(column):
        raise ReadError(f"{where} holds {column.type}, no ids.", fix)
    values = strings(column)
    missing = next((i for i, value in enumerate(values) if not value), None)
    if missing is not None:
        raise ReadError(f"{where}, {table.locate(missing)}: the id is missing.", fix)
    if len(set(values)) != len(values):
        first: dict[str, int] = {}
        for i, value in enumerate(values):
            if first.setdefault(value, i) != i:
                raise ReadError(
                    f"{where}: the id {value!r} is in {table.locate(first[value])} and in {table.locate(i)}.", fix
                )
    return values


def _text(table: Table, roles: Roles) -> NDArray[np.object_] | None:
    if not roles.text:
        return None
    for name in roles.text:
        if is_nested(table.columns[name]):
            raise ReadError(
                f"Column {name!r} of {table.path} holds {table.columns[name].type}, no text.",
                "Write the text as one string, or choose another column with --text.",
            )
        values = (value for value in table.columns[name].to_pylist() if value is not None and str(value).strip())
        if len(roles.text) == 1 and is_number(table.columns[name]) and (value := next(values, None)) is not None:
            raise ReadError(
                f"Column {name!r} of {table.path} holds numbers, no text, such as {value!r}.",
                f"Choose the text column with --text, or learn from a table: --features {name}.",
            )
    parts = [_filled(table.columns[name]) for name in roles.text]
    joined = np.empty(len(table), dtype=object)
    joined[:] = parts[0] if len(parts) == 1 else ["\n".join(filter(None, row)) for row in zip(*parts, strict=True)]
    if not any(value.strip() for value in joined):
        raise ReadError(
            f"Column {', '.join(map(repr, roles.text))} of {table.path} is empty in all rows.",
            "Choose the column that holds the text (--text).",
        )
    return joined


def _images(
    table: Table, name: str | None, options: ReadOptions, tell: ProgressCallback
) -> tuple[NDArray[np.object_] | None, list[str]]:
    """Return the paths of the images, and what is to be said about them."""
    if name is None:
        return None, []
    paths = ImagePaths(table.path, name, table.locate, options.check_images)
    packed = table.packed(name)
    if packed is None:
        if is_nested(table.columns[name]):
            kind = table.columns[name].type
            raise ReadError(
                f"Column {name!r} of {table.path} holds neither images nor paths of images, but {kind}.",
                "Choose another column with --image.",
            )
        names = strings(table.columns[name])
        names[:] = [None if path is None else path.strip() for path in names]
        return paths.checked(names, tell), []
    folder = unpack_folder(table.path, options.unpack_to)
    images, n_unpacked = unpack_images(packed, len(table), folder, paths, tell)
    if not n_unpacked:
        return images, []
    return images, [f"Images were unpacked to {folder}; if it is deleted, it is made again when it is needed."]


def _filled(column: pa.ChunkedArray) -> NDArray[np.object_]:
    values = strings(column)
    values[values == None] = ""  # noqa: E711 - elementwise
    return values
