"""Products of matrices of moderate size: tiles of the result that stay in registers.

The scheme is that of BLIS (Van Zee and van de Geijn, 2015), without copying the left side: what fits the caches anyway
needs no more. An element is one chain of fused multiplications, in the order of the terms, whatever the vector's width.
"""

from __future__ import annotations

from gradc.native.source import source

DEPTH = 256
"""Terms of a panel: with as many of the rows of a tile it fits the first cache."""
HEIGHTS = (6, 2, 1)
"""Rows of a tile, the most first: 6, of two vectors each, leave room for the operands in 16 registers."""
VECTORS = 2
"""Vectors to the row of a tile."""


def text(t: str, real: str, align: int, lanes: int) -> str:
    """The function `panels`, for vectors of so many elements."""
    columns = VECTORS * lanes
    arguments = (
        "ptr %out.rows, i64 %o0, i64 %o1, ptr %left.rows, i64 %l0, i64 %l1, ptr %panel, i64 %depth, i64 %width, "
        "i1 %first, ptr %low.rows"
    )
    choices = []
    for height in HEIGHTS:
        choices += [
            f"  %is.{height} = icmp uge i64 %m.left, {height}",
            f"  br i1 %is.{height}, label %rows.{height}, label %fewer.{height}",
            f"rows.{height}:",
            f"  call void @tile{height}.{t}({arguments})",
            "  br label %rows.next",
            f"fewer.{height}:",
        ]
    choices.append("  unreachable")
    names = {"T": t, "REAL": real, "ALIGN": align, "COLUMNS": columns, "DEPTH": DEPTH}
    heights = ", ".join(f"[ {height}, %rows.{height} ]" for height in HEIGHTS)
    panels = source("panels", **names, PANEL=DEPTH * columns, CHOICES="\n".join(choices), HEIGHTS=heights)
    return "\n".join([panels, *(_tile(height, t, real, align, lanes) for height in HEIGHTS)])


