"""The ONEX names of parts of MixinDatabase: one engine, whose settings are those of all of them."""

from collections.abc import Mapping

import pytest

from onex.capability import HealthChecks, Mixin, Subcontract, configured
from onex.capability.health import Watch
from onex.errors import CompositionError
from onex.mixins.connection_pooling import MixinConnectionPooling, ModelConnectionPoolingSubcontract
from onex.mixins.database import EnumIsolation, EnumPooler, MixinDatabase, ModelDatabaseSubcontract
from onex.mixins.database_connection import MixinDatabaseConnection, ModelDatabaseConnectionSubcontract
from onex.mixins.database_health_check import MixinDatabaseHealthCheck, ModelDatabaseHealthCheckSubcontract
from onex.mixins.service import with_mixins
from onex.mixins.transaction_management import MixinTransactionManagement, ModelTransactionManagementSubcontract
from onex.node import NodeEffect
from tests.mixins.helpers import container

ALL = (MixinDatabaseConnection, MixinConnectionPooling, MixinTransactionManagement, MixinDatabaseHealthCheck)


def settings_of(mixin: type[Mixin], settings: Subcontract) -> Mapping[str, object]:
    """Return what a node with this view sets in its engine."""
    node = with_mixins(NodeEffect, [mixin])()
    node.container = container(settings)
    found = configured(node, ModelDatabaseSubcontract)
    return {name: getattr(found, name) for name in found.model_fields_set}


@pytest.mark.enforces(
    "database_connection.url",
    "database_connection.connect_timeout_seconds",
    "database_connection.statement_timeout_seconds",
    "database_connection.pooler",
)
def test_the_address_and_its_limits_reach_the_engine() -> None:
    url = "postgresql://u:hush@h/d"
    values = {"url": url, "connect_timeout_seconds": 1, "statement_timeout_seconds": 2, "pooler": "TRANSACTION"}
    settings = ModelDatabaseConnectionSubcontract.model_validate(values)
    found = settings_of(MixinDatabaseConnection, settings)
    expected = {"url": settings.url, "connect_timeout_seconds": 1.0, "statement_timeout_seconds": 2.0}
    assert found == {**expected, "pooler": EnumPooler.TRANSACTION}
    assert settings.url.get_secret_value() == url
    assert "hush" not in repr(found)
    assert settings_of(MixinDatabaseConnection, ModelDatabaseConnectionSubcontract()) == {}


@pytest.mark.enforces(
    "connection_pooling.min_connections",
    "connection_pooling.max_connections",
    "connection_pooling.acquire_timeout_seconds",
    "connection_pooling.leak_after_seconds",
)
def test_the_limits_of_the_pool_reach_the_engine() -> None:
    settings = ModelConnectionPoolingSubcontract(
        min_connections=2, max_connections=3, acquire_timeout_seconds=4, leak_after_seconds=5
    )
    expected = {"pool_min": 2, "pool_max": 3, "acquire_timeout_seconds": 4.0, "leak_after_seconds": 5.0}
    assert settings_of(MixinConnectionPooling, settings) == expected


def test_a_pool_whose_sizes_contradict_each_other_names_the_view() -> None:
    with pytest.raises(CompositionError, match=r"MixinConnectionPooling.*pool_min .* is above pool_max"):
        settings_of(MixinConnectionPooling, ModelConnectionPoolingSubcontract(min_connections=20))


@pytest.mark.enforces(
    "transaction_management.isolation_level",
    "transaction_management.max_retries",
    "transaction_management.retry_delay_seconds",
)
def test_how_transactions_run_reaches_the_engine() -> None:
    settings = ModelTransactionManagementSubcontract(
        isolation_level=EnumIsolation.SERIALIZABLE, max_retries=1, retry_delay_seconds=0.5
    )
    expected = {"isolation": EnumIsolation.SERIALIZABLE, "serialization_retries": 1, "retry_delay_seconds": 0.5}
    assert settings_of(MixinTransactionManagement, settings) == expected


@pytest.mark.enforces(
    "database_health_check.interval_seconds",
    "database_health_check.timeout_seconds",
    "database_health_check.failure_threshold",
    "database_health_check.critical",
)
def test_the_watch_of_the_agent_has_the_settings_of_the_view() -> None:
    node = with_mixins(NodeEffect, [MixinDatabaseHealthCheck])()
    settings = ModelDatabaseHealthCheckSubcontract(
        interval_seconds=7, timeout_seconds=2, failure_threshold=3, critical=False
    )
    node.container = container(settings)
    assert node.database  # type: ignore[attr-defined]  # with_mixins adds it
    check = node.container.get(HealthChecks).all["database"]
    assert (check.watch, check.critical) == (Watch(7.0, 2.0, 3), False)


@pytest.mark.parametrize("bases", [ALL, (*reversed(ALL), MixinDatabase)])
def test_all_names_together_have_one_engine_and_one_check(bases: tuple[type[Mixin], ...]) -> None:
    node_class = with_mixins(NodeEffect, bases)
    assert [metadata.name for metadata in node_class.capabilities.start] == ["MixinDatabase"]
    node = node_class()
    node.container = container(
        ModelConnectionPoolingSubcontract(max_connections=3), ModelTransactionManagementSubcontract(max_retries=9)
    )
    found = configured(node, ModelDatabaseSubcontract)
    assert (found.pool_max, found.serialization_retries) == (3, 9)
    assert node.database is node.database  # type: ignore[attr-defined]  # with_mixins adds it
    assert list(node.container.get(HealthChecks).all) == ["database"]


def test_two_values_of_one_setting_name_both_places() -> None:
    node = with_mixins(NodeEffect, [MixinDatabase, MixinConnectionPooling])()
    node.container = container(
        ModelConnectionPoolingSubcontract(max_connections=3), ModelDatabaseSubcontract(pool_max=4)
    )
    with pytest.raises(CompositionError, match=r"connection_pooling\.max_connections and database\.pool_max"):
        configured(node, ModelDatabaseSubcontract)
