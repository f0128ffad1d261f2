"""The four outer samples of a pixel at once, in the processor's vectors of four numbers.

Numba puts no loop of four steps into such vectors by itself. What is written here is LLVM's own
vector code, which runs on every processor, with or without wide registers, and rounds as single
numbers do.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

_WHOLE = ir.IntType(64)


@intrinsic
def offer(typingctx, fronts, i, j, weights, first, second, middle, first_q, second_q, lowest):
    """Put the keys of a face into fronts[i, j, :4] where they are greater; the least of the four
    after that, int64.

    fronts: [H, W, 4] int64. weights: three int64 of the pixel's centre, less one where an edge does
    not own its points. Samples 1 and 2 differ from the centre by ``-first`` and ``+second`` in
    their weights (three int64 each) and ``-first_q`` and ``+second_q`` in q; 4 and 3 lie opposite.
    middle: q of the centre. lowest: the lower half of a key.
    """

    def build(context, builder, signature, args):
        array, i, j, weights, first, second, middle, first_q, second_q, lowest = args
        kind = signature.args[0]
        place = cgutils.get_item_pointer(
            context, builder, kind, make_array(kind)(context, builder, array),
            [i, j, ir.Constant(_WHOLE, 0)],
        )  # fmt: skip
        place = builder.bitcast(place, ir.VectorType(_WHOLE, 4).as_pointer())

        def steps(one, two, negative):
            return _vector(builder, [negative(one), two, negative(two), one])

        outside = None
        for n in range(3):
            one, two = builder.extract_value(first, n), builder.extract_value(second, n)
            here = _vector(builder, [builder.extract_value(weights, n)] * 4)
            here = builder.add(here, steps(one, two, builder.neg))
            outside = here if outside is None else builder.or_(outside, here)
        zero = ir.Constant(outside.type, [0] * 4)
        covered = builder.icmp_signed(">=", outside, zero)
        q = _vector(builder, [middle] * 4)
        q = builder.fadd(q, steps(first_q, second_q, builder.fneg))
        q = builder.fptrunc(q, ir.VectorType(ir.FloatType(), 4))
        key = builder.bitcast(q, ir.VectorType(ir.IntType(32), 4))
        key = builder.sext(key, outside.type)
        key = builder.shl(key, ir.Constant(outside.type, [32] * 4))
        key = builder.or_(key, _vector(builder, [lowest] * 4))
        key = builder.select(covered, key, zero)
        kept = builder.load(place, align=8)
        key = builder.select(builder.icmp_signed(">", key, kept), key, kept)
        builder.store(key, place, align=8)
        least = None
        for n in range(4):
            lane = builder.extract_element(key, ir.Constant(ir.IntType(32), n))
            if least is None:
                least = lane
            else:
                least = builder.select(builder.icmp_signed("<", lane, least), lane, least)
        return least

    three = types.UniTuple(types.int64, 3)
    return (
        types.int64(
            fronts, types.uintp, types.uintp, three, three, three,
            types.float64, types.float64, types.float64, types.int64,
        ),
        build,
    )  # fmt: skip


def _vector(builder, lanes):
    """Four numbers side by side."""
    out = ir.Constant(ir.VectorType(lanes[0].type, 4), ir.Undefined)
    for n, lane in enumerate(lanes):
        out = builder.insert_element(out, lane, ir.Constant(ir.IntType(32), n))
    return out
