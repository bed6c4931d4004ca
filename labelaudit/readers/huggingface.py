"""A Hugging Face dataset saved on disk (``dataset.save_to_disk``), read without the ``datasets`` package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelaudit.config import ReadOptions
from labelaudit.errors import ReadError
from labelaudit.progress import ProgressCallback
from labelaudit.readers import Reader
from labelaudit.readers._table import Table, class_label_names, named_columns, read_table

if TYPE_CHECKING:
    import pyarrow as pa

    from labelaudit.domain import Dataset

_STATE, _INFO, _SPLITS = "state.json", "dataset_info.json", "dataset_dict.json"
_DAMAGED = "Save the dataset again with save_to_disk."


def matches(path: Path) -> int:
    """Recognise the files that ``save_to_disk`` writes."""
    return 2 if (path / _STATE).is_file() or (path / _SPLITS).is_file() else 0


def read(path: Path, options: ReadOptions, tell: ProgressCallback) -> Dataset:
    """Read all Arrow files of a dataset, or of a dictionary of datasets with a single split."""
    folder = _only_split(path) if (path / _SPLITS).is_file() else path
    state = _json(folder / _STATE)
    info = _json(folder / _INFO) if (folder / _INFO).is_file() else {}
    data = _concatenated([_inside(folder, name) for name in _file_names(state, folder)], path)
    table = Table(
        path=path,
        columns=named_columns(data, path),
        locate=lambda position: f"row {position + 1}",
        class_names=class_label_names(info.get("features")),
    )
    return read_table(table, options, "huggingface", tell)


def _only_split(path: Path) -> Path:
    splits = _json(path / _SPLITS).get("splits")
    if not isinstance(splits, list) or not splits:
        raise ReadError(f"{path / _SPLITS} names no splits.", _DAMAGED)
    if len(splits) > 1:
        raise ReadError(
            f"{path} holds several splits: {', '.join(map(str, splits))}.",
            f"Give the folder of one, such as {path / str(splits[0])}.",
        )
    return _inside(path, str(splits[0]))


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ReadError(f"{path} cannot be read: {error}.", _DAMAGED) from error
    if not isinstance(content, dict):
        raise ReadError(f"{path} holds no object.", _DAMAGED)
    return content


def _file_names(state: dict[str, Any], folder: Path) -> list[str]:
    files = state.get("_data_files")
    if isinstance(files, list) and all(isinstance(file, dict) and "filename" in file for file in files):
        return [str(file["filename"]) for file in files]
    raise ReadError(f"{folder / _STATE} names no data files.", _DAMAGED)


def _inside(folder: Path, name: str) -> Path:
    path = folder / name
    try:
        is_inside = path.resolve().is_relative_to(folder.resolve())
    except (ValueError, RuntimeError) as error:  # NUL, half of a character, a link to itself
        raise ReadError(f"{folder} names the file {name!r}, and no such file can be.", _DAMAGED) from error
    if not is_inside:
        raise ReadError(f"{folder} names the file {name!r}, which is outside of it.", _DAMAGED)
    return path


def _concatenated(paths: list[Path], path: Path) -> pa.Table:
    import pyarrow as pa

    if not paths:
        raise ReadError(f"{path} has no rows.", "Give a dataset with at least one labelled row.")
    try:
        data = pa.concat_tables([_arrow(file) for file in paths])
        data.validate(full=True)  # Arrow trusts the offsets in a file: damaged ones would end the process
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # damaged names of columns are the last
        raise ReadError(f"The Arrow files of {path} cannot be read: {str(error).rstrip('.')}.", _DAMAGED) from error
    return data


def _arrow(path: Path) -> pa.Table:
    import pyarrow as pa

    mapped = pa.memory_map(str(path))
    try:
        return pa.ipc.open_stream(mapped).read_all()
    except pa.ArrowInvalid:
        # Other tools write the file format instead of the stream format.
        return pa.ipc.open_file(mapped).read_all()


PLUGIN = Reader(
    name="huggingface",
    summary="a Hugging Face dataset saved with save_to_disk",
    matches=matches,
    read=read,
)
