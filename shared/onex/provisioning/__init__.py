"""Plans the topics and schemas that contracts declare, applies the plan, and records which environment owns them."""
