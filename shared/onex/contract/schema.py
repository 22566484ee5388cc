"""JSON Schema of ``contract.yaml``, for editors."""

from pydantic import JsonValue

from onex.model.contract import ModelContract


def contract_json_schema() -> dict[str, JsonValue]:
    """Return the JSON Schema (2020-12) of a contract, for completion and checks in editors."""
    schema: dict[str, JsonValue] = ModelContract.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "ONEX node contract"
    return schema
