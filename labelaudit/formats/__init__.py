"""Formats carry a batch to the annotators' own tool, and their answers back.

Each format is one file in this folder with a constant ``PLUGIN``, a :class:`Format`. What a tool has no place for is
declared, so that it is known before the batch is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labelaudit.formats._items import content_text, names_of_items
from labelaudit.formats._writing import problems, write_batch
from labelaudit.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

    from labelaudit.domain import Annotation, Batch

__all__ = ["CAPABILITIES", "FORMATS", "Format", "content_text", "losses", "names_of_items", "problems", "write_batch"]

CAPABILITIES: Mapping[str, str] = {
    "given_label": "the labels that items have now",
    "suggestion": "suggested labels",
    "tags": "batch id and content hash",
    "content": "the text as it was shown, so that an edited one would be noticed",
    "several": "several labels for one item",
    "opinions": "answers of several people on one item",
    "annotator": "who answered",
    "time": "when it was answered",
    "seconds": "how long an answer took",
    "verdict": "verdicts that are no label (ambiguous, none fits, exclude)",
    "skip": "that an item was skipped",
    "note": "remarks",
}
"""What a format may carry, in words for messages."""


def _nothing_to_say(batch: Batch) -> Iterator[str]:  # noqa: ARG001 -- the signature of every check
    return iter(())


@dataclass(frozen=True, kw_only=True)
class Format:
    """A file format of annotators, both ways.

    Parameters
    ----------
    name : str
        Name of the plugin, with hyphens.
    summary : str
        What it is, in one line.
    suffix : str
        Ending of the file that is written; empty if a folder is written.
    carries : mapping of str to frozenset of str
        For each kind of content (``text``, ``image``, ``table``) that the tool can show: what travels, names of
        `CAPABILITIES`.
    write : callable
        ``write(batch, out)`` writes the file `out`, and where more are needed, files beside it whose names begin with
        the stem of `out`; or fills the folder `out`, which exists.
    read : callable
        ``read(path, classes)`` yields the answers in a file that the tool exported; raises ReadError if it is broken.
    check : callable
        ``check(batch)`` yields in words what the tool would swallow wrongly.
    """

    name: str
    summary: str
    suffix: str
    carries: Mapping[str, frozenset[str]]
    write: Callable[[Batch, Path], None]
    read: Callable[[Path, Sequence[str]], Iterator[Annotation]]
    check: Callable[[Batch], Iterator[str]] = _nothing_to_say


FORMATS: Registry[Format] = Registry("format", "labelaudit.formats", Format, dashed=True)


def losses(format: Format, batch: Batch) -> list[str]:
    """Say what `format` has no place for, in the order of `CAPABILITIES`; empty if it carries everything.

    Only what the batch needs is named: a blind batch loses no suggestions, and one that asks for a single label loses
    nothing where there is no place for several.
    """
    carried = format.carries.get(batch.modality, frozenset())
    needed = dict(CAPABILITIES)
    if batch.blind:
        del needed["given_label"], needed["suggestion"]
    if not batch.several:
        del needed["several"]
    if batch.modality == "image":
        del needed["content"]
    return [words for name, words in needed.items() if name not in carried]
