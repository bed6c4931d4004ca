"""What goes wrong around the command line: places that cannot be written, closed streams, narrow terminals, links."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import labelaudit as la
from labelaudit.__main__ import run
from labelaudit.errors import EngineError, ModelError, OutputError
from labelaudit.locks import held

CSV = "id,text,label\n" + "".join(
    f"t{i},{'a red warm fire' if i % 2 else 'a blue cold sea'} number {i},{'xy'[i % 2]}\n" for i in range(24)
)
QUICK = ("--folds", "2", "--calibrate", "off", "--neighbors", "0")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with data in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.csv").write_text(CSV)
    return tmp_path


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mishaps")
    (folder / "good.csv").write_text(CSV)
    assert run(["audit", str(folder / "good.csv"), "--out", str(folder / "good.audit"), *QUICK]) == 0
    return folder / "good.audit"


def process(*arguments, **options):
    command = [sys.executable, "-m", "labelaudit", *map(str, arguments)]
    return subprocess.run(command, check=False, stderr=subprocess.PIPE, text=True, timeout=120, **options)


@pytest.mark.parametrize("out", ["good.csv", "folder", "taken", "/dev/null"])
def test_what_is_no_audit_is_not_replaced_and_nothing_is_computed_first(out, here, capsys, monkeypatch):
    (here / "taken").write_text("precious")
    (here / "folder").mkdir()
    (here / "folder" / "precious.txt").touch()
    before = sorted(here.rglob("*"))
    monkeypatch.setattr("labelaudit.readers.read", lambda *a, **k: pytest.fail("the place is checked first"))
    assert run(["audit", "good.csv", "--out", out, "--overwrite"]) == 3
    assert f"{out} exists and is no audit folder." in capsys.readouterr().err
    assert sorted(here.rglob("*")) == before


def test_a_linked_file_gives_the_audit_its_own_name(here):
    (here / "store").mkdir()
    (here / "good.csv").rename(here / "store" / "0f3a")
    (here / "tickets.csv").symlink_to(here / "store" / "0f3a")
    assert run(["audit", "tickets.csv", *QUICK]) == 0
    assert (here / "tickets.audit").is_dir()


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["audit", "loop.csv"], 3, "is a link to loop.csv, which is not there."),
        (["audit", "good.csv", "--fold-group", "customer"], 2, "A column becomes one with --group."),
        (["audit", "same.csv", *QUICK], 3, "All 24 items have the same content"),
        (
            ["audit", "pure.csv", *QUICK],
            3,
            "No item can be assessed: all 12 members of class",
        ),
        (["audit", "good.csv", "--out", "x" * 300], 3, "cannot be used: File name too long."),
        (["audit", "good.csv", "--config", "."], 2, "cannot be read: Is a directory."),
        (["audit", "good.csv", "--config", "five.toml"], 2, "'read' is 5, no table."),
        (["apply", "none.audit", "--out", "x.csv"], 3, "none.audit does not exist."),
        (["decide", "none.audit", "t1", "keep"], 3, "none.audit does not exist."),
    ],
)
def test_one_clear_error(arguments, status, message, here, capsys):
    (here / "loop.csv").symlink_to("loop.csv")
    (here / "five.toml").write_text("read = 5\n")
    (here / "same.csv").write_text(
        "id,text,label\n" + "".join(f"{i},the same words,{'xy'[i % 2]}\n" for i in range(24))
    )
    (here / "pure.csv").write_text("a,label\n" + "".join(f"{'pq'[i % 2]},{'xy'[i % 2]}\n" for i in range(24)))
    before = sorted(here.rglob("*"))
    assert run(arguments) == status
    error = capsys.readouterr().err
    assert message in error
    assert error.count("Error:") == 1
    assert "Fix:" in error
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize(
    ("out", "status", "message"),
    [("no/x.csv", 3, "Cannot write no/x.csv: No such file"), ("x.xlsx", 2, "The ending of x.xlsx says no form.")],
)
def test_items_are_not_written_to_a_wrong_place(out, status, message, audited, here, capsys):
    before = sorted(here.rglob("*"))
    assert run(["items", str(audited), "--out", out]) == status
    assert message in capsys.readouterr().err
    assert sorted(here.rglob("*")) == before


def test_one_string_in_the_configuration_is_as_good_as_a_list_of_one(here):
    (here / "c.toml").write_text("[read]\ntext = 'text'\n")
    assert run(["audit", "good.csv", "--config", "c.toml", *QUICK]) == 0
    assert list(la.load("good.audit").origin.options["text"]) == ["text"]


def test_corrected_data_is_not_given_a_name_of_another_format(audited, here, capsys):
    assert run(["decide", str(audited), "t1", "keep", "--as", "ann"]) == 0
    assert run(["apply", str(audited), "--out", "clean.parquet"]) == 2
    assert "End the name with .csv." in capsys.readouterr().err
    assert not list(here.glob("clean*"))
    assert run(["apply", str(audited), "--out", "clean.csv"]) == 0


def test_more_neighbours_than_items_are_all_of_them(here):
    plain = QUICK[:4]
    for out, k in (("all.audit", "23"), ("many.audit", "1000000000")):
        assert run(["audit", "good.csv", "--out", out, "--neighbors", k, *plain]) == 0
    assert la.load("all.audit").items.equals(la.load("many.audit").items)


@pytest.mark.slow
def test_remarks_of_decoders_stay_off_the_terminal(here):
    exif = Image.Exif()
    exif[0x0112] = 6
    for k in range(12):
        (here / "photos" / "xy"[k % 2]).mkdir(parents=True, exist_ok=True)
        path = here / "photos" / "xy"[k % 2] / f"{k}.jpg"
        Image.new("RGB", (4, 4), (20 * k, 0, 0)).save(path, exif=exif)
        content = bytearray(path.read_bytes())
        content[content.index(b"Exif\0\0") + 15] = 9  # so many tags are not there: Pillow warns
        path.write_bytes(content)
    done = process("audit", "photos", *QUICK, cwd=here)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    assert "PIL" not in done.stderr


def test_the_data_is_found_from_another_folder(here, monkeypatch, capsys):
    (here / "data").mkdir()
    (here / "good.csv").rename(here / "data" / "good.csv")
    np.save(here / "vectors.npy", np.random.default_rng(0).normal(size=(24, 3)))
    assert run(["audit", "data/good.csv", "--embeddings", "vectors.npy", "--out", "good.audit", *QUICK]) == 0
    monkeypatch.chdir(here / "data")
    assert run(["decide", "../good.audit", "t1", "relabel", "x", "--as", "ann"]) == 0
    assert run(["apply", "../good.audit", "--out", "clean.csv"]) == 0
    assert "t1,a red warm fire number 1,x,y,relabel" in (here / "data" / "clean.csv").read_text()
    assert run(["rescore", "../good.audit", "--as", "ann"]) == 0
    assert run(["batch", "../good.audit", "--size", "2", "--by", "entropy", "--format", "csv", "--out", "b.csv"]) == 0
    (here / "data" / "good.csv").unlink()
    capsys.readouterr()
    assert run(["apply", "../good.audit", "--out", "gone.csv"]) == 3
    assert "The data of the audit, data/good.csv, is not there." in capsys.readouterr().err


def test_data_after_an_audit_is_read_in_the_same_way(here):
    (here / "good.csv").write_bytes(CSV.replace(",", "~").replace("warm", "wärm").encode("cp1252"))
    read_so = ("--encoding", "cp1252", "--delimiter", "~")
    assert run(["audit", "good.csv", "--out", "good.audit", *read_so, *QUICK]) == 0
    assert run(["audit", "good.csv", "--out", "again.audit", "--after", "good.audit", *QUICK]) == 0
    assert la.load("again.audit").origin.options == la.load("good.audit").origin.options


def test_decisions_that_cannot_be_taken_along_are_told_before_the_audit_is_made(here, capsys):
    for name, person in (("first.audit", "ann"), ("other.audit", "bob")):
        assert run(["audit", "good.csv", "--out", name, *QUICK]) == 0
        assert run(["decide", name, "t1", "keep", "--as", person]) == 0
    capsys.readouterr()
    again = ["audit", "good.csv", "--after", "first.audit", "--overwrite", *QUICK]
    assert run([*again, "--out", "other.audit", "--as", "ann", "--seed", "7"]) == 3
    assert "holds reviews already" in capsys.readouterr().err
    assert la.load("other.audit").config.seed == 0
    assert run([*again, "--out", "new.audit", "--as", "bob"]) != 0
    assert not (here / "new.audit").exists()


def test_decisions_in_a_database_are_taken_along_into_the_next_audit(here, capsys, monkeypatch):
    monkeypatch.setenv("LABELAUDIT_STORE", f"sqlite:///{here}/team.sqlite")
    assert run(["audit", "good.csv", "--out", "first.audit", *QUICK]) == 0
    assert run(["decide", "first.audit", "t1", "keep", "--as", "ann"]) == 0
    capsys.readouterr()
    again = ["audit", "good.csv", "--after", "first.audit", "--as", "ann", "--seed", "7", *QUICK]
    assert run([*again, "--out", "second.audit"]) == 0
    assert "1 judged items carried over" in capsys.readouterr().out
    assert la.load("second.audit").items.loc["t1", "suspicion"] == 0
    assert run(["decide", "second.audit", "t2", "keep", "--as", "ann"]) == 0
    assert run([*again, "--out", "third.audit"]) == 3
    assert "and the earlier audit is" in capsys.readouterr().err
    assert not (here / "third.audit").exists()


def test_an_audit_is_not_written_to_a_place_without_a_name(here, capsys, monkeypatch):
    assert run(["audit", "good.csv", "--out", "good.audit", *QUICK]) == 0
    monkeypatch.chdir("good.audit")
    assert run(["audit", "../good.csv", "--out", ".", "--overwrite", *QUICK]) == 2
    assert "names no folder to write" in capsys.readouterr().err


def test_a_refused_decision_is_said_once(audited, capsys):
    assert run(["decide", str(audited), "nobody", "keep", "--as", "ann"]) == 3
    error = capsys.readouterr().err
    assert error.count("The item 'nobody' is not in this audit.") == 1


def test_classes_that_differ_in_case_only_are_said(here, capsys):
    (here / "good.csv").write_text(CSV.replace(",x\n", ",X\n", 3))
    assert run(["audit", "good.csv", *QUICK]) == 0
    assert "The classes 'X' and 'x' differ in letter case or spaces only" in capsys.readouterr().err
    assert any("letter case" in note for note in la.load("good.audit").provenance["notes"])


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("command", ["items", "report"])
def test_output_to_a_full_disk_is_one_error(command, audited):
    with Path("/dev/full").open("w") as full:
        done = process(command, audited, *(("--queue", "all") if command == "items" else ()), stdout=full)
    assert done.returncode == 3
    assert "The output cannot be written: No space left on device." in done.stderr
    assert "Traceback" not in done.stderr


def test_closed_output_is_no_fault(audited):
    command = f'"{sys.executable}" -m labelaudit report "{audited}" >&-'
    done = subprocess.run(["sh", "-c", command], check=False, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("form", ["table", "csv"])
def test_texts_of_any_language_are_written_whatever_the_locale(encoding, form, here):
    (here / "good.csv").write_text(CSV.replace("warm", "größe尺寸"), encoding="utf-8")
    assert run(["audit", "good.csv", *QUICK]) == 0
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(
        [sys.executable, "-m", "labelaudit", "items", "good.audit", "--queue", "all", "--format", form],
        check=False,
        capture_output=True,
        timeout=120,
        env=environment,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert "größe尺寸" in done.stdout.decode("utf-8")


def test_a_right_that_is_missing_is_no_fault_of_ours(audited, capsys, monkeypatch):
    def refused(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("labelaudit.audit_folder.load", refused)
    assert run(["report", "secret.audit"]) == 3
    assert "secret.audit cannot be used: Permission denied." in capsys.readouterr().err


@pytest.mark.parametrize("width", [60, 80, 120])
def test_items_are_readable_at_every_width(width, tmp_path, monkeypatch, capsys):
    words = "the parcel came late and nobody told me why it did so"
    names = np.array(["a_long_name_of_a_class", "another_long_name"])
    probs = np.tile([0.9, 0.1], (20, 1))
    dataset = la.Dataset.from_arrays(
        names[np.arange(20) % 2], text=[f"{words} {k}" for k in range(20)], ids=range(20), pred_probs=probs
    )
    la.audit(dataset).save(tmp_path / "a.audit")
    monkeypatch.setenv("COLUMNS", str(width))
    assert run(["items", str(tmp_path / "a.audit"), "--queue", "all", "--limit", "2"]) == 0
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert max(map(len, lines)) <= width
    if width < 100:  # below the row; beside it the words stand among the other columns
        assert words in " ".join(" ".join(lines).split())
    assert all(head in lines[0] for head in ("Rank", "Suspicion", "Ambiguity", "Id", "Given", "Suggested"))
    assert len(lines) <= 7


def test_notes_and_names_do_not_act_on_the_terminal(audited, capsys):
    assert run(["decide", str(audited), "t2", "keep", "--note", "\x1b[31mred\x07", "--as", "ann"]) == 0
    assert run(["history", str(audited), "t2", "--as", "ann"]) == 0
    assert run(["decide", str(audited), "t3", "relabel", "\x1b[2J", "--as", "ann"]) == 3
    said = capsys.readouterr()
    assert "[31mred" in said.out
    assert not {"\x1b", "\x07"} & {*said.out, *said.err}


def test_errors_have_no_colour_where_none_is_wanted(monkeypatch, capsys):
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *a, **k: False)
    for wanted, red in (("", True), ("1", False)):
        monkeypatch.setenv("NO_COLOR", wanted)
        assert run(["report", "nowhere.audit"]) == 3
        assert ("\x1b[31m" in capsys.readouterr().err) == red


def test_a_history_without_events_says_so(audited, capsys):
    assert run(["decide", str(audited), "t4", "keep", "--as", "ann"]) == 0
    capsys.readouterr()
    assert run(["history", str(audited), "nobody", "--as", "ann"]) == 0
    assert capsys.readouterr() == ("", "Nothing fits.\n")


def test_unlabelled_and_not_assessable_items_are_counted(here, capsys):
    (here / "good.csv").write_text(CSV + "u1,a red fire,\nu2,a blue sea,lonely\n")
    assert run(["audit", "good.csv", *QUICK]) == 0
    said = capsys.readouterr()
    assert "26 items (1 unlabelled), 3 classes" in said.err
    assert "among 26 (1 not assessable)" in said.out


@pytest.mark.parametrize("suspects", [0, 1, 7])
def test_the_end_of_an_audit_says_how_many_suspects_are_expected_to_be_wrong(suspects, here, capsys):
    wrong = np.arange(200) < suspects
    np.save("labels.npy", np.arange(200) % 2)
    np.save("probs.npy", np.eye(2)[np.arange(200) % 2 ^ wrong] * 0.98 + 0.01)
    assert run(["audit", "labels.npy", "--pred-probs", "probs.npy", "--out", "few.audit"]) == 0
    first, second = capsys.readouterr().out.splitlines()[:2]
    said = {0: "0 suspect labels", 1: "1 suspect label, of which about 1 (P%) is expected to be wrong,"}
    begin = said.get(suspects, "7 suspect labels, of which about 7 (P%) are expected to be wrong,")
    assert re.sub(r"\d+%", "P%", first) == f"{begin} and 0 ambiguous items among 200."
    assert re.fullmatch(r"About (1 label is|\d+ labels are) expected to be wrong in all\.", second)


def test_a_folder_that_cannot_be_written_to_is_told_before_the_work(here, capsys, monkeypatch):
    monkeypatch.setattr("labelaudit.readers.read", lambda *a, **k: pytest.fail("the place is checked first"))
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.W_OK)  # root may write anywhere
    assert run(["audit", "good.csv"]) == 3
    assert f"The folder {here} cannot be written to." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (EngineError("A worker process was killed."), True),
        (OutputError("The disk is full."), True),
        (ModelError("It failed."), False),
    ],
)
def test_finished_folds_outlive_what_need_not_come_again(error, kept, here, capsys, monkeypatch):
    def failing(*arguments, **options):
        raise error

    monkeypatch.setattr("labelaudit.pipeline.item_table", failing)
    assert run(["audit", "good.csv", *QUICK]) == 3
    said = capsys.readouterr().err
    assert ("go on by adding --resume" in said) is kept
    assert (here / "good.audit.partial").exists() is kept
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert run(["audit", "good.csv", "--resume", *QUICK]) == 0
    assert not (here / "good.audit.partial").exists()


def test_interruption_before_the_first_fold_leaves_nothing(here, capsys, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("labelaudit.pipeline.audit", interrupted)
    assert run(["audit", "good.csv"]) == 130
    assert "Nothing was written." in capsys.readouterr().err
    assert [entry.name for entry in here.iterdir()] == ["good.csv"]


def test_a_second_run_keeps_off_the_audit_that_a_first_one_is_writing(tmp_path, sample_data, capsys):
    rows = (sample_data / "tickets.csv").read_text().splitlines()[:150]
    (tmp_path / "in.csv").write_text("\n".join(rows) + "\n")
    arguments = [
        "audit",
        str(tmp_path / "in.csv"),
        "--out",
        str(tmp_path / "in.audit"),
        "--workers",
        "1",
        "--folds",
        "2",
    ]
    partial = tmp_path / "in.audit.partial"
    with held(partial / "lock", busy=pytest.fail, create=True):
        (partial / "fold-r0-f0.npz").write_bytes(b"of the first run")
        assert run(arguments) == 3
        assert "is being written by another run of labelaudit" in capsys.readouterr().err
        assert (partial / "fold-r0-f0.npz").read_bytes() == b"of the first run"
    assert run(arguments) == 0
    assert not partial.exists()


def test_who_waited_for_a_lock_holds_the_file_that_is_there_then(tmp_path):
    file = tmp_path / "work" / "lock"
    asked, order = threading.Event(), []

    def second() -> None:
        with held(file, busy=asked.set, create=True):
            order.append("second")
            assert file.exists()

    waiter = threading.Thread(target=second)
    with held(file, busy=pytest.fail, create=True):
        waiter.start()
        assert asked.wait(10)
        file.unlink()
        file.parent.rmdir()
        order.append("first")
    waiter.join(10)
    assert order == ["first", "second"]


def test_a_suspicion_that_is_no_number_is_refused(tmp_path, sample_data, capsys):
    labels, probs = sample_data / "probs" / "labels.npy", sample_data / "probs" / "model_a.npy"
    folder = str(tmp_path / "a.audit")
    assert run(["audit", str(labels), "--pred-probs", str(probs), "--out", folder]) == 0
    assert run(["items", folder, "--min-suspicion", "nan"]) == 2
    assert "--min-suspicion is no number" in capsys.readouterr().err


def test_links_to_themselves_are_no_fault(audited, here, capsys):
    for name in ("loop.audit", "loop.csv", "loop.sqlite"):
        (here / name).symlink_to(name)
    assert run(["audit", "good.csv", "--out", "loop.audit", *QUICK]) == 3
    assert "loop.audit is a link to loop.audit, which is not there." in capsys.readouterr().err
    assert run(["batch", str(audited), "--size", "2", "--format", "csv", "--out", "loop.csv"]) == 0
    assert (here / "loop.csv").is_file()
    assert run(["decide", str(audited), "t1", "keep", "--store", "sqlite:///loop.sqlite"]) in {2, 3}
    assert "Error: " in capsys.readouterr().err
