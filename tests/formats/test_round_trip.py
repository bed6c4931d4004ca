"""Ten formats × text, image, table × single, several × plain, odd: everything comes back, or its loss is declared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from labelaudit.errors import DataError, UsageError
from labelaudit.formats import CAPABILITIES, FORMATS, losses, names_of_items, problems, write_batch
from tests.formats.batches import make_batch, replies, with_short_labels
from tests.formats.tools import answer

NAMES = FORMATS.names()
LABEL_LIMITS = {"argilla": 200, "cvat": 64, "doccano": 100}
"""The longest label of a tool; a batch with a longer one is refused before anything is written."""


def test_there_are_ten_formats():
    assert NAMES == (
        "argilla", "csv", "cvat", "doccano", "fiftyone", "jsonl", "label-studio", "parquet", "prodigy", "tsv",
    )  # fmt: skip


@pytest.mark.parametrize("odd", [False, True], ids=["plain", "odd"])
@pytest.mark.parametrize("several", [False, True], ids=["single", "several"])
@pytest.mark.parametrize("modality", ["text", "image", "table"])
@pytest.mark.parametrize("name", NAMES)
def test_a_batch_comes_back_whole(name, modality, several, odd, tmp_path):
    form = FORMATS.get(name)
    batch = make_batch(tmp_path, modality, several=several, odd=odd)
    limit = LABEL_LIMITS.get(name, 300)
    out = tmp_path / f"batch{form.suffix}"
    if modality not in form.carries or max(map(len, batch.classes)) > limit:
        refused = "only, and these items are" if modality not in form.carries else f"{limit}"
        with pytest.raises(DataError, match=refused):
            write_batch(batch, form, out)
        assert not out.exists()
        if modality not in form.carries:
            return
        batch = with_short_labels(batch)
    write_batch(batch, form, out)
    carried = form.carries[modality]
    said = replies(batch)
    back = list(form.read(answer(name, batch, out, said), batch.classes))
    _compare(batch, said, back, carried)
    lost = losses(form, batch)
    assert {words for words in CAPABILITIES.values() if words not in lost} >= {CAPABILITIES[each] for each in carried}


def _compare(batch, said, back, carried):
    ids = names_of_items(batch)
    found = {item.item_id: [] for item in batch.items}
    for each in back:
        found[ids[each.item_id]].append(each)
    for item in batch.items:
        expected = _kept(said.get(item.item_id, []), carried)
        answered = [each for each in found[item.item_id] if each.is_answered]
        assert [set(each.labels) for each in answered] == [set(reply.labels) for reply in expected]
        for each, reply in zip(answered, expected, strict=True):
            assert each.verdict == reply.verdict
            assert each.annotator == (reply.annotator if "annotator" in carried else None)
            assert each.at == (reply.at if "time" in carried else None)
            assert each.seconds == (reply.seconds if "seconds" in carried else None)
            assert each.note == (reply.note if "note" in carried else "")
        for each in found[item.item_id]:
            tags = (batch.batch_id, item.content_hash) if "tags" in carried else (None, None)
            assert (each.batch_id, each.content_hash) == tags
            if "content" in carried and batch.modality != "image":
                assert each.content == _shown(item)
            assert each.where


def _shown(item):
    if item.text is not None:
        return item.text
    return "\n".join(
        f"{name}: {str(value).lower() if value in (True, False) else value}" for name, value in item.fields.items()
    )


def _kept(given, carried):
    """What of the replies this format has a place for; the rest is declared."""
    kept = [
        reply
        for reply in given
        if reply.labels
        or (reply.verdict == "skip" and "skip" in carried)
        or (reply.verdict not in {None, "skip"} and "verdict" in carried)
    ]
    return kept if "opinions" in carried else kept[-1:]


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_nobody_touched_has_no_answers(name, tmp_path):
    form = FORMATS.get(name)
    batch = make_batch(tmp_path, "image")
    out = tmp_path / f"batch{form.suffix}"
    write_batch(batch, form, out)
    back = list(form.read(out, batch.classes)) if name != "doccano" else []
    assert not any(each.is_answered for each in back)
    assert {names_of_items(batch)[each.item_id] for each in back} <= {item.item_id for item in batch.items}


@pytest.mark.parametrize("name", NAMES)
def test_a_blind_batch_gives_nothing_away(name, tmp_path):
    form = FORMATS.get(name)
    batch = make_batch(tmp_path, "image", blind=True)
    out = tmp_path / f"batch{form.suffix}"
    for path in write_batch(batch, form, out):
        for file in [path] if path.is_file() else path.rglob("*"):
            if file.is_file() and file.suffix != ".png":
                content = file.read_bytes()
                assert b"suspect 1" not in content
                assert b"0.9" not in content
                assert b"given_label" not in content
                assert b"suggested" not in content
    assert not {"suggested labels", "the labels that items have now"} & set(losses(form, batch))


@pytest.mark.parametrize(
    ("capability", "change"),
    [
        ("given_label", {"given_label": "pos"}),
        ("suggestion", {"suggested_label": "pos"}),
        ("tags", {"content_hash": "f" * 32}),
    ],
    ids=["given label", "suggestion", "hash"],
)
@pytest.mark.parametrize(
    ("name", "modality"), [(name, modality) for name, form in FORMATS for modality in sorted(form.carries)]
)
def test_what_annotators_are_to_see_is_in_the_files_where_that_is_declared(
    name, modality, capability, change, tmp_path
):
    form = FORMATS.get(name)
    batch = make_batch(tmp_path, modality)
    changed = replace(batch, items=(replace(batch.items[0], **change), *batch.items[1:]))
    written = []
    for number, each in enumerate((batch, changed)):
        (tmp_path / str(number)).mkdir()
        write_batch(each, form, tmp_path / str(number) / f"batch{form.suffix}")
        files = sorted(file for file in (tmp_path / str(number)).rglob("*") if file.is_file())
        written.append([file.read_bytes() for file in files])
    assert written[0] != written[1] or capability not in form.carries[modality]


@pytest.mark.parametrize("name", NAMES)
def test_writing_is_all_or_nothing(name, tmp_path):
    form = FORMATS.get(name)
    batch = make_batch(tmp_path, "image")
    assert not list(problems(form, batch))
    out = tmp_path / f"batch{form.suffix}"
    first = write_batch(batch, form, out)
    assert out in first
    with pytest.raises(UsageError, match=r"exists|there already"):
        write_batch(batch, form, out)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    assert write_batch(batch, form, out, overwrite=True) == first
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before
