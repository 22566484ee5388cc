"""How every peer is measured: the same broker and data, from outside, one after the other in turns."""
