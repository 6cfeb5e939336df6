"""Generators that papers and recipes speak of, by name."""

from ganinv_jax.models.stylegan2.config import GeneratorConfig, MappingConfig, SynthesisConfig


def ffhq1024() -> GeneratorConfig:
    """StyleGAN2's config F at 1024 px (Karras et al. 2020), as stylegan2-ada-pytorch's `--cfg=stylegan2` trains it."""
    return GeneratorConfig(1024, synthesis=SynthesisConfig(num_fp16_res=4, conv_clamp=256))


def afhq512() -> GeneratorConfig:
    """StyleGAN2-ADA's AFHQ networks at 512 px (Karras et al. 2020b), `--cfg=paper512`."""
    return GeneratorConfig(512, synthesis=SynthesisConfig(num_fp16_res=4, conv_clamp=256))


def cat64() -> GeneratorConfig:
    """The bundled cats at 64 px: narrow, and with a mapping of two layers, for a CPU."""
    return GeneratorConfig(
        64,
        z_dim=64,
        w_dim=256,
        mapping=MappingConfig(num_layers=2),
        synthesis=SynthesisConfig(channels=(256, 256, 128, 96, 48)),
    )
