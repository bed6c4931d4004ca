"""Two full rounds of the loop, from a raw file to compared audits: expected and true errors fall in both."""

from __future__ import annotations

import csv
import json

import pytest

from labelaudit.__main__ import run
from labelaudit.audit_folder import load
from labelaudit.formats import FORMATS
from labelaudit.readers import read
from tests.formats.tools import timestamp

pytestmark = pytest.mark.slow

SIZE = 80


def test_expected_and_true_errors_fall_in_both_rounds(tmp_path, sample_data, capsys, monkeypatch):
    monkeypatch.setenv("LABELAUDIT_PERSON", "lea")
    with (sample_data / "tickets_truth.csv").open(newline="") as file:
        truth = {row["id"]: row["true_label"] for row in csv.DictReader(file)}

    def call(*arguments):
        status = run([str(each) for each in arguments])
        captured = capsys.readouterr()
        assert status == 0, captured.err
        return captured.out

    def wrong(path):
        data = read(path, label=columns["label"], text=columns["text"], id=columns["id"])
        return sum(data.classes[label] != truth[item] for item, label in zip(data.ids, data.labels, strict=True))

    data, audit = sample_data / "tickets.csv", tmp_path / "round0.audit"
    call("audit", data, "--out", audit, "--workers", "1")
    columns = load(audit).origin.options
    errors, asked = [wrong(data)], []
    for number, form in ((1, "label-studio"), (2, "jsonl")):
        out = tmp_path / f"batch{number}{FORMATS.get(form).suffix}"
        call("batch", audit, "--size", SIZE, "--format", form, "--out", out)
        back, ids = annotate(out, form, truth)
        asked.append(ids)
        assert f"{len(ids)} answers" in call("import", audit, back, "--format", form)
        assert "0 answers" in call("import", audit, back, "--format", form)
        clean, later = tmp_path / f"round{number}.csv", tmp_path / f"round{number}.audit"
        call("apply", audit, "--out", clean)
        call("audit", clean, "--out", later, "--after", audit, "--workers", "1")
        compared = json.loads(call("compare", audit, later, "--format", "json"))
        errors.append(wrong(clean))
        assert errors[-1] == errors[-2] - len(compared["relabelled"])
        assert errors[-1] < errors[-2]
        assert compared["after"]["expected_errors"] < compared["before"]["expected_errors"]
        assert compared["common"] == len(truth)
        audit = later
    assert not asked[0] & asked[1]


def annotate(path, form, truth):
    """Answer with the truth; return the file to import and the ids of its items."""
    if form == "jsonl":
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for record in records:
            record |= {"labels": [truth[record["labelaudit_id"]]], "annotator": "bob", "seconds": 5}
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
        return path, {record["labelaudit_id"] for record in records}
    tasks = json.loads(path.read_text(encoding="utf-8"))
    for number, task in enumerate(tasks):
        choice = {"from_name": "label", "value": {"choices": [truth[task["data"]["labelaudit_id"]]]}}
        answer = {"unique_id": f"u{number}", "completed_by": {"email": "ann@example.org"}, "result": [choice]}
        task["annotations"] = [answer | {"created_at": timestamp(1_772_366_400_000), "lead_time": 4.0}]
    path.write_text(json.dumps(tasks))
    return path, {task["data"]["labelaudit_id"] for task in tasks}
