"""Compile a function with numba, cached on disk where a disk can be written."""

from __future__ import annotations

from collections.abc import Callable

import numba

# Sums may be reordered and fused for speed; NaN and infinity keep their meaning.
_FASTMATH = {"reassoc", "contract", "arcp", "nsz"}


def compiled(function: Callable) -> Callable:
    """``numba.njit`` with an on-disk cache; without one where no folder can be written.

    numba looks for the cache beside the source, then in the user's cache folder, and refuses to
    compile if it may write neither: a package installed read-only for a user without a home would
    not import. Such an installation compiles anew in each process instead. ``NUMBA_CACHE_DIR``
    names a folder of one's own.
    """
    try:
        return numba.njit(cache=True, nogil=True, fastmath=_FASTMATH)(function)
    except RuntimeError:
        return numba.njit(nogil=True, fastmath=_FASTMATH)(function)


def reproducible(function: Callable) -> Callable:
    """As ``compiled``, but sums keep their order: the same bits on every machine.

    Without these flags LLVM neither reorders nor fuses. What a caller passes in must be as exact:
    no BLAS, and numpy's transcendental functions only in float64, rounded to float32 after.
    """
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:
        return numba.njit(nogil=True, error_model="numpy")(function)


def inlined(function: Callable) -> Callable:
    """As ``reproducible``, for small steps of loops: always put into its caller, so that the
    compiler can work on several elements at once."""
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=True)(function)
    except RuntimeError:
        return numba.njit(nogil=True, error_model="numpy", forceinline=True)(function)
