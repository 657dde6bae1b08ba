"""The processor that kernels are compiled for, and LLVM's way from text to machine code."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from ctypes import string_at
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from gradc.version import __version__

try:
    import llvmlite.binding as binding
except (ImportError, OSError):  # it is not there, or not for this machine
    binding = None

WIDTH_VARIABLE = "GRADC_VECTOR_DOUBLES"
"""Environment variable that forces how many doubles a vector has: 1, 2, 4 or 8."""


def is_possible() -> bool:
    """Whether LLVM compiles for this machine."""
    return not why_not()


@cache
def why_not() -> str:
    """Why LLVM does not compile for this machine; "" where it does."""
    if sys.maxsize < 2**32:
        return "this Python has addresses of 32 bits"
    if sys.byteorder != "little":
        return "this machine keeps the first byte of a number last"
    if binding is None:
        return "llvmlite is not installed"
    try:
        target_machine()
    except Exception:
        return "LLVM does not know this machine"
    return ""


@cache
def llvm() -> Any:
    """LLVM's binding, ready for this machine."""
    if binding is None:
        raise ImportError("llvmlite is not installed")
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    binding.initialize_native_asmparser()
    return binding


@cache
def host() -> tuple[str, str]:
    """The processor's name and features, as LLVM calls them."""
    return llvm().get_host_cpu_name(), llvm().get_host_cpu_features().flatten()


def target_machine(level: int = 2) -> Any:
    """A new one: an engine that is made with it owns it."""
    name, features = host()
    return (
        llvm()
        .Target.from_triple(llvm().get_process_triple())
        .create_target_machine(cpu=name, features=features, opt=level, reloc="pic", codemodel="default", jit=True)
    )


@cache
def vector_doubles() -> int:
    """How many doubles a vector has here."""
    forced = os.environ.get(WIDTH_VARIABLE, "")
    if forced in ("1", "2", "4", "8"):
        return int(forced)
    features = host()[1].split(",")
    if "+avx512f" in features:
        return 8
    return 4 if "+avx2" in features else 2


@cache
def identity() -> str:
    """All that machine code depends on besides its kernel: the processor, LLVM, Python, and gradc itself."""
    name, features = host()
    llvm_version = ".".join(map(str, llvm().llvm_version_info))
    return (
        f"gradc {__version__} {_sources()}; LLVM {llvm_version}; Python {sys.version}; "
        f"{llvm().get_process_triple()} {name} {features}; {vector_doubles()}"
    )


def _sources() -> str:
    """What changes with gradc's source code."""
    root = Path(__file__).parents[1]
    found = [
        (file.name, (about := file.stat()).st_size, about.st_mtime_ns)
        for folder in [str(root), *(entry.path for entry in os.scandir(root) if entry.is_dir())]
        for file in os.scandir(folder)
        if file.name.endswith((".py", ".ll"))
    ]
    return sha256(repr(sorted(found)).encode()).hexdigest()[:16]


def object_code(text: str) -> bytes:
    """Machine code for this processor from LLVM's language."""
    return _emitted(target_machine(), optimised(text))


def quick_object_code(text: str) -> bytes:
    """The same without optimisation: straight-line code is as fast either way."""
    return _emitted(target_machine(0), llvm().parse_assembly(text, llvm().create_context()))


def _emitted(machine: Any, module: Any) -> bytes:
    """The object code of a module that has a context of its own.

    llvmlite holds a lock around every call, so that one thread at a time is in LLVM, where contexts are not shared
    between threads and several may be. This one call takes nearly all of the time, so it goes without the lock.
    """
    emit = getattr(binding.ffi.lib.LLVMPY_TargetMachineEmitToMemory, "_cfn", None)
    if emit is None:  # another version of llvmlite
        return machine.emit_object(module)
    with binding.ffi.OutputString() as fault:
        buffer = emit(machine, module, 1, fault)
        if not buffer:
            raise RuntimeError(str(fault))
    library = binding.ffi.lib
    try:
        return string_at(library.LLVMPY_GetBufferStart(buffer), library.LLVMPY_GetBufferSize(buffer))
    finally:
        library.LLVMPY_DisposeMemoryBuffer(buffer)


def assembly(text: str, functions: Iterable[str]) -> list[str]:
    """Some functions of the same, readable."""
    machine = target_machine()
    machine.set_asm_verbosity(True)
    lines = machine.emit_assembly(optimised(text)).splitlines()
    starts = {line.partition(":")[0]: k for k, line in enumerate(lines) if not line.startswith((".", "#", "\t", " "))}
    ends = [k for k, line in enumerate(lines) if line.startswith((".Lfunc_end", "Lfunc_end"))]
    return [
        "\n".join([*lines[starts[name] : next(end for end in ends if end > starts[name])], ""]) for name in functions
    ]


def optimised(text: str) -> Any:
    """A module after the passes that generated code needs: stack slots become registers."""
    module = llvm().parse_assembly(text, llvm().create_context())
    passes = llvm().create_new_module_pass_manager()
    passes.add_sroa_pass()
    passes.add_simplify_cfg_pass()
    builder = llvm().create_pass_builder(target_machine(), llvm().create_pipeline_tuning_options(2))
    passes.run(module, builder)
    return module
