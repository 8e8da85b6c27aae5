# pyright: basic
# Numba and LLVM make their types at run time.
"""A vector of numbers in one register, for Numba: `V = load(array, i)`, `fma(x, y, z)`, …

Numba turns loops into vector code only where LLVM can prove that it may, and then chooses the
tile itself. A type whose value *is* an LLVM vector lets a kernel say which numbers stay in
registers. No operation here may be reordered: a kernel gives the same bits on every call.

The width is that of the machine's registers (64 bytes with AVX-512, 32 with AVX2, else 16), so one
compiled function belongs to one kind of processor. Numba's cache key holds the processor's name
and features: a cache that two machines share never mixes widths.
"""

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, register_model

__all__ = [
    "BYTES",
    "add",
    "broadcast",
    "clean",
    "divide",
    "fma",
    "fnma",
    "fold",
    "lanes",
    "larger",
    "load",
    "multiply",
    "prefetch",
    "quotient",
    "root",
    "split",
    "spread",
    "store",
    "subtract",
    "total",
]


def _register_bytes() -> int:
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 64
    return 32 if features.get("avx2") else 16


BYTES = _register_bytes()
# What LLVM may do: fuse a product with a sum. Never assume that NaN does not happen.
_FUSE = ("contract", "nsz", "arcp")


class Vector(types.Type):
    """As many numbers of one type as a register holds."""

    def __init__(self, item: types.Float, count: int) -> None:
        self.item, self.count = item, count
        super().__init__(name=f"vector({item}, {count})")


def _scalar(item: types.Float) -> ir.Type:
    return ir.DoubleType() if item == types.float64 else ir.FloatType()


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type) -> None:
        super().__init__(dmm, fe_type, ir.VectorType(_scalar(fe_type.item), fe_type.count))


def _of(item: types.Float) -> Vector:
    return Vector(item, BYTES * 8 // item.bitwidth)


def _address(context, builder, array_type, array, index):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [index])


@intrinsic
def lanes(typing, array):
    """How many items of this array a vector holds."""
    count = _of(array.dtype).count

    def build(context, builder, signature, args):
        return context.get_constant(types.intp, count)

    return types.intp(array), build


@intrinsic
def load(typing, array, index):
    """The vector that starts at `array[index]`."""
    vector = _of(array.dtype)

    def build(context, builder, signature, args):
        place = _address(context, builder, signature.args[0], args[0], args[1])
        kind = context.get_value_type(vector)
        value = builder.load(builder.bitcast(place, kind.as_pointer()))
        value.align = array.dtype.bitwidth // 8
        return value

    return vector(array, types.intp), build


@intrinsic
def store(typing, array, index, vector):
    """Put a vector to `array[index]` and behind."""

    def build(context, builder, signature, args):
        place = _address(context, builder, signature.args[0], args[0], args[1])
        kind = context.get_value_type(signature.args[2])
        done = builder.store(args[2], builder.bitcast(place, kind.as_pointer()))
        done.align = array.dtype.bitwidth // 8
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), build


@intrinsic
def broadcast(typing, array, value):
    """A vector of items like the array's, all equal to `value`."""
    vector = _of(array.dtype)

    def build(context, builder, signature, args):
        kind = context.get_value_type(vector)
        scalar = context.cast(builder, args[1], signature.args[1], vector.item)
        return _repeat(kind, builder, scalar)

    return vector(array, value), build


@intrinsic
def spread(typing, array, index):
    """A vector of items that all equal `array[index]`."""
    vector = _of(array.dtype)

    def build(context, builder, signature, args):
        # Without Numba's care for negative indices, the load becomes part of the next product.
        scalar = builder.load(_address(context, builder, signature.args[0], args[0], args[1]))
        return _repeat(context.get_value_type(vector), builder, scalar)

    return vector(array, types.intp), build


def _repeat(kind, builder, scalar):
    empty = ir.Constant(kind, ir.Undefined)
    one = builder.insert_element(empty, scalar, _int32(0))
    every = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
    return builder.shuffle_vector(one, empty, every)


def _int32(value: int) -> ir.Constant:
    return ir.Constant(ir.IntType(32), value)


def _binary(name: str):
    @intrinsic
    def operation(typing, x, y):
        def build(context, builder, signature, args):
            return getattr(builder, name)(*args, flags=_FUSE)

        return x(x, y), build

    return operation


add, subtract, multiply, divide = (_binary(name) for name in ("fadd", "fsub", "fmul", "fdiv"))


@intrinsic
def fma(typing, x, y, z):
    """`x y + z`, in one instruction where the machine has it."""

    def build(context, builder, signature, args):
        return builder.fadd(builder.fmul(args[0], args[1], flags=_FUSE), args[2], flags=_FUSE)

    return x(x, y, z), build


@intrinsic
def fnma(typing, x, y, z):
    """`z - x y`, in one instruction where the machine has it."""

    def build(context, builder, signature, args):
        return builder.fsub(args[2], builder.fmul(args[0], args[1], flags=_FUSE), flags=_FUSE)

    return x(x, y, z), build


