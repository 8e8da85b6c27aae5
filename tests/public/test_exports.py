import importlib
import inspect
import pkgutil

import pytest

import errorbar


def public_rooms():
    yield "errorbar"
    for room in pkgutil.walk_packages(errorbar.__path__, "errorbar."):
        if not any(part.startswith("_") for part in room.name.split(".")):
            yield room.name


ROOMS = tuple(public_rooms())


def exported(room):
    module = importlib.import_module(room)
    return [(name, getattr(module, name)) for name in getattr(module, "__all__", ())]


def place(name):
    """Constants, then classes, then functions: the order in which ruff sorts them too."""
    if name.isupper():
        return 0, name
    return (1 if name[0].isupper() else 2), name


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_says_what_it_is(room):
    text = importlib.import_module(room).__doc__
    assert text, f"{room} has no docstring"
    assert text.strip()


@pytest.mark.parametrize("room", ROOMS)
def test_exports_are_sorted_and_exist(room):
    names = [name for name, _ in exported(room)]
    assert names == sorted(set(names), key=place)


@pytest.mark.parametrize("room", ROOMS)
def test_every_export_is_documented(room):
    bare = [
        name
        for name, thing in exported(room)
        if (inspect.isroutine(thing) or inspect.isclass(thing)) and not written_docstring(thing)
    ]
    assert not bare, f"{room} exports {bare} without a docstring"


def written_docstring(thing):
    text = inspect.getdoc(thing) or ""
    # A dataclass without a docstring is given its signature as one.
    return text and not text.startswith(f"{getattr(thing, '__name__', '')}(")
