"""The README is true: its commands run, its links lead somewhere, and no command or exit code is missing."""

from __future__ import annotations

import html
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from labelaudit import errors
from labelaudit.cli import COMMANDS
from labelaudit.config import load_config
from tests.test_loop_document import NUMBER, alike

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "sample_data" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
RUN = re.compile(r"<!-- run -->\n```(\w+)\n(.*?)```", re.DOTALL)
BLOCKS = [(kind, code) for kind, code in RUN.findall(README)]


DRAWN_BY = "Draw it again: CONTRIBUTING.md says how"


@pytest.fixture(scope="module")
def workplace(tmp_path_factory, sample_data) -> Path:
    """A folder with a copy of the sample data, in which the README's commands run one after another."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(sample_data, folder / "sample_data")
    return folder


def run(command: list[str], folder: Path) -> None:
    # The console script of the interpreter that runs the tests, whatever is installed elsewhere.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path}
    result = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert result.returncode == 0, f"{command[-1]}\n{result.stdout[-2000:]}\n{result.stderr[-4000:]}"


@pytest.mark.slow
def test_commands_run(workplace):
    blocks = [code for kind, code in BLOCKS if kind == "bash"]
    assert len(blocks) >= 5
    for code in blocks:
        run(["bash", "-euo", "pipefail", "-c", code], workplace)


@pytest.mark.slow
def test_python_runs(workplace):
    # The blocks build on each other, as a reader takes them.
    blocks = [code for kind, code in BLOCKS if kind == "python"]
    assert len(blocks) >= 3
    run([sys.executable, "-W", "error", "-c", "\n".join(blocks)], workplace)


@pytest.mark.slow
def test_the_picture_of_the_report_says_what_the_report_says(workplace, monkeypatch):
    monkeypatch.setenv("COLUMNS", "110")  # those of the picture
    run(["labelaudit", "audit", "sample_data/tickets.csv", "--out", "picture.audit"], workplace)
    run(["labelaudit", "report", "picture.audit", "--out", "report.txt"], workplace)
    printed = (workplace / "report.txt").read_text(encoding="utf-8").splitlines()
    picture = (ROOT / "docs" / "images" / "report.svg").read_text(encoding="utf-8")
    lines: dict[str, str] = {}
    for y, words in re.findall(r'<text class="[^"]*-r\d+"[^>]* y="([^"]*)"[^>]*>(.*?)</text>', picture):
        lines[y] = lines.get(y, "") + html.unescape(words).replace("\xa0", " ")
    # Columns are set by their place and not by blanks; the first line is the command.
    _, *drawn = ["".join(line.split()) for line in lines.values() if line.strip()]
    said = ["".join(line.split()).replace("picture.audit", "tickets.audit") for line in printed if line.strip()]
    end = said.index("Classes")
    assert end > 5
    for one, other in zip(drawn[: end + 1], said[: end + 1], strict=True):
        assert NUMBER.sub("N", one) == NUMBER.sub("N", other), DRAWN_BY
        assert all(alike(float(a), float(b)) for a, b in zip(NUMBER.findall(one), NUMBER.findall(other), strict=True))


def test_configuration_is_accepted(tmp_path):
    (example,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    file = tmp_path / "labelaudit.toml"
    file.write_text(example, encoding="utf-8")
    options = load_config(file)
    written = tomllib.loads(example)
    assert {table: set(values) for table, values in options.items()} == {t: set(v) for t, v in written.items()}


@pytest.mark.parametrize("name", COMMANDS.names())
def test_every_command_is_documented_and_helps(name):
    assert f"| `labelaudit {name}` |" in README
    result = CliRunner().invoke(COMMANDS.get(name), ["--help"])
    assert result.exit_code == 0
    assert "Examples:" in result.output


def test_every_room_is_in_the_house():
    house = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rooms = [folder.name for folder in (ROOT / "labelaudit").iterdir() if (folder / "__init__.py").is_file()]
    assert [room for room in rooms if f"`{room}/`" not in house] == []


def test_no_command_is_documented_that_does_not_exist():
    blocks = "".join(re.findall(r"```bash\n(.*?)```", README, re.DOTALL))
    assert set(re.findall(r"\blabelaudit ([a-z]+)\b", blocks)) <= set(COMMANDS.names())


def test_exit_codes_are_those_of_the_error_tree():
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
    raised = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.LabelAuditError)
    }
    assert raised <= documented
    assert {0, 1, 4, 130} <= documented


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document):
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target, heading in re.findall(r"\]\(([^)#\s]*)(?:#([^)]*))?\)", text):
        if "://" not in target:
            file = document.parent / target if target else document
            assert file.exists(), target
            assert not heading or heading in headings(file), f"{target}#{heading}"


def headings(document: Path) -> set[str]:
    """Return the headings of a document as links name them."""
    found = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.casefold()).replace(" ", "-") for heading in found}


def _texts_of_blocks() -> list[str]:
    return [
        block
        for document in DOCUMENTS
        for block in re.findall(r"^```\w*\n(.*?)^```", document.read_text("utf-8"), re.M | re.S)
    ]


def _lines_of_help(command: click.Command) -> list[str]:
    mine = [command.epilog or ""]
    return sum(map(_lines_of_help, getattr(command, "commands", {}).values()), mine)


SHOWN = sorted(
    {
        re.split(r"\s{3,}| #", line.strip().removeprefix("$ "))[0].rstrip("\\ ")
        for text in (*_texts_of_blocks(), *(text for _, command in COMMANDS for text in _lines_of_help(command)))
        for line in text.replace("\\\n", " ").splitlines()
        if line.strip().removeprefix("$ ").startswith("labelaudit ")
    }
)


@pytest.mark.parametrize("line", SHOWN)
def test_every_command_line_that_is_shown_is_one(line, tmp_path, monkeypatch):
    """Its command, options and values are parsed, and nothing is run: so it also holds what needs a server."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "decisions.jsonl").touch()  # opened while it is parsed
    _, name, *arguments = shlex.split(line.split(" | ")[0])
    _parse(COMMANDS.get(name), arguments)


def _parse(command: click.Command, arguments: list[str]) -> None:
    if isinstance(command, click.Group):
        name, *arguments = arguments
        command = command.commands[name]
    if "--help" not in arguments:
        with command.make_context(command.name, arguments):
            pass
