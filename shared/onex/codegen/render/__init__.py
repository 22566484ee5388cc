"""From a contract to the files of a node package: bodies, models, golden cases."""
