"""A corpus of damaged, foreign and edited files: each is refused with a reason, or what is wrong is listed by name."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import pytest

from labelaudit.batches import keep_record
from labelaudit.domain import Batch, BatchItem
from labelaudit.errors import DataError, LabelAuditError
from labelaudit.formats import FORMATS, write_batch
from labelaudit.loop import import_answers
from labelaudit.readers import read
from tests.formats.batches import Reply
from tests.formats.tools import answer
from tests.test_corrected import audit_of

TEXTS = ("good", "bad, very", "fine", "awful")
IDS = ("r0", "007", "1e5", "r3")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """An audit of four texts and a batch of them in every format for texts, with good answers to each."""
    folder = tmp_path_factory.mktemp("corrupted")
    with (folder / "in.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("id", "text", "label"), *zip(IDS, TEXTS, ("pos", "neg", "pos", "neg"), strict=True)]
        )
    audit = audit_of(read(folder / "in.csv", label="label", text=("text",), id="id"), folder / "in.audit")
    answers = {}
    for name in FORMATS.names():
        items = tuple(
            BatchItem(item_id=item_id, content_hash=audit.items.loc[item_id, "content_hash"], text=text)
            for item_id, text in zip(IDS, TEXTS, strict=True)
        )
        batch = Batch(batch_id=f"b-{name}", audit_id=audit.audit_id, classes=audit.classes, items=items)
        form = FORMATS.get(name)
        if "text" not in form.carries:
            keep_record(audit.path, batch, format=name, written=[folder / "in.csv"], options={})
            continue
        out = folder / name / f"batch{form.suffix}"
        out.parent.mkdir()
        keep_record(audit.path, batch, format=name, written=write_batch(batch, form, out), options={})
        answers[name] = answer(name, batch, out, {item_id: [Reply(("neg",))] for item_id in IDS})
    return audit, answers


def lines(good, change):
    """The file with its lines changed; `change` gets the parsed ones."""
    records = [json.loads(line) for line in good.decode().split("\n") if line]
    return "".join(json.dumps(record) + "\n" for record in change(records)).encode()


def first(good, **changes):
    return lines(good, lambda records: [records[0] | changes, *records[1:]])


def tasks(good, change):
    """The JSON array with its first element changed."""
    records = json.loads(good)
    change(records[0])
    return json.dumps(records).encode()


def cells(good, row, column, value, *, encoding="utf-8-sig", delimiter=",", into=","):
    table = list(csv.reader(io.StringIO(good.decode("utf-8-sig")), delimiter=delimiter))
    if row is not None:
        table[row][table[0].index(column)] = value
    text = io.StringIO()
    csv.writer(text, delimiter=into).writerows(table)
    return text.getvalue().encode(encoding)


def archive(**members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, text in members.items():
            file.writestr(name.replace("__", "/").replace("DOTS", ".."), text)
    return content.getvalue()


def damaged(**members):
    """A zip archive whose packed content is spoilt, and whose lists of contents are whole."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in members.items():
            file.writestr(name.replace("_", "."), text)
        places = [(info.header_offset + 30 + len(info.filename), info.compress_size) for info in file.infolist()]
    spoilt = bytearray(content.getvalue())
    for start, size in places:
        spoilt[start : start + size] = b"\xff" * size
    return bytes(spoilt)


DATUMARO = {"info": {}, "categories": {"label": {"labels": [{"name": "neg"}]}}, "items": []}

