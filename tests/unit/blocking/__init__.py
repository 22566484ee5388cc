"""Code of a node that blocks its event loop; in a folder of its own, as the code of a node is."""
