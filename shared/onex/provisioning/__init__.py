"""Topics, schemas and environments: what contracts declare is planned and applied to a cluster."""
