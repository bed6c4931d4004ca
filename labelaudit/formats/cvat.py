"""CVAT, through the Datumaro format: ``annotations/default.json`` and the images beside it.

CVAT takes imported tags for answers, so none are written. Of an item it keeps the file name, which stands for it;
other tools that use Datumaro keep the attributes as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from labelaudit.domain import Annotation
from labelaudit.errors import ReadError
from labelaudit.formats import Format
from labelaudit.formats._archives import documents
from labelaudit.formats._items import BATCH, HASH, ID, hints, image_name, tags, text_of
from labelaudit.formats._pictures import copy_images, not_copyable, parsed

if TYPE_CHECKING:
    from labelaudit.domain import Batch

__all__ = ["PLUGIN"]

_LONGEST_LABEL = 64
_SUBSET = "default"


def _write(batch: Batch, out: Path) -> None:
    copy_images(batch, out / "images" / _SUBSET)
    labels = [{"name": name, "parent": "", "attributes": []} for name in batch.classes]
    items = []
    for item in batch.items:
        known = {name: value for name, value in hints(batch, item).items() if value is not None}
        name = image_name(item)
        items.append(
            {
                "id": Path(name).stem,
                "annotations": [],
                "attr": {**tags(batch, item), **known},
                "image": {"path": name},
            }
        )
    document = {
        "info": {},
        "categories": {"label": {"labels": labels, "attributes": []}},
        "items": items,
    }
    (out / "annotations").mkdir()
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    (out / "annotations" / f"{_SUBSET}.json").write_text(text, encoding="utf-8")


def _check(batch: Batch) -> Iterator[str]:
    for name in batch.classes:
        if len(name) > _LONGEST_LABEL:
            yield f"the class {name[:40]!r}… has {len(name)} characters, and CVAT cuts what is beyond {_LONGEST_LABEL}"
    yield from not_copyable(batch)


def _read(path: Path, classes: Sequence[str]) -> Iterator[Annotation]:  # noqa: ARG001 -- the signature of all formats
    for name, content in documents(path, "*.json"):
        document = parsed(path, name, content, "Datumaro", {"categories", "items"})
        try:
            names = [label["name"] for label in document["categories"]["label"]["labels"]]
            for number, item in enumerate(document["items"], start=1):
                yield _answer(item, names, f"{name}, item {number}")
        except (KeyError, TypeError, AttributeError) as error:
            raise ReadError(
                f"{path}: {name} is no whole document of Datumaro ({type(error).__name__}: {error}).",
                "Export the task in the format 'Datumaro'.",
            ) from error


def _answer(item: Mapping[str, Any], names: list[str], where: str) -> Annotation:
    attributes = item.get("attr") or {}
    tags_given = [each for each in item["annotations"] if each["type"] == "label"]
    labels = tuple(_label(names, each["label_id"]) for each in tags_given)
    image = (item.get("image") or {}).get("path")
    return Annotation(
        item_id=text_of(attributes.get(ID)) or PurePosixPath(image or item["id"]).name,
        labels=labels,
        is_answered=bool(labels),
        batch_id=text_of(attributes.get(BATCH)),
        content_hash=text_of(attributes.get(HASH)),
        where=where,
    )


def _label(names: list[str], index: int) -> str:
    return names[index] if 0 <= index < len(names) else f"label {index}"


PLUGIN = Format(
    name="cvat",
    summary="CVAT in the format Datumaro (images): reads its Datumaro export, folder or zip",
    suffix="",
    carries={"image": frozenset({"several"})},
    write=_write,
    read=_read,
    check=_check,
)
