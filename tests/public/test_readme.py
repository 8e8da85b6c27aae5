import re
import subprocess
import sys
from pathlib import Path

import pytest

import errorbar

ROOT = Path(__file__).parents[2]

# Pages whose code runs as it stands, from top to bottom, in an empty folder.
PAGES = (
    "docs/core/artifacts.md",
    "docs/core/audit.md",
    "docs/platform/evaluate.md",
    "docs/core/calibrate.md",
    "docs/core/contracts.md",
    "docs/core/measurements.md",
    "docs/platform/store.md",
)


def python_blocks(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_runs_as_it_stands(page, tmp_path):
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(python_blocks(page))],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr


def test_the_front_page_shows_one_system_in_ten_lines_and_what_it_prints(tmp_path):
    (example,) = python_blocks("README.md")
    assert len([line for line in example.splitlines() if line.strip()]) <= 10
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    shown = re.search(r"^```text\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.S | re.M)
    assert answer.stdout == shown[1]


def test_the_numbers_of_the_page_on_error_bars_are_those_of_the_code(tmp_path):
    (example,) = python_blocks("docs/core/measurements.md")
    names = {}
    exec(example, names)
    assert names["abundance"].sigma().round(3).tolist() == [0.215, 0.2]
    mean, sd = names["abundance"].moments("split-normal")
    assert mean.round(3).tolist() == [-0.248, 0.1]
    assert sd.round(3).tolist() == [0.224, 0.2]
    for shown in ("[0.215, 0.2]", "[-0.248, 0.1]", "[0.224, 0.2]"):
        assert shown in example


def test_every_link_of_the_readme_leads_to_a_file():
    for page in ("README.md", "CONTRIBUTING.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text("utf-8")):
            assert (ROOT / target).is_file(), target


def test_the_citation_names_this_version():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {errorbar.__version__}\n" in text


@pytest.mark.parametrize("command", ["demo", "test", "check", "test-all", "bench", "docs", "lock"])
def test_every_command_of_make_has_its_line_of_help_and_of_the_pages(command):
    answer = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert re.search(rf"^  make {command} +\S", answer, re.MULTILINE)
    pages = (ROOT / "docs/developing.md").read_text("utf-8")
    pages += (ROOT / "docs/installation.md").read_text("utf-8")
    assert f"`make {command}`" in pages
