"""Corrected data: decided labels, the old label beside, a log, and nothing else touched."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from labelaudit.audit_folder import Audit
from labelaudit.config import AuditConfig
from labelaudit.corrected import WRITERS, Spelling, write_corrected
from labelaudit.decisions import Decision, Verdict
from labelaudit.errors import DataError, LabelsError, OutputError, StoreError, UsageError
from labelaudit.readers import READERS, read
from labelaudit.reviewing import Filter, new_id, open_queue
from labelaudit.spreadsheet import restore_cell

CSV = (
    "\ufeffid,label,text,score\r\n"
    'a,neg,"so ""bad"", really",1.50\r\n'
    "b,pos,=good?,007\r\n"
    "\r\n"
    'c,"neg","two\nlines",  3 \r\n'
    "d,pos,fine,1e3\r\n"
    "e,neg,dull,\r\n"
    "f,,no label,5\r\n"
    "g,pos,last"
    ",9"
)


def audit_of(dataset, folder) -> Audit:
    """An audit of a dataset without any numbers: reviews need none."""
    n = len(dataset)
    names = np.array([*dataset.classes, None], dtype=object)
    items = pd.DataFrame(
        {
            "row": dataset.rows,
            "content_hash": dataset.content_hashes,
            "given_label": names[dataset.labels],
            "suggested_label": dataset.classes[0],
            "suggested_probability": 0.5,
            "suspicion": 0.5,
            "ambiguity": 0.5,
            "is_suspect": True,
            "is_ambiguous": False,
            "rank": range(1, n + 1),
            "ambiguity_rank": range(1, n + 1),
            "kind": None,
        },
        index=pd.Index(dataset.ids, name="id"),
    )
    audit = Audit(
        items=items,
        classes=dataset.classes,
        config=AuditConfig(),
        fingerprint=dataset.fingerprint,
        provenance={},
        health={},
        statistics={},
        origin=dataset.origin,
    )
    return audit.save(folder)


def reviewed(dataset, tmp_path, decisions):
    """An audit, and its store with decisions by row (the first is 1): a label, or a verdict with its labels."""
    audit = audit_of(dataset, tmp_path / "data.audit")
    queue = open_queue(audit, Filter(queue="all"), person="ann")
    by_row = dict(zip(dataset.rows.tolist(), dataset.ids, strict=True))
    commands = []
    for row, asked in decisions.items():
        verdict, labels = asked if isinstance(asked, tuple) else (Verdict.RELABEL, (asked,))
        commands.append(Decision(id=new_id(), item_id=by_row[row], verdict=verdict, labels=labels, note="=why"))
    queue.decide(commands).raise_refused()
    return audit, queue.store


def corrected(dataset, tmp_path, decisions, out):
    """Decide as :func:`reviewed` does, write the corrected data to `out`, and return the summary."""
    audit, store = reviewed(dataset, tmp_path, decisions)
    with store:
        return write_corrected(audit, store, out)


def test_every_reader_has_a_writer():
    assert set(WRITERS.names()) == set(READERS.names())


# -- CSV


@pytest.fixture
def csv_file(tmp_path):
    path = tmp_path / "in.csv"
    path.write_bytes(CSV.encode())
    return path


def test_csv_keeps_every_byte_that_was_not_decided(csv_file, tmp_path):
    decisions = {
        1: "pos",
        2: (Verdict.KEEP, ()),
        3: "pos",
        4: (Verdict.EXCLUDE, ()),
        5: (Verdict.AMBIGUOUS, ()),
        6: "neg",
    }
    summary = corrected(
        read(csv_file, label="label", text=("text",), id="id"), tmp_path, decisions, tmp_path / "out.csv"
    )
    assert (summary.decided, summary.changed, summary.excluded) == (6, 3, 1)
    assert (tmp_path / "out.csv").read_bytes().decode() == (
        "\ufeffid,label,label_before,label_verdict,text,score\r\n"
        'a,pos,neg,relabel,"so ""bad"", really",1.50\r\n'
        "b,pos,pos,keep,=good?,007\r\n"
        "\r\n"
        'c,"pos","neg",relabel,"two\nlines",  3 \r\n'
        "e,neg,neg,ambiguous,dull,\r\n"
        "f,neg,,relabel,no label,5\r\n"
        "g,pos,pos,,last,9"
    )


def test_the_log_lists_every_decision(csv_file, tmp_path):
    log = corrected(
        read(csv_file, label="label", text=("text",), id="id"),
        tmp_path,
        {1: "pos", 4: (Verdict.EXCLUDE, ())},
        tmp_path / "out.csv",
    ).log
    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["item_id"], row["label_before"], row["label"], row["verdict"]) for row in rows] == [
        ("a", "neg", "pos", "relabel"),
        ("d", "pos", "", "exclude"),
    ]
    assert rows[0]["note"] == "'=why"  # no spreadsheet runs it
    assert restore_cell(rows[0]["note"]) == "=why"
    assert rows[0]["decided_by"] == "ann"


def test_data_is_not_written_without_its_log(csv_file, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", str(tmp_path / ".clean.changes"))

    monkeypatch.setattr("labelaudit.corrected._write_log", full)
    with pytest.raises(OutputError, match="Nothing was changed"):
        corrected(read(csv_file), tmp_path, {1: "pos"}, tmp_path / "clean.csv")
    assert not [*tmp_path.glob("*clean*")]


def test_without_decisions_a_csv_only_gets_two_columns(csv_file, tmp_path):
    corrected(read(csv_file, label="label", text=("text",), id="id"), tmp_path, {}, tmp_path / "out.csv")
    before, after = (pd.read_csv(path, dtype=str) for path in (csv_file, tmp_path / "out.csv"))
    pd.testing.assert_frame_equal(after.drop(columns=["label_before", "label_verdict"]), before)


@pytest.mark.parametrize(("name", "encoding"), [("in.tsv", "utf-16"), ("in.csv.gz", "utf-8"), ("in.csv", "cp1252")])
def test_other_separators_encodings_and_compressed_files(name, encoding, tmp_path):
    mark = "\t" if name.endswith(".tsv") else ","
    text = "\n".join(mark.join(row) for row in (["label", "text"], *[[f"klä{k % 2}", f"über {k}"] for k in range(8)]))
    path = tmp_path / name
    data = text.encode(encoding)
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    options = {"label": "label", "text": ("text",), "encoding": encoding}
    out = tmp_path / f"out.{name.split('.', 1)[1]}"
    corrected(read(path, **options), tmp_path, {3: "klä1"}, out)
    again = read(out, label="label", text=("text",), encoding=encoding)
    assert [again.classes[code] for code in again.labels] == ["klä0", "klä1", "klä1", "klä1", *["klä0", "klä1"] * 2]


def test_a_second_round_adds_columns_with_a_number(csv_file, tmp_path):
    options = {"label": "label", "text": ("text",), "id": "id"}
    corrected(read(csv_file, **options), tmp_path, {1: "pos"}, tmp_path / "out.csv")
    shutil.rmtree(tmp_path / "data.audit")
    corrected(read(tmp_path / "out.csv", **options), tmp_path, {1: "neg"}, tmp_path / "second.csv")
    header = (tmp_path / "second.csv").read_text(encoding="utf-8-sig").splitlines()[0]
    assert header == "id,label,label_before_2,label_verdict_2,label_before,label_verdict,text,score"


# -- JSON


LINES = [
    '{"id": "a", "label":"neg" , "text": "\\u00fc", "n": 1.50}',
    '  {"id": "b", "text": "good", "label": "pos", "deep": {"label": [1, 2.0]}}',
    "",
    '{"id": "c", "text": "meh", "label": "neg", "big": 12345678901234567890.10}',
    '{"id": "d", "text": "nothing yet"}',
    '{"id": "e", "text": "fine", "label": "pos"}',
]


def test_jsonl_replaces_the_label_in_its_place(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text("\n".join(LINES))
    decisions = {1: "pos", 2: (Verdict.KEEP, ()), 4: "neg", 5: (Verdict.EXCLUDE, ())}
    corrected(read(path, label="label", text=("text",), id="id"), tmp_path, decisions, tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_text().split("\n") == [
        '{"id": "a", "label":"pos", "label_before": "neg", "label_verdict": "relabel" , "text": "\\u00fc", "n": 1.50}',
        '  {"id": "b", "text": "good", "label": "pos", "label_before": "pos", "label_verdict": "keep", '
        '"deep": {"label": [1, 2.0]}}',
        "",
        LINES[3],
        '{"id": "d", "text": "nothing yet", "label": "neg", "label_before": null, "label_verdict": "relabel"}',
    ]


@pytest.mark.parametrize("excluded", [[1], [2, 3], [3], [1, 2], []])
def test_a_json_array_stays_one_whatever_is_left_out(excluded, tmp_path):
    path = tmp_path / "in.json"
    items = [{"label": "ab"[k % 2], "text": f"item {k}"} for k in range(5)]
    path.write_text(json.dumps(items, indent=1) + "\n")
    corrected(
        read(path, label="label", text=("text",)),
        tmp_path,
        dict.fromkeys(excluded, (Verdict.EXCLUDE, ())),
        tmp_path / "out.json",
    )
    kept = [item for k, item in enumerate(items, start=1) if k not in excluded]
    assert json.loads((tmp_path / "out.json").read_text()) == kept
    if not excluded:
        assert (tmp_path / "out.json").read_bytes() == path.read_bytes()


def test_numbers_and_booleans_stay_what_they_are(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text("\n".join(json.dumps({"label": k % 2 == 0, "text": f"t {k}"}) for k in range(6)))
    corrected(read(path, label="label", text=("text",)), tmp_path, {1: "False"}, tmp_path / "out.jsonl")
    first = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])
    assert (first["label"], first["label_before"]) == (False, True)


# -- images and arrays


@pytest.mark.parametrize("name", ["..", "../other", "a/b"])
def test_no_class_leads_out_of_the_folder(name, tmp_path):
    for number, image in enumerate(["cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"]):
        (tmp_path / "photos" / image).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (number, 0, 0)).save(tmp_path / "photos" / image)
    dataset = read(tmp_path / "photos", classes=("cat", "dog", name))
    (tmp_path / "out").mkdir()
    with pytest.raises(LabelsError, match="cannot be the name of a folder"):
        corrected(dataset, tmp_path, {1: name}, tmp_path / "out" / "clean")
    assert not [*(tmp_path / "out").iterdir()]


def test_images_move_to_the_folder_of_their_new_class(tmp_path):
    source = tmp_path / "photos"
    for number, name in enumerate(["cat/1.png", "cat/2.png", "dog/1.png", "dog/3.png"]):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (number, 0, 0)).save(source / name)
    corrected(read(source), tmp_path, {1: "dog", 2: "dog", 4: (Verdict.EXCLUDE, ())}, tmp_path / "clean")
    found = sorted(str(path.relative_to(tmp_path / "clean")) for path in (tmp_path / "clean").rglob("*.png"))
    assert found == ["dog/1-2.png", "dog/1.png", "dog/2.png"]
    assert (tmp_path / "clean/dog/1-2.png").read_bytes() == (source / "cat/1.png").read_bytes()
    assert (tmp_path / "clean/cat").is_dir()
    with (tmp_path / "clean/labels.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[1:] == [
        ["dog/1-2.png", "dog", "cat", "relabel"],
        ["dog/2.png", "dog", "cat", "relabel"],
        ["dog/1.png", "dog", "dog", ""],
    ]


@pytest.mark.parametrize("values", [[0, 1, 2, 0, 1, 2], ["a", "bb", "a", "bb", "a", "bb"]])
def test_arrays_keep_their_type(values, tmp_path):
    source = tmp_path / "arrays"
    source.mkdir()
    np.save(source / "labels.npy", np.array(values))
    rng = np.random.default_rng(0)
    np.save(source / "embeddings.npy", rng.normal(size=(6, 3)))
    dataset = read(source)
    corrected(dataset, tmp_path, {1: dataset.classes[1], 6: (Verdict.EXCLUDE, ())}, tmp_path / "out")
    labels = np.load(tmp_path / "out/labels.npy")
    assert labels.dtype == np.array(values).dtype
    assert labels.tolist() == [values[1], *values[1:5]]
    assert np.load(tmp_path / "out/labels_before.npy").tolist() == values[:5]
    assert np.load(tmp_path / "out/rows.npy").tolist() == [0, 1, 2, 3, 4]


def test_ids_and_class_names_of_arrays_come_along(tmp_path):
    source = tmp_path / "arrays"
    source.mkdir()
    for name, values in (("labels", [0, 1, 0, 1]), ("ids", [7, 8, 9, 10]), ("classes", ["no", "yes"])):
        np.save(source / f"{name}.npy", np.array(values))
    np.save(source / "m.npy", np.full((4, 2), 0.5))
    corrected(read(source), tmp_path, {1: "yes", 2: (Verdict.EXCLUDE, ())}, tmp_path / "out")
    assert np.load(tmp_path / "out/labels.npy").tolist() == [1, 0, 1]
    assert np.load(tmp_path / "out/ids.npy").tolist() == [7, 9, 10]
    assert np.load(tmp_path / "out/classes.npy").tolist() == ["no", "yes"]


@pytest.mark.parametrize(
    ("learnt", "classes", "asked", "expected"),
    [
        ({}, ("a", "b"), "b", "b"),
        ({"a": "a"}, ("a", "b"), "b", "b"),
        ({"a": 0}, ("a", "b"), "b", 1),
        ({"a": "0"}, ("a", "b"), "b", "1"),
        ({"3": 3}, ("3", "7"), "7", 7),
        ({"True": True}, ("False", "True"), "False", False),
        ({"01": " 01 "}, ("01", "02"), "01", "01"),
    ],
)
def test_classes_are_spelt_as_the_source_spells_them(learnt, classes, asked, expected):
    spelling = Spelling(classes)
    for label, value in learnt.items():
        spelling.learn(label, value)
    found = spelling.of(asked)
    assert (found, type(found)) == (expected, type(expected))


def test_a_number_that_no_row_shows_is_not_guessed():
    spelling = Spelling(("a", "b", "c"))
    spelling.learn("a", 10)
    with pytest.raises(LabelsError, match="no row shows"):
        spelling.of("c")


# -- refusals


def test_what_cannot_be_written_is_refused_and_leaves_nothing(csv_file, tmp_path):
    audit, store = reviewed(read(csv_file, label="label", text=("text",), id="id"), tmp_path, {1: "pos"})
    (tmp_path / "there.csv").write_text("mine")
    for out, message in (
        (csv_file, "the data itself"),
        (tmp_path, "holds the data"),
        (tmp_path / "there.csv", "exists"),
    ):
        with pytest.raises(UsageError, match=message):
            write_corrected(audit, store, out)
    with pytest.raises(UsageError, match="arrays in memory"):
        write_corrected(replace(audit, origin=None), store, tmp_path / "out.csv")
    with pytest.raises(StoreError, match="another audit"):
        write_corrected(replace(audit, fingerprint="other"), store, tmp_path / "out.csv")
    csv_file.write_bytes(CSV.replace("dull", "bright").encode())
    with pytest.raises(DataError, match="changed since it was audited"):
        write_corrected(audit, store, tmp_path / "out.csv")
    assert (tmp_path / "there.csv").read_text() == "mine"
    assert not list(tmp_path.glob("out.csv*"))
    assert not list(tmp_path.glob(".out.csv*"))
    store.close()
