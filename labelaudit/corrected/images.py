"""A folder of images with a folder for each class: a copy in which decided images lie in the folder of their class."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from labelaudit.corrected import Correction, Layout, Writer
from labelaudit.errors import DataError, LabelsError
from labelaudit.readers.images import image_names
from labelaudit.spreadsheet import escape_cell

_LIST = "labels.csv"


def write(source: Path, target: Path, corrections: Mapping[int, Correction], layout: Layout) -> None:
    """Copy the images, and list each with its label, the label before and the verdict in ``labels.csv``."""
    images = image_names(source)
    if len(images) != len(layout.labels):
        raise DataError(f"The data has {len(images)} images, not {len(layout.labels)}.", "Audit the data again.")
    taken = {name for row, name in enumerate(images, start=1) if not _moves(corrections.get(row))}
    for name in layout.classes:  # a class that lost its last image is still a class
        if Path(name).name != name or name == "..":
            raise LabelsError(f"The class {name!r} cannot be the name of a folder.", "Choose another name for it.")
        (target / name).mkdir(exist_ok=True)
    with (target / _LIST).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("image", "label", "label_before", "label_verdict"))
        for row, (name, before) in enumerate(zip(images, layout.labels, strict=True), start=1):
            correction = corrections.get(row)
            if correction is not None and correction.is_excluded:
                continue
            place, label, verdict = name, before, ""
            if correction is not None:
                label, verdict = correction.label, str(correction.opinion.verdict)
                place = _new_place(name, str(label), taken) if correction.is_changed else name
            shutil.copy2(source / name, target / place)
            table.writerow([escape_cell(str(value or "")) for value in (place, label, before, verdict)])


def _moves(correction: Correction | None) -> bool:
    return correction is not None and (correction.is_changed or correction.is_excluded)


def _new_place(name: str, label: str, taken: set[str]) -> str:
    """Return where an image of another class goes; beside one of the same name it gets a number."""
    stem, ending = os.path.splitext(os.path.basename(name))  # noqa: PTH119, PTH122 -- names, not files
    place, number = f"{label}/{stem}{ending}", 1
    while place in taken:
        number += 1
        place = f"{label}/{stem}-{number}{ending}"
    taken.add(place)
    return place


PLUGIN = Writer(write, is_folder=True)
