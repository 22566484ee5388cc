"""The engine's form of a container, after all checks of the contract's limits."""

import hashlib
import json
from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from onex.errors import RejectedError
from onex.mixins.container_operations.model_container_operations_subcontract import (
    ModelContainerOperationsSubcontract,
    ModelHostMount,
    range_of,
)
from onex.mixins.container_operations.spec import ContainerSpec, HealthProbe
from onex.mixins.docker_client.names import ImageReference, image_permitted

LABEL_NODE: Final = "onex.node"
LABEL_KEY: Final = "onex.key"
LABEL_SPEC: Final = "onex.spec"
_NS: Final = 1_000_000_000
_FIELD: Final = "container_operations"
_WITHOUT_PORTS: Final = ("none", "host")


def digest_of(spec: ContainerSpec) -> str:
    """Return a digest of the whole container that is asked for."""
    plain = spec.model_dump(mode="json", exclude={"environment"})
    secret = {name: value.get_secret_value() for name, value in spec.environment.items()}
    return hashlib.sha256(json.dumps([plain, secret], sort_keys=True).encode()).hexdigest()[:40]


def creation(
    spec: ContainerSpec, settings: ModelContainerOperationsSubcontract, labels: Mapping[str, str]
) -> dict[str, JsonValue]:
    """Return the body of the engine's call. Raise RejectedError for what the contract does not allow."""
    reference = ImageReference.parse(spec.image)
    image_permitted(reference, settings.images, require_digest=settings.require_digest, field=f"{_FIELD}.images")
    body: dict[str, JsonValue] = {
        "Image": str(reference),
        "Env": [f"{name}={value.get_secret_value()}" for name, value in spec.environment.items()],
        "Labels": {**spec.labels, **labels},
        "User": spec.user,
        "WorkingDir": spec.workdir,
        "HostConfig": _host_part(spec, reference, settings),
    }
    if spec.command:
        body["Cmd"] = list(spec.command)
    if spec.entrypoint:
        body["Entrypoint"] = list(spec.entrypoint)
    if spec.ports:
        body["ExposedPorts"] = {port: {} for port in spec.ports}
    if spec.health is not None:
        body["Healthcheck"] = _health_part(spec.health)
    return body


def _host_part(
    spec: ContainerSpec, reference: ImageReference, settings: ModelContainerOperationsSubcontract
) -> dict[str, JsonValue]:
    memory = _limited("memory_bytes", spec.memory_bytes, settings.max_memory_bytes, "max_memory_bytes")
    cpus = _limited("cpus", spec.cpus, settings.max_cpus, "max_cpus")
    part: dict[str, JsonValue] = {
        "NetworkMode": _network(spec.network, settings),
        "Memory": int(memory),
        "MemorySwap": int(memory),
        "NanoCpus": int(cpus * _NS),
        "PidsLimit": settings.max_pids,
        "ReadonlyRootfs": spec.read_only,
        "Mounts": [*_volumes(spec.volumes, settings), *_host_mounts(spec.host_mounts, settings)],
        **({"PortBindings": _ports(spec, settings)} if spec.ports else {}),
        # A process that reaps others: without one, stopping a shell takes the whole grace period.
        "Init": True,
        "LogConfig": {
            "Type": "json-file",
            "Config": {"max-size": str(settings.max_log_file_bytes), "max-file": "2"},
        },
    }
    if spec.privileged:
        if reference.name not in settings.privileged_images:
            raise RejectedError(
                f"{reference.name} may not run privileged; {_FIELD}.privileged_images in the contract allows images"
            )
        return {**part, "Privileged": True}
    return {
        **part,
        "CapDrop": ["ALL"],
        "CapAdd": list(settings.capabilities),
        "SecurityOpt": ["no-new-privileges:true"],
    }


def _limited(name: str, wanted: float, most: float, field: str) -> float:
    if wanted > most:
        raise RejectedError(
            f"{name} is {wanted:g}, {most:g} is allowed; {_FIELD}.{field} in the contract allows more"
        )
    return wanted or most


def _network(wanted: str, settings: ModelContainerOperationsSubcontract) -> str:
    if wanted and wanted not in settings.networks:
        raise RejectedError(f"this network is not allowed; {_FIELD}.networks in the contract allows networks")
    return wanted or settings.networks[0]


def _ports(spec: ContainerSpec, settings: ModelContainerOperationsSubcontract) -> dict[str, JsonValue]:
    network = _network(spec.network, settings)
    if network in _WITHOUT_PORTS:
        raise RejectedError(f"a container on the network {network} publishes no ports; use another network")
    allowed = [range_of(ports) for ports in settings.published_ports]
    for number in spec.ports.values():
        if not any(number in ports for ports in allowed):
            raise RejectedError(
                f"the port {number} may not be published; {_FIELD}.published_ports in the contract allows ports"
            )
    return {
        port: [{"HostIp": settings.publish_address, "HostPort": str(number)}] for port, number in spec.ports.items()
    }


def _volumes(volumes: Mapping[str, str], settings: ModelContainerOperationsSubcontract) -> list[JsonValue]:
    for name in volumes:
        if name not in settings.volumes:
            raise RejectedError(f"this volume is not allowed; {_FIELD}.volumes in the contract allows volumes")
    return [{"Type": "volume", "Source": name, "Target": target} for name, target in volumes.items()]


def _host_mounts(names: tuple[str, ...], settings: ModelContainerOperationsSubcontract) -> list[JsonValue]:
    mounts = {mount.name: mount for mount in settings.host_mounts}
    for name in names:
        if name not in mounts:
            raise RejectedError(f"this mount is not allowed; {_FIELD}.host_mounts in the contract allows mounts")
    return [_bind(mounts[name]) for name in names]


def _bind(mount: ModelHostMount) -> JsonValue:
    return {"Type": "bind", "Source": mount.source, "Target": mount.target, "ReadOnly": mount.read_only}


def _health_part(health: HealthProbe) -> dict[str, JsonValue]:
    return {
        "Test": ["CMD", *health.command],
        "Interval": int(health.interval_seconds * _NS),
        "Timeout": int(health.timeout_seconds * _NS),
        "Retries": health.retries,
        "StartPeriod": int(health.start_period_seconds * _NS),
    }
