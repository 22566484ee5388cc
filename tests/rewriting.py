"""Workers share the work of rewriting assertions, where each of them would do all of it.

pytest rewrites a module of tests before its first import, and writes the result next to the bytecode. In a new
checkout all workers begin with that at the same time: 6 s of processor time each.
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from _pytest.assertion.rewrite import (
    PYC_TAIL,
    _read_pyc,
    _rewrite_test,
    _write_pyc,
    assertstate_key,
    get_cache_dir,
    try_makedirs,
)


def rewrite_share(config: pytest.Config, number: int, workers: int) -> Sequence[Path]:
    """Rewrite what has changed of every ``workers``-th module. Return these modules."""
    if sys.dont_write_bytecode:
        return []
    share = [file for file in list(_modules(config))[number::workers] if _is_changed(file)]
    for file in share:
        state, result = _rewrite_test(file, config)
        if try_makedirs(get_cache_dir(file)):
            _write_pyc(config.stash[assertstate_key], result, state, _cached(file))
    return share


def _modules(config: pytest.Config) -> Iterable[Path]:
    """Yield the modules of tests that this run collects."""
    for argument in config.args:
        path = config.invocation_params.dir / argument.partition("::")[0]
        yield from sorted(path.rglob("test_*.py")) if path.is_dir() else [path]


def _is_changed(file: Path) -> bool:
    return _read_pyc(file, _cached(file)) is None


def _cached(file: Path) -> Path:
    return get_cache_dir(file) / f"{file.stem}{PYC_TAIL}"
