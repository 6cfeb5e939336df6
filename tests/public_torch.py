"""PyTorch, for tests that compare with public implementations."""

import functools

import pytest


@functools.cache
def import_torch():
    """The module `torch`, made ready for torchvision; the test is skipped where it is not installed."""
    torch = pytest.importorskip("torch")
    if torch.version.cuda is None:
        # torchvision's wheel is built for CUDA. Beside torch for the CPU its operators do not load, and two are missed.
        for name in ("nms", "qnms"):
            torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return torch
