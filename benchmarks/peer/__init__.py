"""What the hand-written peers and the frameworks share, so that they differ only in what they are."""
