"""What the capabilities of a contract add to a generated class: imports, bases, accessors, methods."""

from onex.codegen.inject.imports import grouped_imports
from onex.codegen.inject.injector import Check, Injection, MixinInjector

__all__ = ["Check", "Injection", "MixinInjector", "grouped_imports"]
