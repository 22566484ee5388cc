"""The engine: carries records from input topics through a node to output topics, state and offsets."""
