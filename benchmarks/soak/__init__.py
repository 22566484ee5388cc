"""Memory of the order workflow's agents under a hostile sender."""
