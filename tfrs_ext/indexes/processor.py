"""ScaNN's operations with the instructions that the processor has.

ScaNN chooses its kernels when it is loaded. In the wheels of 1.4 that choice was compiled without
its test of the processor, so they score quantised candidates with SSE4 wherever they run. The
answer of the missing test is a variable that the library exports: it is set here. Both kernels
read one layout and sum the same integers.
"""

import ctypes
import pathlib

_USE_AVX2 = "_ZN14research_scann14flags_internal15should_use_avx2E"


def has_avx2() -> bool:
    """Returns whether the processor has AVX2 and fused multiplication."""
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return {"avx2", "fma"} <= set(text.partition("flags")[2].partition("\n")[0].split())


def use_avx2(library: str | pathlib.Path, use: bool = True) -> bool:
    """Lets ScaNN score with AVX2, where processor and library have it.

    Args:
        library: Path of `_scann_ops.so`, loaded already.
        use: False for SSE4, which the library chose itself.

    Returns:
        Whether it scores with AVX2 now. Without, it is slower, never wrong.
    """
    if use and not has_avx2():
        return False  # The library's own choice stays: it may know better one day.
    try:
        # An int8, since any value but 0 and 1 in a bool would be undefined.
        ctypes.c_int8.in_dll(ctypes.CDLL(str(library)), _USE_AVX2).value = use
    except (OSError, ValueError):  # Another build: without the file, or without the variable.
        return False
    return use
