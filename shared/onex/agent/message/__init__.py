"""A record on its way in and out: decoded into a message, handed to the handler, and the results encoded."""
