"""Small tools without a domain: clocks, redaction, printable text, failpoints."""
