"""Elementary functions over arrays, compiled as kernels compile them."""

from __future__ import annotations

import ctypes

import numpy as np

from gradc.elementary.template import template
from gradc.native.instructions import METADATA, Value, Writer
from gradc.native.target import llvm, target_machine


def compiled(name: str, lanes: int = 0):
    """A function of arrays of f64 that applies an elementary function, `lanes` elements at a time."""
    writer = Writer()
    params = template(name).params
    step = lanes or 1
    kind = f"<{lanes} x double>" if lanes else "double"
    for k, _ in enumerate(params):
        writer.line(f"%p{k} = getelementptr double, ptr %in{k}, i64 %i")
        writer.line(f"%x{k} = load {kind}, ptr %p{k}, align 8")
    result = writer.op(name, [Value(f"%x{k}", "f64", lanes) for k, _ in enumerate(params)], "f64")
    arrays = "".join(f", ptr %in{k}" for k, _ in enumerate(params))
    from gradc.native.scalar import definitions

    called, declared = definitions([writer])
    text = "\n".join([
        f"define void @f(i64 %n, ptr %out{arrays}) {{",
        "entry:",
        "  br label %loop",
        "loop:",
        "  %i = phi i64 [ 0, %entry ], [ %next, %end ]",
        *writer.lines,
        "  br label %end",
        "end:",
        "  %o = getelementptr double, ptr %out, i64 %i",
        f"  store {result.typed}, ptr %o, align 8",
        f"  %next = add i64 %i, {step}",
        "  %more = icmp slt i64 %next, %n",
        "  br i1 %more, label %loop, label %exit",
        "exit:",
        "  ret void",
        "}",
        called,
        *sorted(declared),
        METADATA,
    ])  # fmt: skip
    module = llvm().parse_assembly(text)
    module.verify()
    engine = llvm().create_mcjit_compiler(module, target_machine())
    address = engine.get_function_address("f")
    count = len(params)
    function = ctypes.CFUNCTYPE(None, ctypes.c_int64, *[ctypes.c_void_p] * (count + 1))(address)

    def call(*arrays):
        arrays = [np.ascontiguousarray(array, np.float64) for array in arrays]
        n = arrays[0].size
        padded = [np.concatenate([array, np.ones(-n % step)]) for array in arrays]
        out = np.empty(n + -n % step)
        function(out.size, out.ctypes.data, *(array.ctypes.data for array in padded))
        return out[:n]

    call.engine = engine
    return call
