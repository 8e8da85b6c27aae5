import ast
from pathlib import Path

import errorbar
from errorbar.core import errors

SOURCE = Path(errorbar.__file__).parent

TREE = {name: getattr(errors, name) for name in errors.__all__}


def raised_names():
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and node.exc is not None:
                made = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
                yield made.attr if isinstance(made, ast.Attribute) else getattr(made, "id", "")


def test_every_error_class_is_raised_somewhere():
    leaves = {name for name, kind in TREE.items() if not kind.__subclasses__()}
    assert leaves <= set(raised_names())


def test_every_error_is_below_one_root_and_drawn_in_the_tree():
    for name, kind in TREE.items():
        assert issubclass(kind, errors.ErrorbarError)
        assert name in errors.__doc__
        for base in kind.__bases__:
            if not issubclass(base, errors.ErrorbarError) and kind is not errors.ErrorbarError:
                assert f"{name} ({base.__name__})" in errors.__doc__


def test_an_input_error_is_a_value_error():
    assert issubclass(errors.InputError, ValueError)


def test_a_missing_extra_names_the_command_that_installs_it():
    message = str(errors.MissingExtraError("pymc", "nuts"))
    assert "pymc" in message
    assert "pip install 'errorbar[nuts]'" in message
