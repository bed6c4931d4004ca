"""JSON lines and JSON arrays: the label is replaced in the text of its object, everything else keeps its bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from labelaudit.corrected import Correction, Layout, Spelling, Writer, free_name, label_name
from labelaudit.corrected._text import open_source
from labelaudit.errors import DataError

_DECODER = json.JSONDecoder()
_BLANK = re.compile(r"[ \t\n\r]*")
_SURROGATE = re.compile("[\ud800-\udfff]")


class _Names(NamedTuple):
    """Keys of the label and of the two beside it."""

    label: str
    before: str
    verdict: str


def write(source: Path, target: Path, corrections: Mapping[int, Correction], layout: Layout) -> None:
    """Write the file again; decided objects get the keys ``<label>_before`` and ``<label>_verdict``."""
    label = label_name(layout)
    opened = open_source(source, layout.options.encoding)
    text = opened.text
    is_array = source.name.lower().removesuffix(".gz").endswith(".json")
    spans = list(_objects(text, is_array=is_array))
    if len(spans) != len(layout.labels):
        raise DataError(f"The data has {len(spans)} rows, not {len(layout.labels)}.", "Audit the data again.")
    target.write_bytes(opened.bytes_of(_rewritten(text, spans, label, corrections, layout)))


def _objects(text: str, *, is_array: bool) -> Iterator[tuple[int, int]]:
    """Yield start and end of each object."""
    position = _skip(text, 0)
    if is_array:
        position = _skip(text, position + 1)
    while position < len(text) and text[position] == "{":
        _, end = _DECODER.raw_decode(text, position)
        yield position, end
        position = _skip(text, end)
        if is_array and text[position] == ",":
            position = _skip(text, position + 1)


def _skip(text: str, position: int) -> int:
    found = _BLANK.match(text, position)
    return position if found is None else found.end()


def _rewritten(
    text: str, spans: list[tuple[int, int]], label: str, corrections: Mapping[int, Correction], layout: Layout
) -> str:
    spelling, keys = _survey(text, spans, label, layout)
    names = _Names(label, *(free_name(f"{label}_{what}", keys) for what in ("before", "verdict")))
    pieces: list[str] = []
    for row, (start, end) in enumerate(spans, start=1):
        correction = corrections.get(row)
        if correction is not None and correction.is_excluded:
            continue
        if pieces:  # what stands between an object and the one before it goes with it
            pieces.append(text[spans[row - 2][1] : start])
        item = text[start:end]
        pieces.append(item if correction is None else _edited(item, names, correction, spelling))
    return text[: spans[0][0]] + "".join(pieces) + text[spans[-1][1] :]


def _survey(text: str, spans: list[tuple[int, int]], label: str, layout: Layout) -> tuple[Spelling, set[str]]:
    spelling, keys = Spelling(layout.classes), set()
    for given, (start, _) in zip(layout.labels, spans, strict=True):
        value, _ = _DECODER.raw_decode(text, start)
        keys |= value.keys()
        spelling.learn(given, value.get(label))
    return spelling, keys


def _edited(text: str, names: _Names, correction: Correction, spelling: Spelling) -> str:
    """Return the text of one object with another label, and two keys behind it."""
    old: Any = json.loads(text).get(names.label)
    new = spelling.of(correction.label) if correction.is_changed and correction.label is not None else old
    verdict = str(correction.opinion.verdict)
    beside = f", {_dumped(names.before)}: {_dumped(old)}, {_dumped(names.verdict)}: {_dumped(verdict)}"
    span = _value_span(text, names.label)
    if span is None:  # an unlabelled object may lack the key
        end = text.rindex("}")
        comma = ", " if json.loads(text) else ""
        return f"{text[:end].rstrip()}{comma}{_dumped(names.label)}: {_dumped(new)}{beside}{text[end:]}"
    start, end = span
    written = text[start:end] if new == old else _dumped(new)
    return text[:start] + written + beside + text[end:]


def _value_span(text: str, key: str) -> tuple[int, int] | None:
    """Return where the value of the last `key` of an object stands (of doubled keys the last one counts)."""
    position, found = _skip(text, 1), None
    while text[position] == '"':
        name, position = _DECODER.raw_decode(text, position)
        position = _skip(text, _skip(text, position) + 1)  # over the colon
        _, end = _DECODER.raw_decode(text, position)
        if name == key:
            found = (position, end)
        position = _skip(text, end)
        if text[position] == ",":
            position = _skip(text, position + 1)
    return found


def _dumped(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    # JSON can name half of a character (the escape of a lone surrogate), which no encoding can store.
    return json.dumps(value) if _SURROGATE.search(text) else text


PLUGIN = Writer(write)
