"""The mesh as applications and operators see it: discovery and the client."""

from onex.mesh.discovery import Discovery, Entry

__all__ = ["Discovery", "Entry"]
