"""Generic statements for tables with a key of one column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from node_database_adapter_effect.v1_0_0.pool import ProtocolConnection


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts: its name, its key and its other columns."""

    name: str
    key: str
    columns: tuple[str, ...]

    @property
    def definition(self) -> str:
        """Return the statement that creates the table."""
        columns = "".join(f", {column} TEXT NOT NULL" for column in self.columns)
        return f"CREATE TABLE IF NOT EXISTS {self.name} ({self.key} TEXT PRIMARY KEY{columns})"


class CrudHandlers:
    """Create, read, update and delete rows of a table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def upsert(
        self, connection: ProtocolConnection, values: Mapping[str, str], changed: Sequence[str]
    ) -> Mapping[str, object]:
        """Insert a row, or change some columns of the row that has the key."""
        table = self._table
        columns = (table.key, *table.columns)
        places = ", ".join(f"${index + 1}" for index in range(len(columns)))
        updates = ", ".join(f"{column} = EXCLUDED.{column}" for column in changed)
        rows = await connection.fetch(
            f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({places}) "
            f"ON CONFLICT ({table.key}) DO UPDATE SET {updates} RETURNING *",
            *(values[column] for column in columns),
        )
        return rows[0]

    async def get(self, connection: ProtocolConnection, key: str) -> Mapping[str, object] | None:
        """Return a row, or None."""
        rows = await connection.fetch(f"SELECT * FROM {self._table.name} WHERE {self._table.key} = $1", key)
        return rows[0] if rows else None

    async def update(
        self, connection: ProtocolConnection, key: str, column: str, value: str
    ) -> Mapping[str, object] | None:
        """Change one column of a row. Return the row, or None when there is none."""
        table = self._table
        statement = f"UPDATE {table.name} SET {column} = $2 WHERE {table.key} = $1 RETURNING *"
        rows = await connection.fetch(statement, key, value)
        return rows[0] if rows else None

    async def delete(self, connection: ProtocolConnection, key: str) -> list[str]:
        """Delete a row, and return the keys that were deleted."""
        table = self._table
        rows = await connection.fetch(f"DELETE FROM {table.name} WHERE {table.key} = $1 RETURNING {table.key}", key)
        return [str(row[table.key]) for row in rows]
