"""The loop from the command line: batch, import, status, apply, audit again, compare."""

from __future__ import annotations

import csv
import json
import subprocess
import sys

import pytest

from labelaudit.__main__ import run
from labelaudit.batches import choosing, records
from tests.test_loop import answered, audit, sent, source

__all__ = ["audit", "source"]


def test_the_command_says_how_many_items_wait_for_a_lead(audit, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("LABELAUDIT_PERSON", "lea")
    _, path = sent(audit, tmp_path)
    both = [{"labels": ["neg"], "annotator": "ann"}, {"labels": ["pos"], "annotator": "bob"}]
    back = answered(path, {"r0": both, "r1": both[:1]})
    assert run(["import", str(audit.path), str(back), "--format", "jsonl", "--dry-run"]) == 0
    assert "Waiting" not in capsys.readouterr().out
    assert run(["import", str(audit.path), str(back), "--format", "jsonl"]) == 0
    assert (
        "for a lead where people disagree: 1 of the answered items.\nSee them with: labelaudit"
        in capsys.readouterr().out
    )


def test_a_round_from_the_command_line(tmp_path, sample_data, capsys, monkeypatch):
    monkeypatch.setenv("LABELAUDIT_PERSON", "lea")
    rows = (sample_data / "tickets.csv").read_text().splitlines()[:150]
    (tmp_path / "in.csv").write_text("\n".join(rows) + "\n")
    audit, batch = tmp_path / "in.audit", tmp_path / "batch.csv"

    def call(*arguments):
        status = run([str(each) for each in arguments])
        captured = capsys.readouterr()
        assert status == 0, captured.err
        return captured.out + captured.err

    call("audit", tmp_path / "in.csv", "--out", audit, "--workers", "1", "--folds", "2")
    assert "No batch yet" in call("status", audit)
    out = call("batch", audit, "--size", "12", "--random", "25%", "--format", "csv", "--out", batch)
    assert "12 items" in out
    assert "3 random" in out
    assert "The random share costs about" in out
    with batch.open(encoding="utf-8-sig", newline="") as file:
        header, *lines = list(csv.reader(file))
    for place, line in enumerate(lines):
        line[header.index("answer")] = line[header.index("suggested_label")] or line[header.index("given_label")]
        line[header.index("annotator")] = "ann"
        line[header.index("seconds")] = "4" if place % 3 else ""  # the pace is that of the answers with a time
    with batch.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([header, *lines])
    assert "12 answers of b-" in call("import", audit, batch, "--format", "csv", "--dry-run")
    assert "recorded, 0 known before; 0 items have no answer" in call("import", audit, batch, "--format", "csv")
    assert "0 answers" in call("import", audit, batch, "--format", "csv")
    status = json.loads(call("status", audit, "--format", "json"))[0]
    assert (status["items"], status["answered"], status["people"]) == (12, 12, ["ann"])
    assert "ann" in call("status", audit)
    out = call("batch", audit, "--minutes", "1", "--format", "label-studio", "--out", tmp_path / "more.json")
    assert "At 4.0 seconds an answer: 15 items." in out
    assert "It replaces" not in call("batch", audit, "--size", "4", "--format", "csv", "--out", batch, "--overwrite")
    out = call("batch", audit, "--size", "4", "--format", "csv", "--out", batch, "--overwrite")
    assert out.count("It replaces the batch b-") == 1
    withdrawn = out.rpartition("--withdraw ")[2].strip()
    assert "(withdrawn)" in call("status", audit, "--withdraw", withdrawn)
    assert "It replaces" not in call("batch", audit, "--size", "3", "--format", "csv", "--out", tmp_path / "3.csv")
    call("apply", audit, "--out", tmp_path / "clean.csv")
    clean = tmp_path / "clean.audit"
    out = call("audit", tmp_path / "clean.csv", "--out", clean, "--after", audit, "--workers", "1", "--folds", "2")
    assert "12 judged items carried over; 0 changed" in out
    assert "labels changed" in call("compare", audit, clean)
    assert "| | before | after |" in call("compare", audit, clean, "--format", "markdown")
    assert json.loads(call("compare", audit, clean, "--format", "json"))["before"]["items"] > 0
    call("compare", audit, clean, "--out", tmp_path / "c.txt")
    assert "Suspect labels" in (tmp_path / "c.txt").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("batch", "AUDIT", "--format", "csv", "--out", "x.csv"), "Give one of --size, --minutes and --money"),
        (("batch", "AUDIT", "--size", "3", "--format", "cvs", "--out", "x"), "Did you mean 'csv'"),
        (("batch", "AUDIT", "--size", "3", "--format", "csv", "--out", "x", "--mix", "suspects"), "is no pair"),
        (("batch", "AUDIT", "--size", "3", "--format", "csv", "--out", "x", "--mix", "supects=1"), "has no part"),
        (("batch", "AUDIT", "--size", "3", "--format", "csv", "--out", "x", "--mix", "suspects=x"), "is no number"),
        (("batch", "AUDIT", "--size", "3", "--format", "csv", "--out", "x", "--random", "110%"), "is no share"),
        (("batch", "AUDIT", "--minutes", "3", "--format", "csv", "--out", "x"), "give it with --seconds"),
        (("batch", "AUDIT", "--size", "3", "--format", "csv", "--out", "x", "--queue", "all"), "Unknown queue 'all'"),
        (("batch", "AUDIT", "--size", "3", "--format", "csv", "--out", "x", "--queue", "skipped"), "No item is in the"),
        (("status", "AUDIT", "--withdraw", "b-7"), "Unknown batch 'b-7'"),
        (("batch", "AUDIT", "--money", "3", "--format", "csv", "--out", "x"), "--per-hour"),
        (("batch", "AUDIT", "--minutes", "1", "--seconds", "90", "--format", "csv", "--out", "x"), "not enough"),
        (
            ("batch", "AUDIT", "--minutes", "inf", "--seconds", "9", "--format", "csv", "--out", "x"),
            "no number of items",
        ),
        (
            ("batch", "AUDIT", "--minutes", "1", "--seconds", "nan", "--format", "csv", "--out", "x"),
            "no number of items",
        ),
        (("import", "AUDIT", "nowhere.csv", "--format", "csv"), "has no batch"),
        (("import", "AUDIT", "nowhere.csv", "--format", "csv", "--person", "7"), "THEIRS=OURS"),
        (("status", "nowhere.audit"), "does not exist"),
        (("compare", "AUDIT", "nowhere.audit"), "does not exist"),
    ],
)
def test_mistakes_on_the_command_line_are_answered_in_words(audit, capsys, monkeypatch, arguments, message):
    monkeypatch.setenv("LABELAUDIT_PERSON", "lea")
    status = run([audit.path if each == "AUDIT" else each for each in arguments])
    err = capsys.readouterr().err
    assert status in {2, 3}
    assert message in err
    assert "Traceback" not in err


def test_batches_chosen_at_the_same_moment_share_no_items(sample_data, tmp_path):
    rows = (sample_data / "tickets.csv").read_text().splitlines()[:150]
    (tmp_path / "in.csv").write_text("\n".join(rows) + "\n")
    folder = tmp_path / "in.audit"
    assert run(["audit", str(tmp_path / "in.csv"), "--out", str(folder), "--workers", "1", "--folds", "2"]) == 0
    arguments = ["batch", str(folder), "--size", "5", "--format", "jsonl", "--out"]
    with choosing(folder):  # both have started before either may look
        running = [
            subprocess.Popen(
                [sys.executable, "-m", "labelaudit", *arguments, str(tmp_path / f"{name}.jsonl")],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            for name in ("one", "two")
        ]
        for process in running:
            assert process.stderr.readline() == "Waiting for another batch of this audit ...\n"
    for process in running:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    first, second = ({item.item_id for item in record.batch.items} for record in records(folder).values())
    assert len(first) == len(second) == 5
    assert not first & second


def test_an_audit_that_cannot_be_written_to_is_not_waited_for(tmp_path):
    with choosing(tmp_path / "nowhere"), choosing(tmp_path / "nowhere"):
        pass
