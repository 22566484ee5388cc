"""Ends a process that no longer makes progress, and says why."""
