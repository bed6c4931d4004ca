"""Writing a batch: whole or not at all, and not before everything that could go wrong was looked at."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from labelaudit.atomic import atomic_folder
from labelaudit.errors import DataError, OutputError, UsageError
from labelaudit.formats._items import IMAGE_TYPES, cell_text, is_url

if TYPE_CHECKING:
    import os

    from labelaudit.domain import Batch, BatchItem
    from labelaudit.formats import Format

__all__ = ["problems", "write_batch"]

_LISTED = 10


def problems(format: Format, batch: Batch) -> Iterator[str]:
    """Yield in words why `batch` must not be written in `format`; nothing if it may."""
    if batch.modality not in format.carries:
        yield f"{format.name} shows {' and '.join(sorted(format.carries))} only, and these items are {batch.modality}"
        return
    yield from _of_classes(batch.classes)
    if not batch.items:
        yield "there are no items"
        return
    twice = [item_id for item_id, count in Counter(item.item_id for item in batch.items).items() if count > 1]
    yield from (f"the item {item_id!r} is there twice" for item_id in twice)
    known = frozenset(batch.classes)
    for item in batch.items:
        yield from _of_item(item, known, batch.modality)
    yield from format.check(batch)


def _of_classes(classes: tuple[str, ...]) -> Iterator[str]:
    if len(set(classes)) < 2:
        yield f"there are {len(set(classes))} classes to choose from, and a choice needs two"
    for name in classes:
        if not name.strip() or not _is_storable((name,)):
            yield f"the class {name!r} is empty or has characters that no file can hold"
    yield from (f"the class {name!r} is there twice" for name, count in Counter(classes).items() if count > 1)


def _of_item(item: BatchItem, classes: frozenset[str], modality: str) -> Iterator[str]:
    for kind, label in (("given", item.given_label), ("suggested", item.suggested_label)):
        if label is not None and label not in classes:
            yield f"the {kind} label {label!r} of {item.item_id!r} is none of the classes"
    chance = item.suggested_probability
    if chance is not None and not 0 <= chance <= 1:
        yield f"the probability {chance} of {item.item_id!r} is not between 0 and 1"
    texts = [item.item_id, item.text or "", *(item.fields or {}), *map(cell_text, (item.fields or {}).values())]
    if not item.item_id or not _is_storable(texts):
        yield f"the item {item.item_id!r} has no id, or characters that no file can hold (NUL, lone surrogates)"
    content = {"image": item.image, "table": item.fields, "text": item.text}[modality]
    if content is None:
        yield f"the item {item.item_id!r} has no {modality}"
    if item.image is not None and not is_url(item.image):
        if Path(item.image).suffix.lower() not in IMAGE_TYPES:
            yield f"the image {item.image} is of no kind that browsers show ({', '.join(IMAGE_TYPES)})"
        elif not Path(item.image).is_file():
            yield f"the image {item.image} is not there"


def _is_storable(texts: Iterable[str]) -> bool:
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for text in texts for character in text)


def write_batch(
    batch: Batch, format: Format, out: str | os.PathLike[str], *, overwrite: bool = False
) -> tuple[Path, ...]:
    """Check a batch, then write it.

    Parameters
    ----------
    batch : Batch
        What annotators are to see.
    format : Format
        From `FORMATS`.
    out : path-like
        File or folder to write; some formats put files beside it, whose names begin with its stem.
    overwrite : bool
        Replace what is there.

    Returns
    -------
    tuple of Path
        What was written: the folder, or the files.

    Raises
    ------
    DataError
        If the tool would swallow the batch wrongly; nothing is written.
    UsageError
        If something is there already.
    OutputError
        If it cannot be written; nothing half-written is left.
    """
    found = list(problems(format, batch))
    if found:
        more = f" … and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
        raise DataError(
            f"The batch cannot be written as {format.name}: {'; '.join(found[:_LISTED])}{more}.",
            "Mend the data or choose another --format; nothing was written.",
        )
    target = Path(out)
    _check_target(target, format, overwrite=overwrite)
    if not format.suffix:
        with atomic_folder(target) as folder:
            format.write(batch, folder)
        return (target,)
    return _write_files(batch, format, target, overwrite=overwrite)


def _check_target(target: Path, format: Format, *, overwrite: bool) -> None:
    parent = Path(os.path.realpath(target)).parent  # unlike resolve() it bears a link to itself
    if not parent.is_dir():
        raise UsageError(f"There is no folder {parent}.", "Create it or choose another --out.")
    if target.is_dir() != (not format.suffix) and target.exists():
        kind = "a file" if format.suffix else "a folder"
        raise UsageError(f"{target} is there already, and {format.name} writes {kind}.", "Choose another --out.")
    if target.exists() and not overwrite:
        raise UsageError(f"{target} exists.", "Choose another --out, or replace it with --overwrite.")


def _write_files(batch: Batch, format: Format, target: Path, *, overwrite: bool) -> tuple[Path, ...]:
    """Write beside the target, and move everything to its place once all of it is there."""
    try:
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
    except OSError as error:
        raise _not_written(target, error) from error
    try:
        format.write(batch, scratch / target.name)
        # The file that was asked for comes last: when it is there, everything is.
        made = sorted(scratch.iterdir(), key=lambda file: (file.name == target.name, file.name))
        places = [target.with_name(file.name) for file in made]
        taken = [place for place in places if place.exists()]
        if taken and not overwrite:
            raise UsageError(f"{taken[0]} exists.", "Choose another --out, or replace it with --overwrite.")
        for file, place in zip(made, places, strict=True):
            file.replace(place)
    except OSError as error:
        raise _not_written(target, error) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return tuple(reversed(places))


def _not_written(target: Path, error: OSError) -> OutputError:
    return OutputError(
        f"Cannot write {target}: {error.strerror or error}.",
        "Free some space, or choose a folder that can be written to.",
    )