REFUSED = {
    # name: (format, name of the file, content from the good one, what the message says)
    "label studio: cut in the middle": ("label-studio", "x.json", lambda g: g[: len(g) // 2], "line 1, column"),
    "label studio: empty": ("label-studio", "x.json", lambda g: b"", "it is empty"),
    "label studio: blank": ("label-studio", "x.json", lambda g: b" \n\n", "it is empty"),
    "label studio: a comma too many": ("label-studio", "x.json", lambda g: g[:-1] + b",]", "broken JSON"),
    "label studio: NaN": ("label-studio", "x.json", lambda g: g.replace(b"12.5", b"NaN"), "NaN is no JSON"),
    "label studio: two arrays": ("label-studio", "x.json", lambda g: g + g, "something follows"),
    "label studio: an object": ("label-studio", "x.json", lambda g: b'{"detail": "no"}', "begins with '{'"),
    "label studio: an error page": ("label-studio", "x.json", lambda g: b"<html>502</html>", "begins with '<'"),
    "label studio: nested without end": ("label-studio", "x.json", lambda g: b"[" * 200_000, "nested too deeply"),
    "label studio: ids of annotations only": (
        "label-studio",
        "x.json",
        lambda g: tasks(g, lambda t: t.update(annotations=[1, 2])),
        "annotations are ids",
    ),
    "label studio: data of another shape": (
        "label-studio",
        "x.json",
        lambda g: tasks(g, lambda t: t.update(data=[1])),
        "no answer in the format",
    ),
    "label studio: numbers": ("label-studio", "x.json", lambda g: b"[1, 2, 3]", "it is a int"),
    "label studio: latin-1": ("label-studio", "x.json", lambda g: b'[{"data": {"text": "\xe9t\xe9"}}]', "not UTF-8"),
    "label studio: utf-16": ("label-studio", "x.json", lambda g: g.decode().encode("utf-16"), "not UTF-8"),
    "label studio: argilla's file": (
        "label-studio",
        "x.json",
        lambda g: b'[{"id": "1", "fields": {}, "responses": {}}]',
        "--format argilla",
    ),
    "label studio: another project's csv": (
        "label-studio",
        "x.csv",
        lambda g: b"a,b\n1,2\n",
        "no answer in the format",
    ),
    "label studio: a quote within a cell of its csv": (
        "label-studio",
        "x.csv",
        lambda g: b'labelaudit_id,annotation_id,label\nr0,2,"ne"g\n',
        "x.csv, line 2: ",
    ),
    "argilla: label studio's file": (
        "argilla",
        "x.json",
        lambda g: b'[{"data": {}, "annotations": []}]',
        "label-studio",
    ),
    "argilla: cut": ("argilla", "x.json", lambda g: g[:-30], "broken JSON"),
    "argilla: fields are a list": (
        "argilla",
        "x.json",
        lambda g: tasks(g, lambda t: t.update(fields=["x"])),
        "no answer in the format",
    ),
    "prodigy: a json array": (
        "prodigy",
        "x.jsonl",
        lambda g: b"[" + g.replace(b"\n", b",")[:-1] + b"]",
        "no JSON object",
    ),
    "prodigy: half a line": ("prodigy", "x.jsonl", lambda g: g[: g.rindex(b"{")] + b'{"text"', "line 4, column"),
    "prodigy: doccano's file": ("prodigy", "x.jsonl", lambda g: b'{"text": "a", "label": ["x"]}\n', "--format doccano"),
    "prodigy: a dataset without batch": (
        "prodigy",
        "x.jsonl",
        lambda g: b'{"text": "a", "answer": "accept"}\n',
        "no answer",
    ),
    "jsonl: prodigy's file": ("jsonl", "x.jsonl", lambda g: b'{"text": "a", "_task_hash": 1}\n', "--format prodigy"),
    "jsonl: line breaks inside": ("jsonl", "x.jsonl", lambda g: g.replace(b'", "', b'",\n"'), "line 1, column"),
    "jsonl: empty": ("jsonl", "x.jsonl", lambda g: b"\n \n", "is empty"),
    "jsonl: a table": ("jsonl", "x.jsonl", lambda g: b"labelaudit_id,answer,answered_at\nx,y,z\n", "--format csv"),
    "jsonl: binary": ("jsonl", "x.jsonl", lambda g: bytes(range(256)), "not UTF-8"),
    "doccano: a json array": ("doccano", "x.jsonl", lambda g: b'[{"text": "a"}]', "no JSON object"),
    "doccano: no labels": ("doccano", "x.jsonl", lambda g: b'{"text": "good"}\n', "no answer in the format doccano"),
    "doccano: no zip": ("doccano", "x.zip", lambda g: b"PK\x03\x04 but not really", "no readable zip"),
    "doccano: a zip cut": ("doccano", "x.zip", lambda g: g[: len(g) // 2], "no readable zip"),
    "doccano: a zip damaged within": ("doccano", "x.zip", lambda g: damaged(all_jsonl="x" * 99), "no readable zip"),
    "doccano: a zip of another kind": ("doccano", "x.zip", lambda g: archive(README="hello"), "There is no *.jsonl"),
    "doccano: zip slip": ("doccano", "x.zip", lambda g: archive(DOTS__DOTS__etc="x"), "points outside of the archive"),
    "cvat: zip slip": ("cvat", "x.zip", lambda g: archive(DOTS__annotations="{}"), "points outside of the archive"),
    "cvat: absolute path in a zip": ("cvat", "x.zip", lambda g: archive(__root="{}"), "points outside of the archive"),
    "cvat: broken json in a zip": ("cvat", "x.zip", lambda g: archive(annotations__a_json='{"items": '), "There is no"),
    "cvat: coco": ("cvat", "x.json", lambda g: b'{"images": [], "annotations": []}', "no document of Datumaro"),
    "cvat: items without annotations": (
        "cvat",
        "x.json",
        lambda g: json.dumps(DATUMARO | {"items": [{"id": "a"}]}).encode(),
        "no whole document",
    ),
    "cvat: a zip whose contents lie before its beginning": (
        "cvat",
        "x.zip",
        lambda g: archive(**{"a.json": "{}"})[:-6] + b"\xff\xff\xff\x7f\0\0",
        "no readable zip",
    ),
    "fiftyone: a list": ("fiftyone", "labels.json", lambda g: b"[]", "no document of FiftyOne"),
    "fiftyone: labels as a list": (
        "fiftyone",
        "labels.json",
        lambda g: b'{"classes": [], "labels": []}',
        "no labels by",
    ),
    "csv: semicolons": ("csv", "x.csv", lambda g: cells(g, None, "", "", into=";"), "save it with ','"),
    "csv: utf-16": ("csv", "x.csv", lambda g: g.decode("utf-8-sig").encode("utf-16-le"), "NUL|not UTF-8"),
    "csv: cut within a row": ("csv", "x.csv", lambda g: g[: g.rstrip().rfind(b",")], "the file ends within a row"),
    "csv: latin-1": ("csv", "x.csv", lambda g: cells(g, 1, "note", "été", encoding="latin-1"), "not UTF-8"),
    "csv: the answer column is gone": (
        "csv",
        "x.csv",
        lambda g: g.replace(b",answer,", b",anwser,"),
        "no column 'answer'",
    ),
    "csv: the id column is gone": ("csv", "x.csv", lambda g: g.replace(b"labelaudit_id", b"id"), "no column"),
    "csv: a row of bytes": ("csv", "x.csv", lambda g: g + b"\xe9,\n", "line 6, column 1: byte 0xe9"),
    "csv: a column twice": ("csv", "x.csv", lambda g: g.replace(b",note,", b",answer,"), "two columns 'answer'"),
    "csv: empty": ("csv", "x.csv", lambda g: b"", "is empty"),
    "csv: a quote left open": ("csv", "x.csv", lambda g: g + b'"r9,', "line 6"),
    "csv: cells too many": ("csv", "x.csv", lambda g: g + b",".join([b"x"] * 40) + b"\n", "40 cells"),
    "tsv: commas": ("tsv", "x.tsv", lambda g: g.replace(b"\t", b","), "--format csv"),
    "parquet: no parquet": ("parquet", "x.parquet", lambda g: b"PAR1 or so", "cannot be read as Parquet"),
    "parquet: cut": ("parquet", "x.parquet", lambda g: g[:-100], "cannot be read as Parquet"),
}

REPORTED = {
    # name: (format, name of the file, content from the good one, kind of finding, item, what the message says)
    "an item of another project": (
        "jsonl",
        "x.jsonl",
        lambda g: first(g, labelaudit_id="r9"),
        "unknown item",
        "r9",
        "no item",
    ),
    "an id that excel shortened": (
        "csv",
        "x.csv",
        lambda g: cells(g, 2, "labelaudit_id", "7"),
        "unknown item",
        "7",
        "'007'",
    ),
    "an id that excel rounded": (
        "csv",
        "x.csv",
        lambda g: cells(g, 3, "labelaudit_id", "1.00E+05"),
        "unknown item",
        "1.00E+05",
        "'1e5'",
    ),
    "an id that excel dated": (
        "csv",
        "x.csv",
        lambda g: cells(g, 1, "labelaudit_id", "03. Jan"),
        "unknown item",
        "03. Jan",
        "spreadsheet",
    ),
    "no id": ("jsonl", "x.jsonl", lambda g: first(g, labelaudit_id=None), "unknown item", "", "missing"),
    "a label with a typo": ("csv", "x.csv", lambda g: cells(g, 1, "answer", "nge"), "unknown label", "r0", "'neg'"),
    "a number for a label": ("jsonl", "x.jsonl", lambda g: first(g, labels=[3]), "unknown label", "r0", "'3'"),
    "an unknown choice": (
        "label-studio",
        "x.json",
        lambda g: tasks(g, lambda t: t["annotations"][0]["result"][0]["value"].update(choices=["maybe"])),
        "unknown label",
        "r0",
        "'maybe'",
    ),
    "an edited text": ("doccano", "x.jsonl", lambda g: first(g, text="good!"), "edited", "r0", "good!"),
    "an edited text in a table": (
        "csv",
        "x.csv",
        lambda g: cells(g, 2, "text", "bad"),
        "edited",
        "007",
        "came back changed",
    ),
    "another content hash": (
        "jsonl",
        "x.jsonl",
        lambda g: first(g, labelaudit_hash="ff"),
        "edited",
        "r0",
        "content hash",
    ),
    "another batch": (
        "jsonl",
        "x.jsonl",
        lambda g: first(g, labelaudit_batch="b-x"),
        "unknown batch",
        "r0",
        "no batch",
    ),
    "an empty answer": ("jsonl", "x.jsonl", lambda g: first(g, labels=[]), "empty", "r0", "neither a label nor"),
    "an empty result": (
        "label-studio",
        "x.json",
        lambda g: tasks(g, lambda t: t["annotations"][0].update(result=[])),
        "empty",
        "r0",
        "neither a label nor",
    ),
    "a result from a control that is no name": (
        "label-studio",
        "x.json",
        lambda g: tasks(g, lambda t: t["annotations"][0]["result"][0].update(from_name=["label"])),
        "empty",
        "r0",
        "neither a label nor",
    ),
    "half of a character": ("jsonl", "x.jsonl", lambda g: first(g, labels=["\ud83d"]), "unknown label", "r0", "\ufffd"),
    "half of a character in an array": (
        "argilla",
        "x.json",
        lambda g: tasks(g, lambda t: t["responses"]["label"][0].update(value="\ud83d")),
        "unknown label",
        "r0",
        "\ufffd",
    ),
    "a skip": (
        "label-studio",
        "x.json",
        lambda g: tasks(g, lambda t: t["annotations"][0].update(was_cancelled=True)),
        "skipped",
        "r0",
        "stays open",
    ),
    "the same twice": ("jsonl", "x.jsonl", lambda g: lines(g, lambda r: [r[0], *r]), "duplicate", "r0", "once"),
    "two answers of one person": (
        "jsonl",
        "x.jsonl",
        lambda g: lines(g, lambda r: [r[0] | {"labels": ["pos"]}, *r]),
        "replaced",
        "r0",
        "twice",
    ),
    "two labels for one": (
        "prodigy",
        "x.jsonl",
        lambda g: first(g, accept=["neg", "pos"]),
        "several choices",
        "r0",
        "fit",
    ),
    "a verdict nobody knows": (
        "csv",
        "x.csv",
        lambda g: cells(g, 1, "verdict", "excluded"),
        "unknown verdict",
        "r0",
        "exclude",
    ),
    "a label and a verdict": (
        "jsonl",
        "x.jsonl",
        lambda g: first(g, verdict="exclude"),
        "several choices",
        "r0",
        "only one",
    ),
    "a label index out of range": (
        "cvat",
        "x.json",
        lambda g: json.dumps(
            DATUMARO | {"items": [{"id": "r0", "annotations": [{"type": "label", "label_id": 9}]}]}
        ).encode(),
        "unknown label",
        "r0",
        "label 9",
    ),
    "a sample of another data set": (
        "fiftyone",
        "labels.json",
        lambda g: b'{"classes": ["neg"], "labels": {"cat": 0}}',
        "unknown item",
        "cat",
        "no item",
    ),
}


def brought(world, tmp_path, form, name, content):
    audit, answers = world
    good = answers[form].read_bytes() if form in answers else b""
    if form == "doccano" and name.endswith(".jsonl"):
        with zipfile.ZipFile(answers[form]) as file:
            good = file.read(file.namelist()[0])
    (tmp_path / name).write_bytes(content(good))
    return import_answers(audit, tmp_path / name, form, person="lea", batch_id=f"b-{form}", dry_run=True)


@pytest.mark.parametrize("name", REFUSED)
def test_a_broken_or_foreign_file_is_refused_with_a_reason(world, tmp_path, name):
    form, file, content, message = REFUSED[name]
    with pytest.raises(DataError, match=message.replace("*", r"\*").replace("{", r"\{")) as caught:
        brought(world, tmp_path, form, file, content)
    assert str(tmp_path) in str(caught.value)
    assert caught.value.fix


@pytest.mark.parametrize("name", REPORTED)
def test_a_wrong_answer_is_reported_by_name_and_the_others_count(world, tmp_path, name):
    form, file, content, kind, item_id, message = REPORTED[name]
    done = brought(world, tmp_path, form, file, content)
    found = [each for each in done.findings if each.kind == kind]
    assert [each.item_id for each in found] == [item_id]
    assert message in found[0].message
    assert found[0].where
    others = 0 if form in {"cvat", "fiftyone"} else 3
    assert done.recorded == others + (found[0].is_recorded or kind == "replaced")


@pytest.mark.parametrize("form", ["argilla", "csv", "doccano", "jsonl", "label-studio", "parquet", "prodigy", "tsv"])
def test_the_good_files_are_good(world, tmp_path, form):
    audit, answers = world
    done = import_answers(audit, answers[form], form, person="lea", batch_id=f"b-{form}", dry_run=True)
    assert (done.recorded, done.findings, done.unanswered) == (4, (), ())


def test_nothing_of_a_broken_file_is_recorded(world, tmp_path):
    audit, answers = world
    (tmp_path / "cut.json").write_bytes(answers["label-studio"].read_bytes()[:-200])
    with pytest.raises(LabelAuditError):
        import_answers(audit, tmp_path / "cut.json", "label-studio", person="lea")
    assert not (tmp_path / "in.audit" / "reviews").exists()


@pytest.mark.parametrize("form", FORMATS.names())
def test_a_folder_where_answers_should_be_is_no_fault(world, tmp_path, form):
    audit, _ = world
    (tmp_path / "answers").mkdir()
    with pytest.raises(DataError, match="answers"):
        import_answers(audit, tmp_path / "answers", form, person="lea")
