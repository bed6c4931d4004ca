"""The registry: names without imports, suggestions, plugins of installed packages."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import labelaudit
from labelaudit.errors import UnknownNameError, UsageError
from labelaudit.registry import Registry

PACKAGE = Path(labelaudit.__file__).parent
FORMATS: Registry[object] = Registry("report format", "labelaudit.reporting")


def test_names_come_from_files_and_import_nothing():
    code = (
        "import sys; from labelaudit.registry import Registry; "
        "names = Registry('report format', 'labelaudit.reporting').names(); "
        "assert 'terminal' in names, names; assert 'labelaudit.reporting.terminal' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_name_suggests_the_closest():
    with pytest.raises(UnknownNameError, match=r"Unknown report format 'markdwon'\. Did you mean 'markdown'\?"):
        FORMATS.get("markdwon")


def test_a_plugin_is_imported_once():
    assert FORMATS.get("json") is FORMATS.get("json")


def test_names_with_dashes_are_known_with_underscores_too():
    registry: Registry[object] = Registry("strategy", "labelaudit.selection", dashed=True)
    assert "k-center" in registry.names()
    assert registry.get("k-center") is registry.get("k_center")
    with pytest.raises(UnknownNameError, match="Did you mean 'k-center'"):
        registry.get("k_centre")


def entry_point(monkeypatch, value: str) -> None:
    point = metadata.EntryPoint(name="extra", value=value, group="labelaudit.reporting")
    monkeypatch.setattr(metadata, "entry_points", lambda group: [point] if group == "labelaudit.reporting" else [])


def test_an_installed_package_adds_a_plugin(monkeypatch):
    entry_point(monkeypatch, "labelaudit.reporting.json:PLUGIN")
    registry: Registry[object] = Registry("report format", "labelaudit.reporting")
    assert "extra" in registry.names()
    assert registry.get("extra") is registry.get("json")


def test_a_broken_plugin_is_named(monkeypatch):
    entry_point(monkeypatch, "no_such_package.module:PLUGIN")
    with pytest.raises(UsageError, match=r"'extra'.*no_such_package"):
        Registry("report format", "labelaudit.reporting").get("extra")


def test_a_plugin_of_the_wrong_kind_is_refused(monkeypatch):
    from labelaudit.reporting import ReportFormat

    entry_point(monkeypatch, "labelaudit.errors:LabelAuditError")
    with pytest.raises(UsageError, match="no report format"):
        Registry("report format", "labelaudit.reporting", ReportFormat).get("extra")


PLUGIN_FOLDERS = (
    "classifiers",
    "cli",
    "corrected",
    "encoders",
    "engines",
    "formats",
    "readers",
    "reporting",
    "scores",
    "selection",
)


@pytest.mark.parametrize("folder", PLUGIN_FOLDERS)
def test_plugins_do_not_import_their_siblings(folder):
    files = {
        file.stem: file for file in (PACKAGE / folder).glob("*.py") if not file.stem.startswith("_")
    }  # what they share is in files whose names begin with _
    assert files
    siblings = {f"labelaudit.{folder}.{name}" for name in files}
    for name, file in files.items():
        assert not imported_by(file) & (siblings - {f"labelaudit.{folder}.{name}"}), file


def test_every_registry_is_held_to_it():
    code = "".join(file.read_text(encoding="utf-8") for file in PACKAGE.rglob("*.py"))
    assert set(re.findall(r'Registry\[.*\("[\w ]+", "labelaudit\.(\w+)"', code)) == set(PLUGIN_FOLDERS)


def imported_by(file: Path) -> set[str]:
    """Modules that a file may import, at its top or in a function; `from a import b` counts as a and as a.b."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found
