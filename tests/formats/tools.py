"""What each annotation tool makes of a batch and of the answers, by its documentation and its observed exports."""

from __future__ import annotations

import csv
import datetime as dt
import json
import zipfile
from pathlib import Path

import pyarrow.parquet as pq

from labelaudit.formats._items import image_name
from labelaudit.spreadsheet import escape_cell, restore_cell


def answer(name, batch, out, replies) -> Path:
    """Load the batch at `out` as the tool would, give the answers, and return its export."""
    return {
        "argilla": _argilla,
        "csv": _table,
        "cvat": _cvat,
        "doccano": _doccano,
        "fiftyone": _fiftyone,
        "jsonl": _jsonl,
        "label-studio": _label_studio,
        "parquet": _parquet,
        "prodigy": _prodigy,
        "tsv": _table,
    }[name](batch, Path(out), replies)


def timestamp(at):
    """Milliseconds since the epoch as ISO 8601 in UTC, as tools write it."""
    if at is None:
        return None
    return dt.datetime.fromtimestamp(at / 1000, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _load_lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def _dump_lines(path, records):
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    return path


def _table(batch, out, replies):
    """A person with a spreadsheet: a row for each opinion."""
    delimiter = "\t" if out.suffix == ".tsv" else ","
    with out.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = list(csv.reader(file, delimiter=delimiter))
    done = []
    for row in rows:
        cells = dict(zip(header, row, strict=True))
        for reply in replies.get(restore_cell(cells["labelaudit_id"]), [None]):
            if reply is not None:
                alone = reply.labels[0] if len(reply.labels) == 1 else json.dumps(reply.labels, ensure_ascii=False)
                cells |= {
                    "answer": escape_cell(alone if reply.labels else ""),
                    "verdict": reply.verdict or "",
                    "note": escape_cell(reply.note),
                    "annotator": reply.annotator,
                    "seconds": str(reply.seconds),
                    "answered_at": timestamp(reply.at),
                }
            done.append(list(cells.values()))
    back = out.with_name("back" + out.suffix)
    with back.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *done])
    return back


def _filled(record, reply):
    return record | {
        "labels": list(reply.labels),
        "verdict": reply.verdict,
        "note": reply.note,
        "annotator": reply.annotator,
        "seconds": reply.seconds,
        "answered_at": timestamp(reply.at),
    }


def _jsonl(batch, out, replies):
    records = _load_lines(out)
    done = [
        record if reply is None else _filled(record, reply)
        for record in records
        for reply in replies.get(record["labelaudit_id"], [None])
    ]
    return _dump_lines(out.with_name("back.jsonl"), done)


def _parquet(batch, out, replies):
    import pyarrow as pa

    table = pq.read_table(out)
    index = {name: k for k, name in enumerate(batch.classes)}
    done = [
        row if reply is None else _filled(row, reply) | {"labels": [index[label] for label in reply.labels]}
        for row in table.to_pylist()
        for reply in replies.get(row["labelaudit_id"], [None])
    ]
    back = out.with_name("back.parquet")
    pq.write_table(pa.Table.from_pylist(done, schema=table.schema), back)
    return back


def _label_studio(batch, out, replies):
    tasks = json.loads(out.read_text(encoding="utf-8"))
    for number, task in enumerate(tasks, start=1):
        found = replies.get(task["data"]["labelaudit_id"], [])
        task |= {
            "id": number,
            "predictions": [number] if task.get("predictions") else [],
            "annotations": [_label_studio_answer(reply, number * 10 + k) for k, reply in enumerate(found)],
        }
    back = out.with_name("export.json")
    back.write_text(json.dumps(tasks, ensure_ascii=False), encoding="utf-8")
    return back


def _label_studio_answer(reply, number):
    shared = {"to_name": "item", "type": "choices", "origin": "manual"}
    skipped = reply.verdict == "skip"
    result = [{**shared, "from_name": "label", "value": {"choices": list(reply.labels)}}] if reply.labels else []
    if reply.verdict is not None and not skipped:
        result.append({**shared, "from_name": "verdict", "value": {"choices": [reply.verdict]}})
    if reply.note:
        result.append({**shared, "type": "textarea", "from_name": "note", "value": {"text": [reply.note]}})
    return {
        "id": number,
        "unique_id": f"u-{number}",
        "completed_by": {"id": 1, "email": reply.annotator},
        "result": result,
        "was_cancelled": skipped,
        "created_at": timestamp(reply.at),
        "lead_time": reply.seconds,
        "prediction": {"model_version": "labelaudit:a-1"},
    }


