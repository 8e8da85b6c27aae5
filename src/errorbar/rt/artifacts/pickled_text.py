"""Text out of a pickled numpy array of strings, without unpickling.

Files of CompAssign keep names as arrays of objects, which numpy pickles. Here the opcodes are read
one by one by a machine that knows only what numpy writes for an array of text: it makes no object,
imports nothing and calls nothing. Whatever else stands in the file is refused by its name.
"""

import pickletools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from errorbar.core.errors import ArtifactError

__all__ = ["LARGEST", "pickled_text"]

# Bytes of a pickle of names; a thousand names are some ten thousand bytes.
LARGEST = 2**22

_RECONSTRUCT = ("numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct")
_SCALAR = ("numpy.core.multiarray scalar", "numpy._core.multiarray scalar")
_GLOBALS = frozenset((*_RECONSTRUCT, *_SCALAR, "numpy ndarray", "numpy dtype", "_codecs encode"))
_CONSTANTS: Mapping[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES = frozenset(
    ("BININT", "BININT1", "BININT2", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES")
    + ("SHORT_BINBYTES",)
)
_SHORT_TUPLES: Mapping[str, int] = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def pickled_text(data: bytes) -> tuple[list[str], tuple[int, ...]]:
    """The strings and the shape of the array of strings that `data` is a pickle of."""
    if len(data) > LARGEST:
        raise ArtifactError(
            f"its pickled text is larger than {LARGEST} bytes, and names are never that long."
        )
    machine = _Machine()
    try:
        for code, arg, _ in pickletools.genops(data):
            if code.name == "STOP":
                return machine.text()
            machine.step(code.name, arg)
    except ArtifactError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise ArtifactError(
            f"its pickled text cannot be read ({type(error).__name__}): it is cut short or damaged."
        ) from error
    raise ArtifactError("its pickled text is cut short.")


@dataclass(frozen=True, slots=True)
class _Named:
    """A name that the pickle mentions: never looked up."""

    name: str


@dataclass(slots=True)
class _Described:
    """A type of numpy: that of objects, or that of text of some length in some order of bytes."""

    code: str
    order: str = "<"


@dataclass(slots=True)
class _Array:
    """An array that is being described."""

    shape: tuple[int, ...] = ()
    items: list[Any] | None = None


_MARK = _Named("mark")
_TEXT = re.compile(r"O8|U\d+")


@dataclass(slots=True)
class _Machine:
    """The stack and the memo of a pickle, holding plain text, numbers and what is above."""

    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def step(self, name: str, arg: Any) -> None:
        """One opcode."""
        if name in _VALUES:
            self.stack.append(arg)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _SHORT_TUPLES:
            self.stack.append(tuple(self._last(_SHORT_TUPLES[name])))
        elif name in _STEPS:
            _STEPS[name](self, arg)
        else:
            raise ArtifactError(
                f"its pickle uses {name}, which an array of text does not need: it may be made to "
                "run code, and is refused."
            )

    def text(self) -> tuple[list[str], tuple[int, ...]]:
        """What the pickle was, once it is whole."""
        (array,) = self.stack
        if not isinstance(array, _Array) or array.items is None:
            raise ArtifactError("its pickle is not an array of text.")
        odd = [type(item).__name__ for item in array.items if not isinstance(item, str)]
        if odd:
            raise ArtifactError(
                f"its pickled array holds {len(odd)} things that are not text, first a {odd[0]}."
            )
        return list(array.items), array.shape

    def mark(self, _: Any) -> None:
        self.stack.append(_MARK)

    def name_one(self, arg: str) -> None:
        if arg not in _GLOBALS:
            raise ArtifactError(
                f"its pickle asks for {arg.replace(' ', '.')}, and an array of text needs nothing "
                "but numpy's own parts: it may be made to run code, and is refused."
            )
        self.stack.append(_Named(arg))

    def name_two(self, _: Any) -> None:
        module, name = self._last(2)
        if not (isinstance(module, str) and isinstance(name, str)):
            raise ArtifactError("its pickle asks for something that has no name.")
        self.name_one(f"{module} {name}")

    def keep(self, place: int) -> None:
        self.memo[place] = self.stack[-1]

    def keep_next(self, _: Any) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def recall(self, place: int) -> None:
        self.stack.append(self.memo[place])

    def skip(self, _: Any) -> None:
        """Opcodes about the pickle itself."""

    def new_list(self, _: Any) -> None:
        self.stack.append([])

    def append(self, _: Any) -> None:
        (item,) = self._last(1)
        self._list().append(item)

    def append_all(self, _: Any) -> None:
        items = self._marked()
        self._list().extend(items)

    def long_tuple(self, _: Any) -> None:
        self.stack.append(tuple(self._marked()))

    def call(self, _: Any) -> None:
        """The four calls that numpy's pickles make, as descriptions of their results."""
        called, args = self._last(2)
        name = called.name if isinstance(called, _Named) else ""
        if name in _RECONSTRUCT and args == (_Named("numpy ndarray"), (0,), b"b"):
            self.stack.append(_Array())
        elif name == "numpy dtype" and args[1:] == (False, True) and _TEXT.fullmatch(args[0]):
            self.stack.append(_Described(args[0]))
        elif name == "_codecs encode" and args[1:] == ("latin1",):
            self.stack.append(args[0].encode("latin1"))
        elif name in _SCALAR and isinstance(args[0], _Described) and args[0].code != "O8":
            # Text that is numpy's own, such as an item of a list of column names.
            kind, raw = args
            text = raw.decode("utf-32-be" if kind.order == ">" else "utf-32-le")
            self.stack.append(text.rstrip("\0"))
        else:
            raise ArtifactError(
                f"its pickle calls {name.replace(' ', '.') or 'something'} in a way that an array "
                "of text does not: it may be made to run code, and is refused."
            )

    def build(self, _: Any) -> None:
        (state,) = self._last(1)
        held = self.stack[-1]
        if isinstance(held, _Array) and held.items is None:
            _, shape, kind, _, items = state
            if (
                isinstance(kind, _Described)
                and kind.code == "O8"
                and isinstance(items, list)
                and _is_shape(shape)
            ):
                held.shape, held.items = shape, items
                return
        elif isinstance(held, _Described) and isinstance(state, tuple):
            held.order = str(state[1])
            return
        raise ArtifactError("its pickle sets something other than an array of text.")

    def _last(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise IndexError("stack")
        cut = len(self.stack) - count
        taken = self.stack[cut:]
        del self.stack[cut:]
        return taken

    def _marked(self) -> list[Any]:
        count = next(i for i, item in enumerate(reversed(self.stack)) if item is _MARK)
        return self._last(count + 1)[1:]

    def _list(self) -> list[Any]:
        held = self.stack[-1]
        if not isinstance(held, list):
            raise ArtifactError("its pickle adds to something that is not a list.")
        return held


def _is_shape(shape: object) -> bool:
    return isinstance(shape, tuple) and all(type(length) is int for length in shape)


_STEPS: Mapping[str, Callable[[_Machine, Any], None]] = {
    "APPEND": _Machine.append,
    "APPENDS": _Machine.append_all,
    "BINGET": _Machine.recall,
    "BINPUT": _Machine.keep,
    "BUILD": _Machine.build,
    "EMPTY_LIST": _Machine.new_list,
    "FRAME": _Machine.skip,
    "GLOBAL": _Machine.name_one,
    "LONG_BINGET": _Machine.recall,
    "LONG_BINPUT": _Machine.keep,
    "MARK": _Machine.mark,
    "MEMOIZE": _Machine.keep_next,
    "PROTO": _Machine.skip,
    "REDUCE": _Machine.call,
    "STACK_GLOBAL": _Machine.name_two,
    "TUPLE": _Machine.long_tuple,
}
