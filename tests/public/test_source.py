"""What no file of the project may hold."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FOLDERS = (".ci", "benchmarks", "docs", "examples", "news", "src", "tests")

TEXT = {".cfg", ".cff", ".css", ".in", ".j2", ".jinja", ".lock", ".md", ".py", ".toml", ".yaml", ""}

# Loading any of these formats can run code.
PICKLES = {"cPickle", "cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}

MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:home|root|Users|work|mnt|media|scratch|tmp)/\w")


def text_files():
    top = [path for path in ROOT.iterdir() if path.is_file()]
    below = [
        path
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not {"_build", "gallery", "generated", "__pycache__"} & {*path.parts}
    ]
    return sorted(path for path in [*top, *below] if path.suffix in TEXT)


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_the_files_are_found():
    assert len(text_files()) > 50
    assert Path(__file__) in text_files()


def test_no_module_imports_a_pickle():
    guilty = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (ROOT / "src").rglob("*.py")
        for name in imports(path)
        if name.split(".")[0] in PICKLES
    ]
    assert not guilty


def test_no_file_names_a_path_of_one_machine():
    guilty = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in text_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if MACHINE_PATH.search(line)
    ]
    assert not guilty


@pytest.mark.parametrize(
    "line", ["open('/home" + "/me/data.csv')", "cd /work" + "/main", '"/tmp' + '/x"']
)
def test_a_path_of_one_machine_would_be_found(line):
    assert MACHINE_PATH.search(line)


def test_the_lock_has_a_hash_for_every_package_and_names_no_index():
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pinned = [index for index, line in enumerate(lines) if re.match(r"[a-z0-9]", line)]
    assert len(pinned) > 50
    for index in pinned:
        assert re.match(r"[a-z0-9._-]+==\S+ (; .* )?\\$", lines[index]), lines[index]
        assert "--hash=sha256:" in lines[index + 1]
    assert not [line for line in lines if "://" in line or "file:" in line or line.startswith("-")]