def _tile(height: int, t: str, real: str, align: int, lanes: int) -> str:
    """A tile of so many rows: all terms of a panel, then into the result, or added to it, with `low` exactly."""
    vector, columns = f"<{lanes} x {real}>", VECTORS * lanes
    cells = [(row, part) for row in range(height) for part in range(VECTORS)]
    rows = range(height)
    lines = [
        f"define internal void @tile{height}.{t}(ptr %out, i64 %o0, i64 %o1, ptr %left, i64 %l0, i64 %l1, ptr %panel, "
        "i64 %depth, i64 %width, i1 %is.first, ptr %low) {",
        "entry:",
        f"  %spill = alloca [{height * columns} x {real}], align 64",
        *(f"  %start.{row} = mul i64 {row}, %l0" for row in rows),
        *(f"  %left.{row} = getelementptr {real}, ptr %left, i64 %start.{row}" for row in rows),
        "  br label %term",
        "term:",
        "  %p = phi i64 [ 0, %entry ], [ %p.next, %term ]",
        *(f"  %c{r}.{v} = phi {vector} [ zeroinitializer, %entry ], [ %d{r}.{v}, %term ]" for r, v in cells),
        f"  %panel.p = mul i64 %p, {columns}",
    ]
    for part in range(VECTORS):
        lines += [
            f"  %panel.{part} = add i64 %panel.p, {part * lanes}",
            f"  %panel.at.{part} = getelementptr {real}, ptr %panel, i64 %panel.{part}",
            f"  %b{part} = load {vector}, ptr %panel.at.{part}, align {lanes * align}",
        ]
    lines.append("  %left.p = mul i64 %p, %l1")
    for row in rows:
        lines += [
            f"  %at.{row} = getelementptr {real}, ptr %left.{row}, i64 %left.p",
            f"  %one.{row} = load {real}, ptr %at.{row}, align {align}",
            f"  %lane.{row} = insertelement {vector} poison, {real} %one.{row}, i64 0",
            f"  %a{row} = shufflevector {vector} %lane.{row}, {vector} poison, <{lanes} x i32> zeroinitializer",
        ]
        for part in range(VECTORS):
            given = f"{vector} %a{row}, {vector} %b{part}, {vector} %c{row}.{part}"
            lines.append(f"  %d{row}.{part} = call {vector} @llvm.fma.v{lanes}{t}({given})")
    lines += [
        "  %p.next = add i64 %p, 1",
        "  %p.more = icmp ult i64 %p.next, %depth",
        "  br i1 %p.more, label %term, label %finish",
        "finish:",
        "  %is.side = icmp eq i64 %o1, 1",
        f"  %is.full = icmp eq i64 %width, {columns}",
        "  %is.plain = and i1 %is.side, %is.full",
        "  %is.exact = icmp ne ptr %low, null",
        "  br i1 %is.plain, label %plain, label %pieces",
        "plain:",
        *(f"  %row.{row} = mul i64 {row}, %o0" for row in rows),
    ]
    for row, part in cells:
        lines += [
            f"  %place{row}.{part} = add i64 %row.{row}, {part * lanes}",
            f"  %out{row}.{part} = getelementptr {real}, ptr %out, i64 %place{row}.{part}",
        ]
    lines += [
        "  br i1 %is.exact, label %exact, label %inexact",
        "inexact:",
        "  br i1 %is.first, label %store, label %add",
        "store:",
    ]
    lines += [f"  store {vector} %d{r}.{v}, ptr %out{r}.{v}, align {align}" for r, v in cells]
    lines += ["  ret void", "add:"]
    for row, part in cells:
        lines += [
            f"  %before{row}.{part} = load {vector}, ptr %out{row}.{part}, align {align}",
            f"  %sum{row}.{part} = fadd {vector} %before{row}.{part}, %d{row}.{part}",
            f"  store {vector} %sum{row}.{part}, ptr %out{row}.{part}, align {align}",
        ]
    lines += ["  ret void", "exact:"]
    wide = f"<{lanes} x double>"
    for row, part in cells:
        name = f"{row}.{part}"
        lines += [
            f"  %total{name} = load {vector}, ptr %out{name}, align {align}",
            *_exactly(name, vector, f"%total{name}", f"%d{name}", wide),
            f"  store {vector} %new{name}, ptr %out{name}, align {align}",
            f"  %low{name} = getelementptr double, ptr %low, i64 %place{name}",
            f"  %error{name} = load {wide}, ptr %low{name}, align 8",
            f"  %less{name} = fadd {wide} %error{name}, %lost{name}",
            f"  store {wide} %less{name}, ptr %low{name}, align 8",
        ]
    lines += ["  ret void", "pieces:"]
    for row, part in cells:
        lines += [
            f"  %spill{row}.{part} = getelementptr {real}, ptr %spill, i64 {row * columns + part * lanes}",
            f"  store {vector} %d{row}.{part}, ptr %spill{row}.{part}, align {lanes * align}",
        ]
    lines += [
        "  br label %piece.row",
        "piece.row:",
        "  %i = phi i64 [ 0, %pieces ], [ %i.next, %piece.row.next ]",
        "  %out.i = mul i64 %i, %o0",
        f"  %spill.i = mul i64 %i, {columns}",
        "  br label %piece",
        "piece:",
        "  %j = phi i64 [ 0, %piece.row ], [ %j.next, %piece.next ]",
        "  %spill.ij = add i64 %spill.i, %j",
        f"  %spill.at = getelementptr {real}, ptr %spill, i64 %spill.ij",
        f"  %found = load {real}, ptr %spill.at, align {align}",
        "  %out.j = mul i64 %j, %o1",
        "  %out.ij = add i64 %out.i, %out.j",
        f"  %out.at = getelementptr {real}, ptr %out, i64 %out.ij",
        "  br i1 %is.first, label %piece.next, label %piece.some",
        "piece.some:",
        "  br i1 %is.exact, label %piece.exact, label %piece.add",
        "piece.exact:",
        f"  %total = load {real}, ptr %out.at, align {align}",
        *_exactly("", real, "%total", "%found", "double"),
        "  %low.at = getelementptr double, ptr %low, i64 %out.ij",
        "  %error = load double, ptr %low.at, align 8",
        "  %less = fadd double %error, %lost",
        "  store double %less, ptr %low.at, align 8",
        "  br label %piece.next",
        "piece.add:",
        f"  %was = load {real}, ptr %out.at, align {align}",
        f"  %more = fadd {real} %was, %found",
        "  br label %piece.next",
        "piece.next:",
        f"  %element = phi {real} [ %found, %piece ], [ %new, %piece.exact ], [ %more, %piece.add ]",
        f"  store {real} %element, ptr %out.at, align {align}",
        "  %j.next = add i64 %j, 1",
        "  %j.more = icmp ult i64 %j.next, %width",
        "  br i1 %j.more, label %piece, label %piece.row.next",
        "piece.row.next:",
        "  %i.next = add i64 %i, 1",
        f"  %i.more = icmp ult i64 %i.next, {height}",
        "  br i1 %i.more, label %piece.row, label %done",
        "done:",
        "  ret void",
        "}",
    ]
    return "\n".join(lines)


def _exactly(name: str, kind: str, total: str, term: str, wide: str) -> list[str]:
    """`new` is a total with a term, and `lost` what rounding loses, in f64 (Knuth, TAOCP 2, 4.2.2)."""
    lines = [
        f"  %new{name} = fadd {kind} {total}, {term}",
        f"  %part{name} = fsub {kind} %new{name}, {total}",
        f"  %rest{name} = fsub {kind} %new{name}, %part{name}",
        f"  %of.total{name} = fsub {kind} {total}, %rest{name}",
        f"  %of.term{name} = fsub {kind} {term}, %part{name}",
        f"  %off{name} = fadd {kind} %of.total{name}, %of.term{name}",
    ]
    convert = "bitcast" if kind == wide else "fpext"
    return [*lines, f"  %lost{name} = {convert} {kind} %off{name} to {wide}"]
