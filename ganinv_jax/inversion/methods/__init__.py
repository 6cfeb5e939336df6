"""The published methods; each module has one function that returns its configuration."""
