"""doccano: JSON lines for its text classification, a folder of images for its image classification.

doccano takes imported labels for answers, so suggestions travel as metadata beside the text. Of an image it keeps
nothing but the file name, which therefore stands for the item.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from labelaudit.domain import Annotation
from labelaudit.errors import ReadError
from labelaudit.formats import Format
from labelaudit.formats._archives import documents, is_archive
from labelaudit.formats._items import BATCH, HASH, ID, content_text, hints, labels_of, tags, text_of
from labelaudit.formats._json import as_line, read_lines, read_text_lines, wrong_shape
from labelaudit.formats._pictures import copy_images, not_copyable

if TYPE_CHECKING:
    from labelaudit.domain import Batch

__all__ = ["PLUGIN"]

_LONGEST_LABEL = 100
_TEXT = frozenset({"given_label", "suggestion", "tags", "content", "several", "opinions", "annotator", "note"})
_IMAGE = frozenset({"several", "opinions", "annotator", "note"})
_NOBODY = frozenset({"all", "unknown"})
"""Files of its export that are not named after a user: a project that shares answers, and items without one."""


def _write(batch: Batch, out: Path) -> None:
    if batch.modality == "image":
        copy_images(batch, out / "images")
        return
    with (out / "texts.jsonl").open("w", encoding="utf-8", newline="\n") as file:
        for item in batch.items:
            known = {name: value for name, value in hints(batch, item).items() if value is not None}
            file.write(as_line({"text": content_text(item), "label": [], **tags(batch, item), **known}))


def _check(batch: Batch) -> Iterator[str]:
    for name in batch.classes:
        if len(name) > _LONGEST_LABEL:
            yield f"the class {name[:40]!r}… has {len(name)} characters, and doccano takes at most {_LONGEST_LABEL}"
    yield from not_copyable(batch)


def _read(path: Path, classes: Sequence[str]) -> Iterator[Annotation]:  # noqa: ARG001 -- the signature of all formats
    if not is_archive(path) and not path.is_dir():
        for number, record in read_lines(path):
            yield _answer(path, f"line {number}", record, None)
        return
    for name, content in documents(path, "*.jsonl"):
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ReadError(f"{path}: {name} is not UTF-8 ({error}).", "Export it again.") from error
        user = PurePosixPath(name).stem
        for number, record in read_text_lines(Path(path, name), text.split("\n")):
            yield _answer(path, f"{name}, line {number}", record, None if user in _NOBODY else user)


def _answer(path: Path, where: str, record: Mapping[str, Any], person: str | None) -> Annotation:
    if "label" not in record or not ("text" in record or "filename" in record):
        raise wrong_shape(path, where, record, "doccano")
    labels = labels_of(record["label"])
    image = text_of(record.get("filename"))
    return Annotation(
        item_id=text_of(record.get(ID)) or (PurePosixPath(image).name if image else None),
        labels=labels,
        is_answered=bool(labels),
        annotator=person,
        note="\n".join(labels_of(record.get("Comments"))),
        batch_id=text_of(record.get(BATCH)),
        content_hash=text_of(record.get(HASH)),
        content=text_of(record.get("text")),
        where=where,
    )


PLUGIN = Format(
    name="doccano",
    summary="doccano: JSON lines of texts, or a folder of images; reads its JSONL export",
    suffix="",
    carries={"text": _TEXT, "table": _TEXT, "image": _IMAGE},
    write=_write,
    read=_read,
    check=_check,
)
