"""Label Studio: its three exports, its shards, its interface."""

from __future__ import annotations

import csv
import json
from xml.etree import ElementTree as ET

import pytest

from labelaudit.domain import Batch, BatchItem
from labelaudit.formats import FORMATS, problems, write_batch
from tests.formats.batches import ODD, make_batch

FORM = FORMATS.get("label-studio")
SHARED = {
    "labelaudit_id": "s0",
    "labelaudit_batch": "b-1",
    "labelaudit_hash": "00ff",
    "text": "hello",
    "annotator": 7,
    "annotation_id": 41,
    "created_at": "2026-03-01T12:00:00.250000Z",
    "updated_at": "2026-03-01T12:01:00.250000Z",
    "lead_time": 4.5,
    "id": 3,
}


def test_several_choices_of_a_json_min_export(tmp_path):
    rows = [
        SHARED | {"label": "pos", "note": "sure"},
        SHARED | {"label": {"choices": ["neg", "pos"]}},
        SHARED | {"verdict": "exclude"},
    ]
    (tmp_path / "min.json").write_text(json.dumps(rows))
    one, two, three = FORM.read(tmp_path / "min.json", ())
    assert (one.labels, one.note, one.annotator, one.seconds, one.at) == (("pos",), "sure", "7", 4.5, 1772366400250)
    assert (two.labels, two.verdict, three.labels, three.verdict) == (("neg", "pos"), None, (), "exclude")
    assert (one.item_id, one.batch_id, one.content_hash, one.content) == ("s0", "b-1", "00ff", "hello")


def test_several_choices_of_a_csv_export(tmp_path):
    rows = [SHARED | {"label": "pos"}, SHARED | {"label": json.dumps({"choices": ["neg", "pos"]})}]
    with (tmp_path / "export.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    one, two = FORM.read(tmp_path / "export.csv", ())
    assert (one.labels, two.labels) == (("pos",), ("neg", "pos"))
    assert (one.item_id, one.annotator, one.seconds, one.at) == ("s0", "7", 4.5, 1772366400250)


@pytest.mark.parametrize("modality", ["text", "image", "table"])
def test_the_interface_is_xml_that_names_every_class_as_it_is(tmp_path, modality):
    write_batch(make_batch(tmp_path, modality, odd=True, several=True), FORM, tmp_path / "b.json")
    view = ET.fromstring((tmp_path / "b.config.xml").read_text(encoding="utf-8"))
    label = view.find("Choices[@name='label']")
    assert tuple(choice.get("value") for choice in label) == ODD
    assert label.get("choice") == "multiple"
    assert {child.get("toName") for child in view if child.get("toName")} == {"item"}


@pytest.mark.slow
def test_a_large_batch_is_split_below_the_limit(tmp_path):
    items = tuple(BatchItem(item_id=f"s{k}", content_hash="0", text="é" * 6_000_000) for k in range(6))
    batch = Batch(batch_id="b-1", audit_id="a-1", classes=("x", "y"), items=items)
    written = write_batch(batch, FORM, tmp_path / "b.json")
    shards = [path for path in written if path.suffix == ".json"]
    assert len(shards) == 2
    assert all(path.stat().st_size <= 50_000_000 for path in shards)
    ids = [task["data"]["labelaudit_id"] for path in shards for task in json.loads(path.read_text())]
    assert sorted(ids) == [item.item_id for item in items]


def test_what_it_would_swallow_wrongly_is_said(tmp_path):
    batch = Batch(
        batch_id="b-1",
        audit_id="a-1",
        classes=(" x", "y\x07"),
        items=(BatchItem(item_id="s0", content_hash="0", text=""),),
    )
    found = " / ".join(problems(FORM, batch))
    assert "blanks around the class ' x'" in found
    assert "cannot hold" in found
    assert "empty text" in found
