"""A batch that a tool would swallow wrongly is refused before anything is written, and what is wrong is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from labelaudit.errors import DataError
from labelaudit.formats import FORMATS, write_batch
from tests.formats.batches import make_batch


def of_first(**changes):
    """Change the first item."""
    return lambda batch: replace(batch, items=(replace(batch.items[0], **changes), *batch.items[1:]))


def of_batch(**changes):
    return lambda batch: replace(batch, **changes)


def with_class(name):
    return lambda batch: replace(batch, classes=(*batch.classes, name))


def twice(batch):
    return replace(batch, items=(*batch.items, batch.items[0]))


def many_images(batch):
    return replace(batch, items=tuple(replace(batch.items[0], item_id=f"i{k}") for k in range(10_001)))


def heavy_image(batch):
    file = Path(batch.items[0].image)
    file.write_bytes(file.read_bytes() + bytes(6_000_000))
    return batch


def unreadable_kind(batch):
    file = Path(batch.items[0].image).with_suffix(".psd")
    file.write_bytes(b"8BPS")
    return of_first(image=str(file))(batch)


def without_second_image(batch):
    first, second, *others = batch.items
    return replace(batch, items=(first, replace(second, image=None, text="x"), *others))


WRONG = {
    # name: (formats, kind of content, what goes wrong, what the message says)
    "no items": (FORMATS.names(), "image", of_batch(items=()), "no items|shows image only"),
    "one class": (FORMATS.names(), "image", of_batch(classes=("pos",)), "a choice needs two"),
    "a class twice": (FORMATS.names(), "image", with_class("pos"), "the class 'pos' is there twice"),
    "a blank class": (FORMATS.names(), "image", with_class("  "), "the class '  ' is empty"),
    "a class with NUL": (FORMATS.names(), "image", with_class("a\0b"), "no file can hold"),
    "a lone surrogate in a class": (FORMATS.names(), "image", with_class("\ud800"), "no file can hold"),
    "an item twice": (FORMATS.names(), "image", twice, "'s0' is there twice"),
    "no id": (FORMATS.names(), "image", of_first(item_id=""), "has no id"),
    "NUL in an id": (FORMATS.names(), "image", of_first(item_id="a\0"), "no file can hold"),
    "a given label of no class": (FORMATS.names(), "image", of_first(given_label="cat"), "the given label 'cat'"),
    "a suggestion of no class": (
        FORMATS.names(),
        "image",
        of_first(suggested_label="cat"),
        "the suggested label 'cat'",
    ),
    "a probability above 1": (FORMATS.names(), "image", of_first(suggested_probability=3.0), "probability 3.0 of 's0'"),
    "a probability that is none": (
        FORMATS.names(),
        "image",
        of_first(suggested_probability=float("nan")),
        "probability nan of 's0'",
    ),
    "an image that is gone": (FORMATS.names(), "image", of_first(image="gone.png"), "gone.png is not there"),
    "an image of a strange kind": (FORMATS.names(), "image", unreadable_kind, "no kind that browsers show"),
    "an item without image": (FORMATS.names(), "image", without_second_image, "the item 's1' has no image"),
    "a text that is missing": (("csv", "jsonl", "doccano"), "text", of_first(text=None), "'s0' has no text"),
    "NUL in a text": (("csv", "label-studio", "prodigy"), "text", of_first(text="a\0b"), "no file can hold"),
    "a surrogate in a cell": (("csv", "parquet"), "table", of_first(fields={"x": "\udc00"}), "no file can hold"),
    "a cell too long for Excel": (("csv", "tsv"), "text", of_first(text="x" * 33_000), "32,767"),
    "text where only images are shown": (("cvat", "fiftyone"), "text", of_batch(), "shows image only"),
    "tables where only images are shown": (("cvat", "fiftyone"), "table", of_batch(), "shows image only"),
    "a label too long for CVAT": (("cvat",), "image", with_class("x" * 65), "65 characters"),
    "a label too long for doccano": (("doccano",), "text", with_class("x" * 101), "101 characters"),
    "a label too long for Argilla": (("argilla",), "text", with_class("x" * 201), "201 characters"),
    "more images than Argilla takes": (("argilla",), "image", many_images, "10,001 images"),
    "an image too large for Argilla": (("argilla",), "image", heavy_image, "larger than 5 MB"),
    "an empty text in Label Studio": (("label-studio",), "text", of_first(text=""), "empty text"),
    "blanks around a class in Label Studio": (("label-studio",), "text", with_class(" x"), "drops the blanks"),
    "a class that Label Studio takes for a field": (("label-studio",), "text", with_class("over $100"), "a field of"),
    "a control character in XML": (("label-studio",), "text", with_class("x\x07"), "which is XML, cannot hold"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_batch_that_would_be_swallowed_wrongly_is_refused_and_nothing_is_written(tmp_path, name):
    formats, modality, spoil, message = WRONG[name]
    batch = spoil(make_batch(tmp_path, modality))
    (tmp_path / "out").mkdir()
    for each in formats:
        form = FORMATS.get(each)
        with pytest.raises(DataError, match=message) as caught:
            write_batch(batch, form, tmp_path / "out" / f"batch{form.suffix}")
        assert "nothing was written" in caught.value.fix
        assert not list((tmp_path / "out").iterdir())
