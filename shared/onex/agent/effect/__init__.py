"""The engine of an EFFECT: handlers run in key-ordered lanes, and their outcomes are committed in transactions."""
