"""Corrected data: the data set again, in the format it came in, with the labels that were decided on.

What nobody decided on is not touched, down to the byte where the format is text. Beside the label stand the label as it
was and the verdict; excluded items are left out; a log lists every decision. Each writer is one file of this folder,
named after the reader whose data it writes, with a constant ``PLUGIN``, a :class:`Writer`.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterable, Mapping
from csv import writer as csv_writer  # the name `csv` is the plugin of this folder once that is imported
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelaudit.atomic import atomic_file
from labelaudit.config import ReadOptions
from labelaudit.decisions import Opinion, Verdict
from labelaudit.errors import DataError, LabelsError, OutputError, StoreError, UnknownNameError, UsageError
from labelaudit.registry import Registry
from labelaudit.spreadsheet import escape_cell

if TYPE_CHECKING:
    from labelaudit.audit_folder import Audit
    from labelaudit.domain import Origin
    from labelaudit.store import Store

__all__ = [
    "WRITERS",
    "Correction",
    "Layout",
    "Spelling",
    "Summary",
    "Writer",
    "free_name",
    "label_name",
    "write_corrected",
]


@dataclass(frozen=True, kw_only=True)
class Correction:
    """What was decided on one item.

    Attributes
    ----------
    item_id : str
        The item.
    row : int
        Its row in the source; the first is 1.
    given_label : str or None
        Its label in the source.
    opinion : Opinion
        What was decided.
    people : tuple of str
        Who decided it.
    at : int
        When, in milliseconds since the epoch.
    """

    item_id: str
    row: int
    given_label: str | None
    opinion: Opinion
    people: tuple[str, ...]
    at: int

    @property
    def is_excluded(self) -> bool:
        """Whether the item is to be left out."""
        return self.opinion.verdict is Verdict.EXCLUDE

    @property
    def label(self) -> str | None:
        """The label from now on; that of the source unless another one was decided on."""
        return self.opinion.label or self.given_label

    @property
    def is_changed(self) -> bool:
        """Whether the label is another one."""
        return self.label != self.given_label


@dataclass(frozen=True)
class Layout:
    """How the source is laid out.

    Attributes
    ----------
    options : ReadOptions
        The options it was read with, resolved.
    classes : tuple of str
        Class names.
    labels : (n,) tuple of str or None
        Labels of the rows.
    """

    options: ReadOptions
    classes: tuple[str, ...]
    labels: tuple[str | None, ...]


@dataclass(frozen=True)
class Writer:
    """A way to write corrected data.

    Parameters
    ----------
    write : callable
        ``write(source, target, corrections by row, layout)``; `target` is a path beside the final one, to be filled.
    is_folder : bool
        Whether the result is a folder.
    """

    write: Callable[[Path, Path, Mapping[int, Correction], Layout], None]
    is_folder: bool = False


WRITERS: Registry[Writer] = Registry("writer of corrected data", "labelaudit.corrected", Writer)


@dataclass(frozen=True)
class Summary:
    """What was written.

    Attributes
    ----------
    path, log : Path
        The corrected data and the log of decisions.
    decided, changed, excluded : int
        Items decided on, and of these those with another label, and those left out.
    """

    path: Path
    log: Path
    decided: int
    changed: int
    excluded: int


@dataclass
class Spelling:
    """How the source writes each class: learnt from its own labels, so that 3 stays a number and "01" a string.

    Parameters
    ----------
    classes : tuple of str
        Class names.
    """

    classes: tuple[str, ...]
    _values: dict[str, Any] = field(default_factory=dict)

    def learn(self, label: str | None, value: Any) -> None:
        """Note that the source writes `label` as `value`."""
        if label is not None and label not in self._values:
            self._values[label] = value.strip() if isinstance(value, str) else value

    def of(self, label: str) -> Any:
        """Return how the source would write `label`.

        Raises
        ------
        LabelsError
            If the source has numbers for labels, and no row shows which number is this class.
        """
        if label in self._values or not self._values:
            return self._values.get(label, label)
        kind = type(next(iter(self._values.values())))
        if label in self.classes and self._are_indices():
            return kind(self.classes.index(label))
        try:
            return {"True": True, "False": False}[label] if kind is bool else label if kind is str else kind(label)
        except (ValueError, KeyError) as error:
            raise LabelsError(
                f"The data writes labels as {kind.__name__}, and no row shows how the class {label!r} is written.",
                "Give one item that label in the data, or name the classes with strings.",
            ) from error

    def _are_indices(self) -> bool:
        pairs = [(str(value), name) for name, value in self._values.items() if name in self.classes]
        return any(value != name for value, name in pairs) and all(
            value == str(self.classes.index(name)) for value, name in pairs
        )


def write_corrected(audit: Audit, store: Store, out: str | os.PathLike[str], *, overwrite: bool = False) -> Summary:
    """Write the data of an audit with the decisions of its store.

    Parameters
    ----------
    audit : Audit
        The audit; its data is read again from where it was.
    store : Store
        Its reviews.
    out : path-like
        File or folder to write; the log gets the same name with ``.changes.csv``.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    Summary

    Raises
    ------
    UsageError
        If the audit was made of arrays, or `out` exists or is the source.
    StoreError
        If the store is of another audit.
    DataError
        If the data changed since the audit.
    OutputError
        If `out` cannot be written; nothing half-written is left.
    """
    from labelaudit.readers import found_again

    if audit.origin is None:
        raise UsageError(
            "This audit was made of arrays in memory, so there is no file to correct.",
            "Take the decisions from store.records.resolved() instead.",
        )
    origin = found_again(audit.origin, audit.path)
    source, target = Path(origin.path), Path(out)
    if not target.name:
        raise UsageError(f"{target} names no file or folder to write.", "Give one with a name: --out NAME")
    log = target.with_name(target.name.rstrip("/") + ".changes.csv")
    writer = _writer(origin.reader)
    _check_target(source, target, log, is_folder=writer.is_folder, overwrite=overwrite)
    bound = store.binding
    if bound is None or bound.audit_id != audit.audit_id:
        raise StoreError("The reviews are of another audit.", "Take them along first: labelaudit store carry OLD NEW")
    layout = _checked_layout(audit, origin)
    corrections = _corrections(store)
    by_row = {correction.row: correction for correction in corrections}
    with atomic_file(log) as changes:  # written first and put in place last: a full disk must not leave data without it
        _write_log(changes, corrections)
        if writer.is_folder:
            _write_folder(writer, source, target, by_row, layout)
        else:
            with atomic_file(target) as temporary:
                writer.write(source, temporary, by_row, layout)
    return Summary(
        path=target,
        log=log,
        decided=len(corrections),
        changed=sum(correction.is_changed and not correction.is_excluded for correction in corrections),
        excluded=sum(correction.is_excluded for correction in corrections),
    )


def _writer(reader: str) -> Writer:
    try:
        return WRITERS.get(reader)
    except UnknownNameError as error:
        raise UsageError(
            f"Data read by {reader!r} cannot be written back.", f"Known are: {', '.join(WRITERS.names())}."
        ) from error


def _write_folder(
    writer: Writer, source: Path, target: Path, corrections: Mapping[int, Correction], layout: Layout
) -> None:
    from labelaudit.atomic import atomic_folder

    with atomic_folder(target) as temporary:
        writer.write(source, temporary, corrections, layout)


def _check_target(source: Path, target: Path, log: Path, *, is_folder: bool, overwrite: bool) -> None:
    # Unlike resolve() it bears a link to itself.
    place, data = Path(os.path.realpath(target)), Path(os.path.realpath(source))
    if place == data or data in place.parents:
        raise UsageError(f"{target} is the data itself, or inside of it.", "Write the corrected data to another place.")
    if place in data.parents:
        raise UsageError(f"{target} holds the data {source}.", "Write the corrected data to another place.")
    for path in (target, log):
        if path.exists() and not overwrite:
            raise UsageError(f"{path} exists.", "Choose another --out, or replace it with --overwrite.")
    if target.exists() and target.is_dir() is not is_folder:
        raise UsageError(f"{target} is a {'folder' if target.is_dir() else 'file'}.", "Choose another --out.")
    if not is_folder and _kind(source) and _kind(target) != _kind(source):
        raise UsageError(
            f"{source.name} is written in the format it came in, which the name {target.name} does not say.",
            f"End the name with {source.suffix}.",
        )
    folder = place.parent
    if not folder.is_dir():
        raise OutputError(f"The folder {folder} does not exist.", "Create it, or choose another --out.")


def _kind(path: Path) -> str:
    """Return the ending of a file, one for all that mean the same."""
    ending = path.suffix.lower()
    return {".ndjson": ".jsonl", ".tab": ".tsv", ".pq": ".parquet"}.get(ending, ending)


def _checked_layout(audit: Audit, origin: Origin) -> Layout:
    from labelaudit.readers import read

    resolved = ReadOptions.from_dict(origin.options)
    dataset = read(origin.path, resolved)
    if dataset.fingerprint != audit.fingerprint:
        raise DataError(
            f"{origin.path} changed since it was audited.",
            "Restore the file, or audit again and take the decisions along: labelaudit store carry OLD NEW",
        )
    names = tuple(None if code < 0 else dataset.classes[code] for code in dataset.labels.tolist())
    return Layout(options=resolved, classes=tuple(audit.classes), labels=names)


def _corrections(store: Store) -> list[Correction]:
    """Return what was decided, by row."""
    items = {row.item_id: row for row in store.records.resolved()}
    found = [
        Correction(
            item_id=item_id,
            row=items[item_id].row,
            given_label=items[item_id].given_label,
            opinion=standing.opinion,
            people=standing.people,
            at=standing.at,
        )
        for item_id, standing in store.records.decided().items()
    ]
    return sorted(found, key=lambda correction: correction.row)


def _write_log(path: Path, corrections: Iterable[Correction]) -> None:
    header = ("item_id", "row", "label_before", "label", "verdict", "labels", "note", "decided_by", "decided_at")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv_writer(file)
        writer.writerow(header)
        for correction in corrections:
            opinion = correction.opinion
            when = dt.datetime.fromtimestamp(correction.at / 1000, dt.UTC).isoformat(timespec="seconds")
            texts = (
                correction.given_label or "",
                "" if correction.is_excluded else correction.label or "",
                str(opinion.verdict),
                " | ".join(opinion.labels),
                opinion.note,
                " | ".join(correction.people),
                when,
            )
            writer.writerow([escape_cell(correction.item_id), correction.row, *map(escape_cell, texts)])


def free_name(wanted: str, taken: Iterable[str]) -> str:
    """Return `wanted`, with a number behind it if the data has a column of that name (from an earlier round, say)."""
    names = set(taken)
    name, number = wanted, 1
    while name in names:
        number += 1
        name = f"{wanted}_{number}"
    return name


def label_name(layout: Layout) -> str:
    """Return the name of the label column.

    Raises
    ------
    UsageError
        If the audit does not say which it is.
    """
    if layout.options.label is None:
        raise UsageError("The audit does not name the label column.", "Audit again with --label.")
    return layout.options.label
