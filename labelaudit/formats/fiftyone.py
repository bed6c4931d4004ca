"""FiftyOne: ``FiftyOneImageClassificationDataset``, media referenced and not copied.

Its labels are answers, so none are written; of a sample it keeps the name, which stands for the item.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelaudit.domain import Annotation
from labelaudit.errors import ReadError
from labelaudit.formats import Format
from labelaudit.formats._archives import documents
from labelaudit.formats._items import image_name
from labelaudit.formats._pictures import not_copyable, parsed

if TYPE_CHECKING:
    from labelaudit.domain import Batch

__all__ = ["PLUGIN"]


def _write(batch: Batch, out: Path) -> None:
    stems = {Path(image_name(item)).stem: item for item in batch.items}
    _dump(out / "labels.json", {"classes": list(batch.classes), "labels": dict.fromkeys(stems)})
    _dump(out / "data.json", {stem: item.image for stem, item in stems.items()})


def _dump(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, allow_nan=False), encoding="utf-8")


def _read(path: Path, classes: Sequence[str]) -> Iterator[Annotation]:  # noqa: ARG001 -- the signature of all formats
    for name, content in documents(path, "labels.json"):
        document = parsed(path, name, content, "FiftyOne", {"classes", "labels"})
        own, targets = document["classes"] or [], document["labels"]
        if not isinstance(own, list) or not isinstance(targets, Mapping):
            raise ReadError(
                f"{path}: {name} has no list of classes or no labels by sample.",
                "Export as fo.types.FiftyOneImageClassificationDataset.",
            )
        for stem, target in targets.items():
            labels = tuple(_label(own, each) for each in (target if isinstance(target, list) else [target]))
            found = tuple(label for label in labels if label is not None)
            yield Annotation(item_id=stem, labels=found, is_answered=bool(found), where=f"{name}, sample {stem!r}")


def _label(classes: list[Any], target: Any) -> str | None:
    if isinstance(target, Mapping):
        target = target.get("label")
    if isinstance(target, int) and not isinstance(target, bool):
        return str(classes[target]) if 0 <= target < len(classes) else f"label {target}"
    return None if target is None else str(target)


PLUGIN = Format(
    name="fiftyone",
    summary="FiftyOne image classification: labels.json, images stay where they are",
    suffix="",
    carries={"image": frozenset({"several"})},
    write=_write,
    read=_read,
    check=not_copyable,
)
