"""The applications that may ask: registered by the operator, each with the least it needs."""
