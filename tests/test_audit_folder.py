"""The audit on disk: whole, checked, and refused when damaged or newer."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import labelaudit as la
from labelaudit.errors import AuditFolderError
from labelaudit.reporting import make_report


def small_audit() -> la.Audit:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60)
    probabilities = rng.dirichlet(np.ones(3), 60).astype(np.float32)
    channel = np.where(labels == 0, "email", "chat")
    dataset = la.Dataset.from_arrays(labels, pred_probs=probabilities, groups={"channel": channel})
    return la.audit(dataset)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    small_audit().save(tmp_path / "a.audit")
    return tmp_path / "a.audit"


def test_round_trip(saved):
    before, after = small_audit(), la.load(saved)
    pd.testing.assert_frame_equal(before.items, after.items)
    assert after.classes == before.classes
    assert after.config == before.config
    assert after.fingerprint == before.fingerprint
    assert after.audit_id == before.audit_id
    assert json.dumps(after.health, sort_keys=True) == json.dumps(
        json.loads(json.dumps(dict(before.health))), sort_keys=True
    )
    assert after.statistics == before.statistics
    assert after.path == str(saved)


def test_saving_again_replaces_and_keeps_reviews(saved):
    (saved / "reviews").mkdir()
    (saved / "reviews" / "decisions").write_text("kept")
    small_audit().save(saved)
    assert (saved / "reviews" / "decisions").read_text() == "kept"
    la.load(saved)


@pytest.mark.parametrize("damaged", [False, True])
def test_saving_again_keeps_what_the_audit_did_not_write(saved, damaged):
    (saved / "data.csv").write_text("text,label\n")
    (saved / "notes").mkdir()
    (saved / "notes" / "ann.md").write_text("mine")
    if damaged:
        truncate_manifest(saved)
    small_audit().save(saved)
    assert (saved / "data.csv").read_text() == "text,label\n"
    assert (saved / "notes" / "ann.md").read_text() == "mine"
    la.load(saved)


def test_a_folder_that_is_no_audit_is_never_replaced(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("years of work")
    with pytest.raises(AuditFolderError, match="is no audit folder"):
        small_audit().save(tmp_path / "precious")
    assert (tmp_path / "precious" / "thesis.txt").read_text() == "years of work"


def remove_items(folder: Path) -> None:
    (folder / "items.parquet").unlink()


def change_items(folder: Path) -> None:
    data = bytearray((folder / "items.parquet").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "items.parquet").write_bytes(data)


def truncate_manifest(folder: Path) -> None:
    text = (folder / "audit.json").read_text()
    (folder / "audit.json").write_text(text[: len(text) // 2])


def change_manifest(folder: Path, **values: object) -> None:
    manifest = json.loads((folder / "audit.json").read_text()) | values
    del manifest["checksum"]  # as it is where it was written otherwise
    (folder / "audit.json").write_text(json.dumps(manifest))


def edit_manifest(folder: Path) -> None:
    manifest = json.loads((folder / "audit.json").read_text())
    manifest["health"]["expected_errors"] = 0.0
    (folder / "audit.json").write_text(json.dumps(manifest))


def nest_manifest(folder: Path) -> None:
    (folder / "audit.json").write_text('{"schema_version": ' + "[" * 100_000)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (edit_manifest, "audit.json was changed after it was written"),
        (nest_manifest, "audit.json cannot be read"),
        (lambda folder: change_manifest(folder, config="x"), "audit.json does not describe it"),
        (remove_items, "items.parquet is missing"),
        (change_items, "items.parquet was changed"),
        (truncate_manifest, "audit.json cannot be read"),
        (lambda folder: (folder / "audit.json").unlink(), "is no audit folder"),
        (lambda folder: change_manifest(folder, config={"folds": "x"}), "'folds' is 'x'"),
        (lambda folder: change_manifest(folder, config={"nonsense": 1}), "audit.json does not describe it"),
        (lambda folder: change_manifest(folder, classes=None), "audit.json does not describe it"),
        (lambda folder: change_manifest(folder, files=[]), "audit.json does not describe it"),
        (lambda folder: change_manifest(folder, schema_version=99), "newer labelaudit .schema 99"),
    ],
)
def test_damage_is_named(saved, damage, message):
    damage(saved)
    with pytest.raises(AuditFolderError, match=message):
        la.load(saved)


def test_missing_folder(tmp_path):
    with pytest.raises(AuditFolderError, match="does not exist"):
        la.load(tmp_path / "none.audit")


@pytest.mark.parametrize("change", [lambda health: health.pop("items"), lambda health: health.update(nonsense=1)])
def test_damaged_health_is_said_by_the_report(saved, change):
    health = dict(la.load(saved).health)
    change(health)
    change_manifest(saved, health=health)
    with pytest.raises(AuditFolderError, match="The health numbers of the audit are damaged"):
        make_report(la.load(saved))


def test_another_form_of_the_same_manifest_is_the_same_audit(saved):
    manifest = json.loads((saved / "audit.json").read_text())
    (saved / "audit.json").write_text(json.dumps(dict(reversed(manifest.items())), separators=(",", ":")))
    assert la.load(saved).fingerprint == manifest["fingerprint"]


def test_a_link_to_itself_is_no_place_for_an_audit(tmp_path):
    (tmp_path / "a.audit").symlink_to("a.audit")
    with pytest.raises(AuditFolderError, match=r"a link to a\.audit, which is not there"):
        small_audit().save(tmp_path / "a.audit")


def test_a_name_that_no_disk_takes_is_said_to_be_none(tmp_path):
    with pytest.raises(AuditFolderError, match="cannot be read: File name too long"):
        la.load(tmp_path / ("x" * 5_000))
