"""``onex dev``: a mesh on this machine that follows the files of its nodes.

The process of the command imports no node. It forks `onex up`, `onex down` and all that reads contracts from a
process with what these commands import: each finds the modules of nodes as they are on disk, and a wrong one ends
with it.
"""
