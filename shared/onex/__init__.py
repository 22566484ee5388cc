"""ONEX mesh: nodes described by contracts, run as stream-processing agents on Kafka."""

__version__ = "0.1.0"
