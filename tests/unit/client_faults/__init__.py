"""Programs that show faults of the Kafka client; each runs in a process of its own, because it does not survive."""
