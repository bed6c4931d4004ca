"""The packages of the tools themselves read what is written here, and what they write is read."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from labelaudit.formats import FORMATS, content_text, names_of_items, write_batch
from tests.formats.batches import make_batch, with_short_labels

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("formats")]

PYTHON = Path(__file__).resolve().parents[2] / ".venvs" / "formats" / "bin" / "python"
USERS = ("3fa85f64-5717-4562-b3fc-2c963f66afa6", "3fa85f64-5717-4562-b3fc-2c963f66afa7")

ARGILLA = """
import json, sys
import argilla as rg
records = [rg.Record.from_dict(record) for record in json.load(open(sys.argv[1]))]
for number, record in enumerate(records):
    assert {each.question_name: each.value for each in record.suggestions}
    for user, label in zip(json.loads(sys.argv[4]), json.loads(sys.argv[3])[number:]):
        value = [label] if sys.argv[5] == "several" else label
        record.responses.add(rg.Response("label", value, user_id=user, status="submitted"))
        record.responses.add(rg.Response("note", "sure", user_id=user, status="submitted"))
json.dump([record.to_dict() for record in records], open(sys.argv[2], "w"))
"""

DATUMARO = """
import sys
import datumaro as dm
data = dm.Dataset.import_from(sys.argv[1], "datumaro")
labels = data.categories()[dm.AnnotationType.label]
for number, item in enumerate(sorted(data, key=lambda item: item.id)):
    assert item.media.data is not None and item.media.data.shape[:2] == (4, 4)
    for label in [number % len(labels)] + ([(number + 1) % len(labels)] if sys.argv[3] == "several" else []):
        item.annotations.append(dm.Label(label))
    data.put(item)
data.export(sys.argv[2], "datumaro", save_media=False)
"""

DATASETS = """
import json, sys
import datasets
data = datasets.load_dataset("parquet", data_files=sys.argv[1], split="train", cache_dir=sys.argv[3])
names = data.features["labels"].feature.names
assert data.features["given_label"].names == names
if "image" in data.features:
    assert data[0]["image"].size == (4, 4)
given = [data.features["given_label"].int2str(label) for label in data["given_label"]]
data = data.map(lambda row, k: {"labels": [k % len(names)], "annotator": "ann"}, with_indices=True)
data.to_parquet(sys.argv[2])
print(json.dumps([names, given]))
"""


@pytest.fixture(scope="module", autouse=True)
def packages():
    if not PYTHON.exists():
        pytest.skip("the packages of the tools are not installed: make services")


def run(program, *arguments, folder):
    environment = {"HOME": str(folder), "HF_HUB_OFFLINE": "1", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [str(PYTHON), "-c", program, *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        cwd=folder,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    return done.stdout


@pytest.mark.parametrize("several", [False, True], ids=["single", "several"])
@pytest.mark.parametrize("odd", [False, True], ids=["plain", "odd"])
def test_argilla_records(tmp_path, odd, several):
    batch = make_batch(tmp_path, "text", odd=odd, several=several)
    batch = with_short_labels(batch) if odd else batch
    write_batch(batch, FORMATS.get("argilla"), tmp_path / "b.json")
    labels = [batch.classes[k % len(batch.classes)] for k in range(len(batch) + 2)]
    kind = "several" if several else "single"
    run(ARGILLA, "b.json", "back.json", json.dumps(labels), json.dumps(USERS), kind, folder=tmp_path)
    back = list(FORMATS.get("argilla").read(tmp_path / "back.json", batch.classes))
    assert len(back) == 2 * len(batch)
    for k, item in enumerate(batch.items):
        for each, user, label in zip(back[2 * k : 2 * k + 2], USERS, labels[k:], strict=False):
            assert (each.item_id, each.annotator, each.labels, each.note) == (item.item_id, user, (label,), "sure")
            assert (each.batch_id, each.content_hash) == (batch.batch_id, item.content_hash)
            assert each.content == content_text(item)


@pytest.mark.parametrize("several", [False, True], ids=["single", "several"])
@pytest.mark.parametrize("odd", [False, True], ids=["plain", "odd"])
def test_datumaro_folders(tmp_path, odd, several):
    batch = make_batch(tmp_path, "image", odd=odd, several=several)
    batch = with_short_labels(batch) if odd else batch
    write_batch(batch, FORMATS.get("cvat"), tmp_path / "b")
    run(DATUMARO, "b", "back", "several" if several else "single", folder=tmp_path)
    back = list(FORMATS.get("cvat").read(tmp_path / "back", batch.classes))
    names = names_of_items(batch)
    assert {names[each.item_id] for each in back} == {item.item_id for item in batch.items}
    k = len(batch.classes)
    for number, each in enumerate(sorted(back, key=lambda each: stem_of(batch, names[each.item_id]))):
        expected = {batch.classes[number % k], *([batch.classes[(number + 1) % k]] if several else [])}
        assert set(each.labels) == expected
        assert each.batch_id == batch.batch_id


def stem_of(batch, item_id):
    from labelaudit.formats._items import image_name

    return Path(image_name(next(item for item in batch.items if item.item_id == item_id))).stem


@pytest.mark.parametrize("modality", ["text", "image", "table"])
@pytest.mark.parametrize("odd", [False, True], ids=["plain", "odd"])
def test_hugging_face_datasets(tmp_path, odd, modality):
    batch = make_batch(tmp_path, modality, odd=odd)
    write_batch(batch, FORMATS.get("parquet"), tmp_path / "b.parquet")
    names, given = json.loads(run(DATASETS, "b.parquet", "back.parquet", "cache", folder=tmp_path))
    assert tuple(names) == batch.classes
    assert given == [item.given_label for item in batch.items]
    back = list(FORMATS.get("parquet").read(tmp_path / "back.parquet", ()))
    assert [each.item_id for each in back] == [item.item_id for item in batch.items]
    assert [each.labels for each in back] == [(batch.classes[k % len(names)],) for k in range(len(batch))]
    assert {each.annotator for each in back} == {"ann"}
    if modality != "image":
        assert [each.content for each in back] == [content_text(item) for item in batch.items]
