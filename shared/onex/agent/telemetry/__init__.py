"""Metrics, traces and readiness of an agent."""
