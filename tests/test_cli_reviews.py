"""The review store from the command line."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from labelaudit.__main__ import run
from labelaudit.readers import read
from tests.test_corrected import CSV, audit_of


@pytest.fixture
def audit(tmp_path, monkeypatch):
    """An audit of seven texts; everybody is ann unless said otherwise."""
    monkeypatch.setenv("LABELAUDIT_PERSON", "ann")
    (tmp_path / "in.csv").write_bytes(CSV.encode())
    audit_of(read(tmp_path / "in.csv", label="label", text=("text",), id="id"), tmp_path / "in.audit")
    return str(tmp_path / "in.audit")


@pytest.fixture
def labelaudit(capsys):
    """Run a command; return its exit status, output and messages."""

    def call(*arguments):
        status = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def test_a_day_of_reviewing(audit, labelaudit, tmp_path):
    assert labelaudit("decide", audit, "a", "relabel", "pos", "--note", "clear")[1].startswith(
        "Recorded relabel pos: a (id "
    )
    assert labelaudit("people", "add", audit, "bob") == (0, "bob is a reviewer.\n", "")
    assert labelaudit("decide", audit, "b", "keep", "--as", "bob")[0] == 0
    assert labelaudit("decide", audit, "--undo", "--as", "bob")[0] == 0
    assert labelaudit("decide", audit, "--redo", "--as", "bob")[0] == 0
    status, out, _ = labelaudit("history", audit, "--format", "jsonl", "--by", "bob")
    assert (status, [json.loads(line)["action"] for line in out.splitlines()]) == (0, ["redo", "undo", "decide"])
    status, out, _ = labelaudit("history", audit, "a")
    assert status == 0
    assert "relabel pos" in out
    assert "clear" in out
    assert "fingerprint" not in labelaudit("history", audit)[1]
    assert "fingerprint" in labelaudit("history", audit, "--format", "jsonl")[1]
    status, out, _ = labelaudit("people", "statistics", audit)
    assert status == 0
    assert "Krippendorff's alpha of all: –" in out
    assert "Of ann, bob it cannot be told who always takes the suggestion, or always keeps the label" in out
    status, out, _ = labelaudit("apply", audit, "--out", tmp_path / "out.csv")
    assert status == 0
    assert "2 items decided: 1 label changed, 0 items left out." in out.replace("\n", " ")
    assert "a,pos,neg,relabel," in (tmp_path / "out.csv").read_text(encoding="utf-8-sig")


def test_decisions_from_a_file_count_once(audit, labelaudit, tmp_path):
    lines = [
        {"item_id": "a", "verdict": "relabel", "labels": ["pos"]},
        {"item_id": "b", "verdict": "keep", "id": "mine-1"},
        {"item_id": "nowhere", "verdict": "keep"},
    ]
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, lines)))
    status, out, err = labelaudit("decide", audit, "--from", tmp_path / "d.jsonl")
    assert (status, out) == (3, "2 recorded, 0 known before, 1 refused\n")
    assert "'nowhere' is not in this audit" in err
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, lines[:2])))
    status, out, _ = labelaudit("decide", audit, "--from", tmp_path / "d.jsonl")
    assert (status, out) == (0, "0 recorded, 2 known before, 0 refused\n")
    (tmp_path / "d.jsonl").write_text('{"item_id": "a"}')
    status, _, err = labelaudit("decide", audit, "--from", tmp_path / "d.jsonl")
    assert status == 3
    assert "line 1: this is no decision" in err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"item_id": "a", "verdict": "keep", "note": 5}', "labels are a list of strings, all else is a string"),
        (b'{"item_id": 5, "verdict": "keep"}', "all else is a string"),
        (b'{"item_id": "a", "verdict": "keep", "id": 7}', "all else is a string"),
        (b'{"item_id": "a", "verdict": "relabel", "labels": [3]}', "labels are a list of strings"),
        (b'{"item_id": "a", "verdict": "relabel", "labels": "pos"}', "labels are a list of strings"),
        (b'{"item_id": "a", "verdict": "kepe"}', "Did you mean 'keep'"),
        (b'{"item_id": "a", "verdict": "keep", "note": "\xe9"}', "in UTF-8"),
        (b"[1]", "this is no decision"),
    ],
)
def test_a_line_that_is_no_decision_is_named_and_nothing_recorded(audit, labelaudit, tmp_path, line, message):
    (tmp_path / "d.jsonl").write_bytes(b'\xef\xbb\xbf{"item_id": "b", "verdict": "keep", "note": null}\n' + line)
    status, _, err = labelaudit("decide", audit, "--from", tmp_path / "d.jsonl")
    assert (status, "d.jsonl, line 2: " in err, message in err) == (3, True, True), err
    assert "decide" not in labelaudit("history", audit)[1]


def test_a_decision_is_taken_back_by_the_id_that_history_shows(audit, labelaudit):
    for item in "ab":
        labelaudit("decide", audit, item, "exclude")
    shown = labelaudit("history", audit, "a")[1].split()[-1]
    assert len(shown) == 8
    assert labelaudit("decide", audit, "--undo", "--target", shown)[1].startswith("Taken back: a (id ")
    assert labelaudit("decide", audit, "--redo")[1].startswith("Brought back: a (id ")
    assert labelaudit("decide", audit, "--undo", "--target", shown[:3])[0] == 3


def test_care_of_the_store(audit, labelaudit, tmp_path):
    labelaudit("decide", audit, "a", "exclude")
    status, out, _ = labelaudit("store", "verify", audit)
    assert status == 0
    assert "3 events, all whole" in out
    head = out.split()[-1]
    labelaudit("decide", audit, "b", "keep")
    assert labelaudit("store", "verify", audit, "--head", head)[0] == 0
    assert labelaudit("store", "verify", audit, "--head", "f" * 64)[0] == 3
    assert labelaudit("store", "rebuild", audit)[0] == 0
    status, out, _ = labelaudit("store", "backup", audit, "--to", tmp_path / "copies")
    assert (status, out.strip()) == (0, str(next((tmp_path / "copies").iterdir())))
    assert labelaudit("store", "export", audit, tmp_path / "log.jsonl")[0] == 0
    shutil.rmtree(f"{audit}/reviews")
    assert labelaudit("store", "restore", audit, tmp_path / "log.jsonl")[:2] == (0, "4 events restored.\n")
    assert "4 events, all whole" in labelaudit("store", "verify", audit)[1]


def test_the_place_of_a_copy_is_named_as_it_is_to_be_given(audit, labelaudit, tmp_path):
    labelaudit("decide", audit, "a", "exclude")
    _, out, _ = labelaudit("store", "copy-to", audit, f"sqlite:///{tmp_path}/moved.sqlite")
    place = out.split("--store '")[1].split("'")[0]
    assert "3 events" in labelaudit("store", "verify", audit, "--store", place)[1]


@pytest.mark.slow
def test_a_store_moves_to_postgres_and_works_there(audit, labelaudit, postgres, monkeypatch, tmp_path):
    labelaudit("decide", audit, "a", "exclude")
    url = postgres.new_store()
    status, out, _ = labelaudit("store", "copy-to", audit, url)
    assert status == 0
    assert "3 events copied and verified" in out
    monkeypatch.setenv("LABELAUDIT_STORE", url)
    assert labelaudit("decide", audit, "b", "keep")[0] == 0
    assert "4 events" in labelaudit("store", "verify", audit)[1]
    assert labelaudit("store", "copy-to", audit, f"sqlite:///{tmp_path}/back.sqlite")[0] == 0
    assert labelaudit("store", "copy-to", audit, url)[0] == 3


def test_roles_rules_and_parts(audit, labelaudit):
    labelaudit("decide", audit, "a", "keep")
    labelaudit("people", "add", audit, "bob")
    assert labelaudit("people", "rules", audit, "--opinions", "2", "--blind-first")[0] == 0
    _, out, _ = labelaudit("people", "rules", audit)
    assert out.splitlines()[:2] == ["opinions 2 on 100% of the items", "suggestion hidden until chosen"]
    assert labelaudit("people", "assign", audit, "bob", "--class", "neg")[0] == 0
    assert "class neg" in labelaudit("people", "list", audit)[1]
    assert labelaudit("decide", audit, "b", "keep", "--gold")[0] == 0
    assert labelaudit("decide", audit, "c", "keep", "--adjudicate", "--as", "bob")[0] == 3
    assert labelaudit("people", "remove", audit, "bob")[0] == 0
    assert labelaudit("decide", audit, "c", "keep", "--as", "bob")[0] == 3


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("decide", "AUDIT"), 2, "Give an item and a verdict"),
        (("decide", "AUDIT", "a"), 2, "Give a verdict"),
        (("decide", "AUDIT", "a", "kepe"), 2, "Did you mean 'keep'"),
        (("decide", "AUDIT", "a", "relabel", "posi"), 3, "no class 'posi'. Did you mean 'pos'?"),
        (("decide", "AUDIT", "zzz", "keep"), 3, "not in this audit"),
        (("decide", "AUDIT", "z\udcff", "keep"), 3, "not in this audit"),
        (("decide", "AUDIT", "a", "keep", "--as", "stranger"), 3, "Unknown person 'stranger'"),
        (("decide", "nowhere.audit", "a", "keep"), 3, "does not exist"),
        (("history", "AUDIT", "--limit", str(2**70)), 2, "is not in the range"),
        (("history", "nowhere.audit"), 3, "There is no audit folder nowhere.audit"),
        (("people", "add", "AUDIT", "bob", "--role", "boss"), 2, "Unknown role 'boss'"),
        (("people", "remove", "AUDIT", "nan"), 2, "Did you mean 'ann'"),
        (("people", "assign", "AUDIT", "ann"), 2, "Give --class or --slice"),
        (("people", "AUDIT"), 2, "The command comes before"),
        (("store", "AUDIT", "verify"), 2, "as in: labelaudit store verify"),
        (("people", "lst", "AUDIT"), 2, "No such command 'lst'"),
        (("store", "restore", "AUDIT", "nowhere.jsonl"), 3, "cannot be read"),
        (("store", "copy-to", "AUDIT", "mysql://x/y"), 2, "cannot live in 'mysql'"),
        (("review", "AUDIT", "--headless", "--store", "mysql://x/y"), 2, "cannot live in 'mysql'"),
        (("review", "AUDIT", "--headless", "--address", "192.0.2.1"), 2, "cannot be served at 192.0.2.1, port 8501"),
        (("review", "AUDIT", "--headless", "--address", "no.such.host.invalid"), 2, "cannot be served at no.such"),
        (("apply", "AUDIT", "--out", "/no/such/folder/out.csv"), 3, "does not exist"),
        (("apply", "AUDIT", "--out", "."), 2, "names no file or folder"),
    ],
)
def test_mistakes_are_answered_in_words(audit, labelaudit, arguments, status, message):
    labelaudit("decide", audit, "g", "keep")
    found, _, err = labelaudit(*(audit if argument == "AUDIT" else argument for argument in arguments))
    assert (found, message in err) == (status, True), err
    assert "Traceback" not in err


def test_a_port_in_use_is_told_before_a_server_is_started(audit, labelaudit):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        status, out, err = labelaudit("review", audit, "--headless", "--port", port)
    assert (status, out) == (2, "")
    assert f"cannot be served at 127.0.0.1, port {port}: Address already in use" in err


def test_any_free_port_is_a_port_that_can_be_opened(monkeypatch, audit, labelaudit):
    started = []

    class Server:
        def __init__(self, command, **_):
            started.append(command)

        def wait(self):
            return 0

    monkeypatch.setattr("subprocess.Popen", Server)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    status, out, _ = labelaudit("review", audit, "--headless", "--port", "0")
    port = out.split("localhost:")[1].split()[0]
    assert (status, int(port) > 0) == (0, True)
    assert started[0][started[0].index("--server.port") + 1] == port


@pytest.mark.slow
def test_a_server_starts_where_nobody_has_used_streamlit_yet_and_nothing_can_be_typed(audit, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = tmp_path / "log.txt"
    # Not headless, as the first command of the README: a home without files, and a browser that does nothing.
    environment = os.environ | {"HOME": str(tmp_path), "BROWSER": "true"}
    command = [sys.executable, "-m", "labelaudit", "review", str(audit), "--port", str(port)]
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environment)
    try:
        assert is_served(f"http://127.0.0.1:{port}/_stcore/health", process), log.read_text()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()


def is_served(address, process):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return True
        except OSError:
            time.sleep(0.1)
    return False
