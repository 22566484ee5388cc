"""Stand-ins for topics of others, on the broker of ``onex up``."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from onex.cli import provision as provisioning
from onex.errors import ProvisioningError
from onex.settings import Settings
from onex.testing import MeshDriver
from tests.unit.test_existing_forms import AVRO, AVRO_MODELS, AVRO_NODE, SUBJECT, TOPIC
from tests.unit.test_existing_topics import make


def test_a_stand_in_registers_nothing_in_the_registry_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "foreignstandin", AVRO, AVRO_MODELS, AVRO_NODE)
    mesh = MeshDriver([])
    monkeypatch.setattr(provisioning, "is_local_kafka", lambda _: True)
    monkeypatch.setattr(provisioning, "open_bus", lambda _: mesh.bus)
    monkeypatch.setattr(provisioning, "open_catalogue", lambda *_: mesh.catalogue)
    theirs_is_set = Settings(services=[tmp_path], schema_registry_url=SecretStr("http://registry"))
    with pytest.raises(ProvisioningError, match="is no subject of the registry"):
        provisioning.provision(theirs_is_set)
    assert mesh.bus.admin.topics([TOPIC])
    assert mesh.catalogue.versions([SUBJECT]) == {SUBJECT: []}
    provisioning.provision(Settings(services=[tmp_path]))
    assert len(mesh.catalogue.versions([SUBJECT])[SUBJECT]) == 1
