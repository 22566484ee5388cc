"""Publishing of introspection: what an agent says about itself, and how often."""

from onex.mixins.introspection_publisher.feature_introspection_publisher import FEATURE
from onex.mixins.introspection_publisher.model_introspection_publisher_subcontract import (
    ModelIntrospectionPublisherSubcontract,
)

__all__ = ["FEATURE", "ModelIntrospectionPublisherSubcontract"]
