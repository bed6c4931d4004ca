"""Label Studio: tasks with pre-annotations and the labelling interface; reads its JSON, JSON-MIN and CSV exports.

The tasks are split into files below the limits of its import (250,000 tasks, 50 MB). Skipped tasks come back in the
JSON export only: take that one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

from labelaudit.formats import Format
from labelaudit.formats._items import EVERYTHING, content_text, hints, image_source, is_url, tags
from labelaudit.formats._json import as_line
from labelaudit.formats._label_studio_exports import read_export

if TYPE_CHECKING:
    from labelaudit.domain import Annotation, Batch, BatchItem

__all__ = ["PLUGIN"]

_MOST_TASKS = 250_000
_MOST_BYTES = 50_000_000
_MODEL = "labelaudit"
_VERDICTS = {"ambiguous": "Ambiguous", "none_fits": "None fits", "exclude": "Leave out of the data"}


def _write(batch: Batch, out: Path) -> None:
    out.with_name(f"{out.stem}.config.xml").write_text(_interface(batch), encoding="utf-8")
    for number, shard in enumerate(_shards(batch), start=1):
        target = out if number == 1 else out.with_name(f"{out.stem}-{number}{out.suffix}")
        with target.open("w", encoding="utf-8", newline="\n") as file:
            file.write("[")
            file.write(",".join(shard))
            file.write("]\n")


def _shards(batch: Batch) -> Iterator[list[str]]:
    shard: list[str] = []
    size = 0
    for item in batch.items:
        task = as_line(_task(batch, item))
        length = len(task.encode()) + 1
        if shard and (len(shard) == _MOST_TASKS or size + length > _MOST_BYTES - 2):
            yield shard
            shard, size = [], 0
        shard.append(task)
        size += length
    yield shard


def _task(batch: Batch, item: BatchItem) -> dict[str, Any]:
    content: dict[str, Any] = {"text": content_text(item)}
    if batch.modality == "image":
        content = {"image": image_source(item)}
    elif item.fields is not None:
        content = {"table": dict(item.fields)}
    task: dict[str, Any] = {"data": {**tags(batch, item), **content, **hints(batch, item)}}
    if item.suggested_label is not None and not batch.blind:
        choice = {"from_name": "label", "to_name": "item", "type": "choices", "id": "suggestion"}
        task["predictions"] = [
            {
                "model_version": f"{_MODEL}:{batch.audit_id}",
                "score": item.suggested_probability,
                "result": [{**choice, "value": {"choices": [item.suggested_label]}}],
            }
        ]
    return task


def _interface(batch: Batch) -> str:
    """Return the labelling interface: the item, its classes, and below them verdicts that are no label, and a note."""
    shown = {
        "text": '<Text name="item" value="$text"/>',
        "image": '<Image name="item" value="$image" zoom="true"/>',
        "table": '<Table name="item" value="$table"/>',
    }[batch.modality]
    given = "" if batch.blind else '  <Header value="Label now: $given_label" size="5"/>\n'
    choice = "multiple" if batch.several else "single"
    classes = "\n".join(f"    <Choice value={_attribute(name)}/>" for name in batch.classes)
    verdicts = "\n".join(f'    <Choice value="{value}" html="{words}"/>' for value, words in _VERDICTS.items())
    return (
        f"<View>\n  {shown}\n{given}"
        f'  <Choices name="label" toName="item" choice="{choice}" showInline="true">\n{classes}\n  </Choices>\n'
        f'  <Choices name="verdict" toName="item" choice="single-radio" showInline="true">\n{verdicts}\n  </Choices>\n'
        '  <TextArea name="note" toName="item" placeholder="Remark" maxSubmissions="1" rows="1"/>\n'
        "</View>\n"
    )


def _attribute(value: str) -> str:
    return quoteattr(value, {"\n": "&#10;", "\t": "&#9;", "\r": "&#13;"})


_FIELD = re.compile(r"\$[\w\[\].{}]+", re.ASCII)
"""What its editor replaces in the value of every choice, by the data of the task (``parseValue``)."""


def _check(batch: Batch) -> Iterator[str]:
    for name in batch.classes:
        if name != name.strip():
            yield f"Label Studio drops the blanks around the class {name!r}"
        if any(ord(character) < 32 or character in "\ufffe\uffff" for character in name):
            yield f"the class {name!r} has a character that its labelling interface, which is XML, cannot hold"
        if field := _FIELD.search(name):
            yield f"Label Studio takes {field[0]!r} in the class {name!r} for a field of the task"
    for item in batch.items:
        if item.image is not None and not is_url(item.image) and Path(item.image).is_file():
            size = Path(item.image).stat().st_size * 4 // 3 + 10_000
            if size > _MOST_BYTES:
                yield f"the image of {item.item_id!r} alone exceeds the {_MOST_BYTES // 10**6} MB of a file"
        if item.text == "":
            yield f"the item {item.item_id!r} has an empty text, which Label Studio refuses"


def _read(path: Path, classes: Sequence[str]) -> Iterator[Annotation]:  # noqa: ARG001 -- the signature of all formats
    return read_export(path)


PLUGIN = Format(
    name="label-studio",
    summary="Label Studio: tasks and labelling interface; reads its JSON, JSON-MIN and CSV exports",
    suffix=".json",
    carries=dict.fromkeys(("text", "image", "table"), EVERYTHING),
    write=_write,
    read=_read,
    check=_check,
)
