"""Python's cyclic garbage collector, set for processes whose objects come by the ten thousand and die together."""

from __future__ import annotations

import gc

_NET_ALLOCATIONS, _YOUNG_PASSES, _MIDDLE_PASSES = 200_000, 20, 50


def collect_rarely() -> None:
    """Look for garbage seldom, and never again among what is there now; call it when what stays for good has been loaded.

    Records and states are trees: they are freed by counting, and looking through them as often as Python does by default costs a tenth.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NET_ALLOCATIONS, _YOUNG_PASSES, _MIDDLE_PASSES)
