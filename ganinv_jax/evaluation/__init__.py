"""Protocols: which pictures, holes and seeds the figures of a model are computed on. They return plain dictionaries."""