def _prodigy(batch, out, replies):
    done = []
    for task in _load_lines(out):
        for reply in replies.get(task["labelaudit_id"], []):
            if reply.verdict not in {None, "skip"}:
                continue  # no place for it, as declared
            done.append(
                task
                | {
                    "accept": list(reply.labels),
                    "answer": "accept" if reply.labels else "ignore",
                    "_annotator_id": reply.annotator,
                    "_session_id": f"set-{reply.annotator}",
                    "_timestamp": reply.at / 1000,
                    "_input_hash": 1,
                    "_task_hash": 2,
                }
            )
    return _dump_lines(out.with_name("db-out.jsonl"), done)


def _doccano(batch, out, replies):
    """Export a project in which everybody answers alone: a zip with a file for each user."""
    if batch.modality == "image":
        name_of = {image_name(item): item.item_id for item in batch.items}
        examples = [(name_of[file.name], {"filename": file.name}) for file in sorted((out / "images").iterdir())]
    else:
        examples = [(record["labelaudit_id"], record) for record in _load_lines(out / "texts.jsonl")]
    files = {}
    for number, (item_id, example) in enumerate(examples, start=1):
        for reply in replies.get(item_id, []):
            comments = [reply.note] if reply.note else []
            record = example | {"id": number, "label": list(reply.labels), "Comments": comments}
            files.setdefault(reply.annotator, []).append(json.dumps(record, ensure_ascii=False))
    back = out.with_name("doccano.zip")
    with zipfile.ZipFile(back, "w") as archive:
        for user, lines in files.items():
            archive.writestr(f"{user}.jsonl", "\n".join(lines))
    return back


def _cvat(batch, out, replies):
    """CVAT keeps file names and tags; everything else of an item goes."""
    document = json.loads((out / "annotations" / "default.json").read_text(encoding="utf-8"))
    names = [label["name"] for label in document["categories"]["label"]["labels"]]
    item_of = {image_name(item): item.item_id for item in batch.items}
    for frame, item in enumerate(document["items"]):
        item["attr"] = {"frame": frame}
        found = replies.get(item_of[item["image"]["path"]], [])
        item["annotations"] = [
            {"id": k, "type": "label", "attributes": {}, "group": 0, "label_id": names.index(label)}
            for k, label in enumerate(found[-1].labels if found else ())
        ]
    back = out.with_name("cvat.zip")
    with zipfile.ZipFile(back, "w") as archive:
        archive.writestr("annotations/default.json", json.dumps(document))
    return back


def _fiftyone(batch, out, replies):
    document = json.loads((out / "labels.json").read_text(encoding="utf-8"))
    index = {name: k for k, name in enumerate(document["classes"])}
    item_of = {Path(image_name(item)).stem: item.item_id for item in batch.items}
    for stem in document["labels"]:
        found = replies.get(item_of[stem], [])
        targets = [index[label] for label in found[-1].labels] if found else []
        document["labels"][stem] = targets if len(targets) > 1 else next(iter(targets), None)
    (out / "labels.json").write_text(json.dumps(document), encoding="utf-8")
    return out


def _argilla(batch, out, replies):
    records = json.loads(out.read_text(encoding="utf-8"))
    for record in records:
        responses = {}
        for reply in replies.get(record["id"], []):
            if reply.verdict == "skip":
                continue  # a discarded response has no mark in this form, as declared
            value = list(reply.labels) if batch.several else next(iter(reply.labels), None)
            for question, given in (("label", value), ("verdict", reply.verdict), ("note", reply.note)):
                if given:
                    responses.setdefault(question, []).append({"value": given, "user_id": reply.annotator})
        record |= {"responses": responses, "status": "completed", "_server_id": "0"}
    back = out.with_name("records.json")
    back.write_text(json.dumps(records, ensure_ascii=False), encoding="utf-8")
    return back
