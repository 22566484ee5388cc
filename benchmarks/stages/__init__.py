"""Where the time of a message goes."""