@intrinsic
def quotient(typing, x, y):
    """`x / y` of finite numbers to about the last bit.

    Dividing vectors is slow. With AVX-512 this is an estimate to 14 bits which Newton's rule
    doubles: once in single, twice in double precision.
    """

    def build(context, builder, signature, args):
        kind = context.get_value_type(x)
        if BYTES < 64:
            return builder.fdiv(*args, flags=_FUSE)
        letter, mask = ("d", 8) if x.item.bitwidth == 64 else ("s", 16)
        estimate = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(kind, [kind, kind, ir.IntType(mask)]),
            f"llvm.x86.avx512.rcp14.p{letter}.512",
        )
        every = ir.Constant(ir.IntType(mask), (1 << mask) - 1)
        found = builder.call(estimate, [args[1], args[1], every])
        two = ir.Constant(kind, [2.0] * x.count)
        for _ in range(2 if letter == "d" else 1):
            left = builder.fsub(two, builder.fmul(args[1], found, flags=_FUSE), flags=_FUSE)
            found = builder.fmul(found, left, flags=_FUSE)
        return builder.fmul(args[0], found, flags=_FUSE)

    return x(x, y), build


@intrinsic
def root(typing, x):
    """Square roots."""

    def build(context, builder, signature, args):
        kind = context.get_value_type(x)
        name = f"llvm.sqrt.v{x.count}f{x.item.bitwidth}"
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(kind, [kind]), name
        )
        return builder.call(function, args)

    return x(x), build


@intrinsic
def larger(typing, x, y):
    """The larger of each two items; `y` where `x` is no number."""

    def build(context, builder, signature, args):
        return builder.select(builder.fcmp_ordered(">", *args), *args)

    return x(x, y), build


@intrinsic
def clean(typing, x, weight):
    """`x` where the weight is positive, else zero: a pixel that is missing may hold anything."""

    def build(context, builder, signature, args):
        nothing = ir.Constant(context.get_value_type(x), None)
        return builder.select(builder.fcmp_ordered(">", args[1], nothing), args[0], nothing)

    return x(x, weight), build


@intrinsic
def total(typing, x):
    """The sum of all items: halves onto halves."""

    def build(context, builder, signature, args):
        value, count = args[0], x.count
        while count > 1:
            count //= 2
            first = ir.Constant(ir.VectorType(ir.IntType(32), count), list(range(count)))
            last = ir.Constant(ir.VectorType(ir.IntType(32), count), list(range(count, 2 * count)))
            empty = ir.Constant(value.type, ir.Undefined)
            value = builder.fadd(
                builder.shuffle_vector(value, empty, first),
                builder.shuffle_vector(value, empty, last),
            )
        return builder.extract_element(value, _int32(0))

    return x.item(x), build


@intrinsic
def fold(typing, x):
    """Mantissas in [1, 2) of positive numbers."""

    def build(context, builder, signature, args):
        bits, word = _bits(x)
        held = builder.bitcast(args[0], word)
        few, one = (1 << bits) - 1, _one(x)
        mantissa = builder.and_(held, ir.Constant(word, [few] * x.count))
        whole = builder.or_(mantissa, ir.Constant(word, [one] * x.count))
        return builder.bitcast(whole, context.get_value_type(x))

    return x(x), build


@intrinsic
def split(typing, x):
    """Exponents of positive numbers, as numbers: `x = fold(x) 2^split(x)`."""

    def build(context, builder, signature, args):
        bits, word = _bits(x)
        held = builder.bitcast(args[0], word)
        shift = ir.Constant(word, [bits] * x.count)
        offset = ir.Constant(word, [_one(x) >> bits] * x.count)
        power = builder.sub(builder.lshr(held, shift), offset)
        return builder.sitofp(power, context.get_value_type(x))

    return x(x), build


def _bits(x: Vector) -> tuple[int, ir.Type]:
    """Bits of the mantissa, and the vector of integers of the same width."""
    width = x.item.bitwidth
    return (52 if width == 64 else 23), ir.VectorType(ir.IntType(width), x.count)


def _one(x: Vector) -> int:
    """The bits of the number one."""
    return (1023 << 52) if x.item.bitwidth == 64 else (127 << 23)


@intrinsic
def prefetch(typing, array, index):
    """Have the line of `array[index]` come into the second cache."""

    def build(context, builder, signature, args):
        place = _address(context, builder, signature.args[0], args[0], args[1])
        pointer = ir.IntType(8).as_pointer()
        kinds = ir.FunctionType(ir.VoidType(), [pointer] + [ir.IntType(32)] * 3)
        function = cgutils.get_or_insert_function(builder.module, kinds, "llvm.prefetch.p0")
        builder.call(function, [builder.bitcast(place, pointer), _int32(0), _int32(2), _int32(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), build
