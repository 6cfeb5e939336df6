"""Measuring speed: what `ganinv benchmark` times, and the same work in PyTorch."""
