"""NVIDIA's own code, from a checkout of NVlabs/stylegan2-ada-pytorch that the user has; nothing of it is kept here."""

import importlib
import sys
from pathlib import Path
from typing import Any

import torch

from ganinv_jax.benchmarks.options import Options
from ganinv_jax.benchmarks.torch_peers.training import Settings
from ganinv_jax.core.configs import check


def networks(options: Options) -> tuple[Any, Any]:
    """(generator, discriminator) of the checkout's `training.networks`.

    Raises InputError where the folder is no such checkout, or for widths or a precision that its options cannot say.
    """
    path = _checkout(options.nvidia)
    generator, discriminator = options.generator, options.discriminator
    listed = generator.synthesis.channels is not None
    check(not listed, f"NVIDIA's code cannot have the widths of {options.preset}; choose slim, auto or ffhq256.")
    check(options.dtype != "bf16", "NVIDIA's code has no bf16; choose fp32 or fp16, or leave --nvidia-checkout out.")
    module = _module(path, "training.networks")
    widths = {
        name: getattr(generator.synthesis, name)
        for name in ("channel_base", "channel_max", "num_fp16_res", "conv_clamp")
    }
    mapping = {"num_layers": generator.mapping.num_layers}
    sizes = {"c_dim": 0, "img_resolution": generator.resolution, "img_channels": generator.img_channels}
    latents = {"z_dim": generator.z_dim, "w_dim": generator.w_dim}
    return (
        module.Generator(**sizes, **latents, mapping_kwargs=mapping, synthesis_kwargs=widths),
        module.Discriminator(**sizes, **widths, epilogue_kwargs={"mbstd_group_size": discriminator.mbstd_group_size}),
    )


class NvidiaLoss:
    """The checkout's `StyleGAN2Loss`; see `torch_peers.training.Loss`."""

    def __init__(self, options: Options, generator: Any, discriminator: Any, settings: Settings, device: Any):
        self._loss = _module(_checkout(options.nvidia), "training.loss").StyleGAN2Loss(
            device=device,
            G_mapping=generator.mapping,
            G_synthesis=generator.synthesis,
            D=discriminator,
            style_mixing_prob=settings.style_mixing,
            r1_gamma=settings.r1_gamma,
            pl_batch_shrink=settings.pl_batch_shrink,
            pl_weight=settings.pl_weight,
        )

    def accumulate(self, phase: str, reals: Any, z: Any, gain: float) -> None:
        labels = torch.empty(len(z), 0, device=z.device)
        self._loss.accumulate_gradients(
            phase=phase, real_img=reals, real_c=labels, gen_z=z, gen_c=labels, sync=True, gain=gain
        )


def _checkout(folder: Any) -> Path:
    path = Path(folder).expanduser().resolve()
    found = (path / "training/networks.py").is_file() and (path / "torch_utils").is_dir()
    check(found, f"--nvidia-checkout must name a checkout of stylegan2-ada-pytorch, but {folder} is none.")
    return path


def _module(checkout: Path, name: str) -> Any:
    if str(checkout) not in sys.path:
        sys.path.insert(0, str(checkout))
    return importlib.import_module(name)
