"""Files and folders that are whole or not there."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from labelaudit.atomic import atomic_file, atomic_folder
from labelaudit.errors import OutputError


def test_file_appears_only_when_done(tmp_path):
    target = tmp_path / "out.txt"
    with atomic_file(target) as file:
        file.write_text("half")
        assert not target.exists()
    assert target.read_text() == "half"
    assert [p.name for p in tmp_path.iterdir()] == ["out.txt"]


def test_file_has_the_usual_rights(tmp_path):
    plain, target = tmp_path / "plain", tmp_path / "out.txt"
    plain.touch()
    with atomic_file(target) as file:
        file.write_text("x")
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt])
def test_a_fault_leaves_the_old_file(tmp_path, fault):
    target = tmp_path / "out.txt"
    target.write_text("old")
    with pytest.raises(fault), atomic_file(target) as file:
        file.write_text("new, but half")
        raise fault
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.txt"]


def test_missing_folder_is_named(tmp_path):
    with (
        pytest.raises(OutputError, match=r"Cannot write .*nowhere/out.txt: No such file"),
        atomic_file(tmp_path / "nowhere" / "out.txt"),
    ):
        pass


def test_a_relative_path_is_named_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for make in (atomic_file, atomic_folder):
        with pytest.raises(OutputError, match=r"Cannot write nowhere/out: No such file"), make("nowhere/out"):
            pass


def test_full_disk_leaves_nothing(tmp_path):
    def fill(file):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))

    with pytest.raises(OutputError, match="No space left"), atomic_file(tmp_path / "out.txt") as file:
        fill(file)
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_another_file_is_not_renamed(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_file(tmp_path / "out.txt"):
        open("/nonexistent/input.csv")  # noqa: PTH123, SIM115 -- opening fails, which is the point


def test_folder_replaces_and_keeps(tmp_path):
    target = tmp_path / "a.audit"
    target.mkdir()
    (target / "old.txt").write_text("old")
    (target / "reviews").mkdir()
    (target / "reviews" / "db").write_text("decisions")
    with atomic_folder(target, keep=("reviews",)) as folder:
        (folder / "new.txt").write_text("new")
    assert sorted(p.name for p in target.iterdir()) == ["new.txt", "reviews"]
    assert (target / "reviews" / "db").read_text() == "decisions"
    assert [p.name for p in tmp_path.iterdir()] == ["a.audit"]


def test_a_fault_leaves_the_old_folder(tmp_path):
    target = tmp_path / "a.audit"
    target.mkdir()
    (target / "old.txt").write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_folder(target) as folder:
        (folder / "new.txt").write_text("new")
        raise KeyboardInterrupt
    assert [p.name for p in target.iterdir()] == ["old.txt"]
    assert [p.name for p in tmp_path.iterdir()] == ["a.audit"]


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "out.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("there/out.txt")
    (tmp_path / "new.txt").symlink_to("there/new.txt")
    for name in ("link.txt", "new.txt"):
        with atomic_file(tmp_path / name) as file:
            file.write_text("new")
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / name).read_text() == "new"
    assert sorted(p.name for p in (tmp_path / "there").iterdir()) == ["new.txt", "out.txt"]


def test_a_link_to_a_folder_stays_and_nothing_is_left_beside_it(tmp_path):
    (tmp_path / "there" / "reviews").mkdir(parents=True)
    (tmp_path / "a.audit").symlink_to("there")
    with atomic_folder(tmp_path / "a.audit", keep=("reviews",)) as folder:
        (folder / "new.txt").write_text("new")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.audit", "there"]
    assert (tmp_path / "a.audit").is_symlink()
    assert sorted(p.name for p in (tmp_path / "there").iterdir()) == ["new.txt", "reviews"]


def test_a_pipe_is_refused_and_stays_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        with pytest.raises(OutputError, match="is a device or a pipe"), atomic_file(tmp_path / name):
            pytest.fail("refused before anything is written")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "pipe"]
