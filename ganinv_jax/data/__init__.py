"""Training data: where pictures come from, the order they come in, and the holes cut into them."""
