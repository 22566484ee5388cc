"""What an EFFECT does outside the mesh, as far as a contract says it: operations on PostgreSQL, HTTP, Kafka, files.

The operations of a handler run one after the other, in the order of the contract. The handler takes one message type,
whose fields are the sources of all its operations. At most one operation of a handler has an ``output``: the message
that the handler returns. Without one, the ``mapping`` of the handler makes it.
"""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from onex.model.contract.base import ContractPart
from onex.model.contract.field_type import canonical_type
from onex.model.contract.identifiers import Identifier, identifier_problem
from onex.model.contract.path_rules import file_problem, headers_problem, url_problem
from onex.model.contract.sources import FieldValues, OneMapped, Value
from onex.model.contract.sql_rules import statement_problem
from onex.model.contract.text_template import ModelTextTemplate, TextTemplate
from onex.model.duration import Duration
from onex.model.enums import EnumFileOperation, EnumRows

MOST_OPERATIONS: Final = 64
MOST_PARAMETERS: Final = 100
LONGEST_STATEMENT: Final = 8000
"""Characters."""


def _canonical(types: dict[str, str]) -> dict[str, str]:
    if problems := [problem for name in types if (problem := identifier_problem(name))]:
        raise ValueError("; ".join(problems))
    return {name: canonical_type(text) for name, text in types.items()}


DeclaredTypes = Annotated[dict[str, str], AfterValidator(_canonical)]
"""Type by name, as in ``definitions``."""


class ModelPostgresOperation(ContractPart):
    """A statement. It needs ``MixinDatabase``."""

    handler: Identifier
    """Method of the node."""
    type: Literal["postgres"]
    """Kind of the operation."""
    statement: str = Field(min_length=1, max_length=LONGEST_STATEMENT)
    """One statement with the placeholders ``$1``, ``$2``... It is constant: values are parameters."""
    parameters: tuple[Value, ...] = Field(default=(), max_length=MOST_PARAMETERS)
    """Value of each placeholder, in order."""
    rows: EnumRows = EnumRows.NONE
    """How many rows the statement returns."""
    columns: DeclaredTypes = Field(default_factory=dict)
    """Types of the columns that ``output`` uses, by name."""
    output: OneMapped = Field(default_factory=dict)
    """Message that the handler returns. Further sources: with ``rows: one`` each column as ``row.{column}``, with
    ``rows: many`` the list of its values as ``rows.{column}``."""

    @model_validator(mode="after")
    def _is_sound(self) -> "ModelPostgresOperation":
        if problem := statement_problem(self.statement, len(self.parameters)):
            raise ValueError(problem)
        if self.columns and self.rows is EnumRows.NONE:
            raise ValueError("columns needs rows: one or rows: many")
        return self


class ModelHttpOperation(ContractPart):
    """A request. It needs ``MixinHttpClient``."""

    handler: Identifier
    """Method of the node."""
    type: Literal["http"]
    """Kind of the operation."""
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    """Method of the request."""
    url: TextTemplate
    """``https://host/path/{Message.field}``, or ``/path/{Message.field}`` below the base URL of the capability.
    Values are quoted, and stay in their part of the path."""
    query: FieldValues = Field(default_factory=dict)
    """Value by parameter of the query."""
    headers: dict[str, str] = Field(default_factory=dict, max_length=32)
    """Constant headers. Secrets belong to the configuration of the capability."""
    body: FieldValues | None = None
    """JSON object of the request: value by field. None: no body."""
    timeout: Duration = 10.0
    """Time limit of the request."""
    expected: tuple[Annotated[int, Field(ge=100, le=599)], ...] = Field(default=(200,), min_length=1, max_length=32)
    """Statuses of success. Any other one fails the attempt."""
    response: DeclaredTypes = Field(default_factory=dict)
    """Types of the fields of the JSON object in the response that ``output`` uses, by name."""
    output: OneMapped = Field(default_factory=dict)
    """Message that the handler returns. Further sources: ``response.{field}``, and ``status``, a whole number."""

    @field_validator("url")
    @classmethod
    def _url_is_sound(cls, url: ModelTextTemplate) -> ModelTextTemplate:
        if problem := url_problem(url.texts):
            raise ValueError(problem)
        return url

    @field_validator("headers")
    @classmethod
    def _headers_are_sound(cls, headers: dict[str, str]) -> dict[str, str]:
        if problem := headers_problem(headers):
            raise ValueError(problem)
        return headers

    @model_validator(mode="after")
    def _body_fits(self) -> "ModelHttpOperation":
        if self.body is not None and self.method in ("GET", "DELETE"):
            raise ValueError(f"a {self.method} request has no body")
        return self


class ModelKafkaOperation(ContractPart):
    """A further message. The handler returns it with its result: both are committed together."""

    handler: Identifier
    """Method of the node."""
    type: Literal["kafka"]
    """Kind of the operation."""
    message: OneMapped = Field(min_length=1)
    """One of the handler's ``output_events``, with its values."""


class ModelFileOperation(ContractPart):
    """A file below the folder of the capability. It needs ``MixinFiles``."""

    handler: Identifier
    """Method of the node."""
    type: Literal["file"]
    """Kind of the operation."""
    operation: EnumFileOperation
    """What happens to the file."""
    path: TextTemplate
    """Path below the folder, such as ``orders/{StoreOrder.order_id}.json``. Values are quoted, and stay in their part
    of the path."""
    content: Value | None = None
    """``write`` and ``append``: the text or bytes."""
    binary: bool = False
    """``read``: the content is ``bytes`` instead of ``str``."""
    output: OneMapped = Field(default_factory=dict)
    """Message that the handler returns. Further source with ``read``: ``file.content``."""

    @field_validator("path")
    @classmethod
    def _path_stays_inside(cls, path: ModelTextTemplate) -> ModelTextTemplate:
        if problem := file_problem(path.texts):
            raise ValueError(problem)
        return path

    @model_validator(mode="after")
    def _content_fits(self) -> "ModelFileOperation":
        writes = self.operation in (EnumFileOperation.WRITE, EnumFileOperation.APPEND)
        if writes is not (self.content is not None):
            raise ValueError(f"{self.operation} {'needs' if writes else 'has no'} content")
        if self.binary and self.operation is not EnumFileOperation.READ:
            raise ValueError("binary belongs to read; a file is written as the type of content")
        return self


IoOperation = Annotated[
    ModelPostgresOperation | ModelHttpOperation | ModelKafkaOperation | ModelFileOperation,
    Field(discriminator="type"),
]
"""An I/O operation. ``type`` decides which."""
