"""The cyclic garbage collector of an agent: seldom, and not over what lives as long as the process."""

import gc

_YOUNG = 50_000


def tune_gc() -> None:
    """Call when everything is in place and before the first record.

    A batch keeps tens of thousands of objects alive that reference counting frees at its end. With Python's
    threshold of 700 the collector looks for cycles among them, and in all that was imported, dozens of times a
    batch: a fifth of an agent's time. Cycles are still found, every 50,000 objects.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 10, 10)
