"""Imports what generated tests import, and the plugins of pytest, which it imports when it starts."""

from importlib import import_module

import hypothesis.strategies  # noqa: F401
import pytest  # noqa: F401
from _pytest.config import default_plugins

import onex.testing.properties  # noqa: F401

for name in default_plugins:
    import_module(f"_pytest.{name}")
