"""The feature of the agent that publishes introspection; the agent's presence enforces its configuration."""

from onex.capability import define_feature
from onex.mixins.introspection_publisher.model_introspection_publisher_subcontract import (
    ModelIntrospectionPublisherSubcontract,
)

FEATURE = define_feature(__file__, ModelIntrospectionPublisherSubcontract)
"""Contracts name it ``MixinIntrospectionPublisher`` or ``introspection_publisher``."""
