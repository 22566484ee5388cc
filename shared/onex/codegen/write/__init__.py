"""Writes the package of a node to disk: all files or none, with backups, differences and a way back."""

from onex.codegen.write.backups import Backup, list_backups, restore_package
from onex.codegen.write.differences import FileDifference, differences
from onex.codegen.write.errors import WriteError
from onex.codegen.write.package_writer import WriteReport, write_package

__all__ = [
    "Backup",
    "FileDifference",
    "WriteError",
    "WriteReport",
    "differences",
    "list_backups",
    "restore_package",
    "write_package",
]
