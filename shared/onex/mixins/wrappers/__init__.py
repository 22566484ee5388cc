"""Wrappers: a kind's base with the capabilities that such a node usually has, under its ONEX name.

``class NodeOrdersEffect(ModelServiceKafkaEffect)`` is short for a class with these capabilities as bases. A name is
imported at its first use, so that a node loads the libraries of its own wrapper only.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onex.mixins.wrappers.database import ModelServiceDatabaseEffect
    from onex.mixins.wrappers.docker import ModelServiceDockerEffect
    from onex.mixins.wrappers.kafka import ModelServiceKafkaEffect
    from onex.mixins.wrappers.kinds import (
        ModelServiceCompute,
        ModelServiceEffect,
        ModelServiceOrchestrator,
        ModelServiceReducer,
    )
    from onex.mixins.wrappers.secure import ModelServiceSecureEffect

__all__ = [
    "ModelServiceCompute",
    "ModelServiceDatabaseEffect",
    "ModelServiceDockerEffect",
    "ModelServiceEffect",
    "ModelServiceKafkaEffect",
    "ModelServiceOrchestrator",
    "ModelServiceReducer",
    "ModelServiceSecureEffect",
]

_MODULES = {
    "ModelServiceCompute": "kinds",
    "ModelServiceDatabaseEffect": "database",
    "ModelServiceDockerEffect": "docker",
    "ModelServiceEffect": "kinds",
    "ModelServiceKafkaEffect": "kafka",
    "ModelServiceOrchestrator": "kinds",
    "ModelServiceReducer": "kinds",
    "ModelServiceSecureEffect": "secure",
}


def __getattr__(name: str) -> object:
    if (module := _MODULES.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{module}"), name)
    return found
