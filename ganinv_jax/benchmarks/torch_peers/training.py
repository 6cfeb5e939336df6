"""One lazily regularised training iteration of StyleGAN2 in PyTorch: what `training.tasks.gan` does in JAX."""

import copy
from typing import Any, NamedTuple, Protocol

import torch

from ganinv_jax.benchmarks.torch_peers import losses


class Settings(NamedTuple):
    """Those of the recipe; see `GanConfig` and `StyleGAN2AdversaryConfig`."""

    learning_rate: float
    r1_gamma: float
    pl_weight: float
    style_mixing: float
    ema_kimg: float
    pl_interval: int = 4
    r1_interval: int = 16
    pl_batch_shrink: int = 2
    betas: tuple[float, float] = (0.0, 0.99)


class Loss(Protocol):
    """Adds the gradients of a phase ('Gmain', 'Greg', 'Dmain', 'Dreg', as NVIDIA names them), times `gain`."""

    def accumulate(self, phase: str, reals: Any, z: Any, gain: float) -> None: ...


class Iteration:
    """Optimisers, average and loss around two networks; `step` is one iteration."""

    def __init__(self, generator: Any, discriminator: Any, loss: Loss, settings: Settings, batch: int, z_dim: int):
        self.generator = generator.train().requires_grad_(False)
        self.discriminator = discriminator.train().requires_grad_(False)
        self.average = copy.deepcopy(generator).eval()
        self._loss, self._settings, self._batch, self._z_dim, self._images = loss, settings, batch, z_dim, 0
        self._optimizers = {
            "G": _lazy_adam(generator, settings, settings.pl_interval),
            "D": _lazy_adam(discriminator, settings, settings.r1_interval),
        }

    def step(self, reals: Any, lengths: bool, r1: bool) -> None:
        """reals: uint8 [b, c, h, w]. lengths, r1: whether those regularisers run."""
        reals, settings = reals.float() / 127.5 - 1, self._settings
        self._phase("Gmain", reals, 1)
        if lengths:
            self._phase("Greg", reals, settings.pl_interval)
        self._phase("Dmain", reals, 1)
        if r1:
            self._phase("Dreg", reals, settings.r1_interval)
        self._images += self._batch
        decay = 0.5 ** (self._batch / max(settings.ema_kimg * 1000, 1e-8))
        with torch.no_grad():
            for mean, value in zip(self.average.parameters(), self.generator.parameters(), strict=True):
                mean.lerp_(value, 1 - decay)
            for mean, value in zip(self.average.buffers(), self.generator.buffers(), strict=True):
                mean.copy_(value)

    def _phase(self, phase: str, reals: Any, gain: float) -> None:
        network, optimizer = {"G": self.generator, "D": self.discriminator}[phase[0]], self._optimizers[phase[0]]
        optimizer.zero_grad(set_to_none=True)
        network.requires_grad_(True)
        z = torch.randn(self._batch, self._z_dim, device=reals.device)
        self._loss.accumulate(phase, reals, z, gain)
        network.requires_grad_(False)
        optimizer.step()


class StyleGAN2Loss:
    """Logistic losses, R1 and path lengths over the networks of `torch_peers.networks`."""

    def __init__(self, generator: Any, discriminator: Any, settings: Settings, forward_over_reverse: bool):
        self._generator, self._discriminator, self._settings = generator, discriminator, settings
        self._forward_over_reverse = forward_over_reverse
        self._mean = None
        # Compiled programs cannot be differentiated twice, so regularisers take the networks as they are.
        self.synthesize, self.score = generator.synthesis, discriminator

    def accumulate(self, phase: str, reals: Any, z: Any, gain: float) -> None:
        getattr(self, f"_{phase.lower()}")(reals, z).mul(gain).backward()

    def _gmain(self, reals, z):
        return losses.generator_logistic(self.score(self.synthesize(self._ws(z), noise_mode="random"), None))

    def _greg(self, reals, z):
        ws = self._ws(z[: max(1, len(z) // self._settings.pl_batch_shrink)])
        mean = torch.zeros((), device=z.device) if self._mean is None else self._mean
        shape = (len(ws), *reals.shape[1:])
        noise = torch.randn(shape, device=z.device)
        drawn = self._noise(len(ws), z.device)

        def synthesize(ws):
            return self._generator.synthesis(ws, noise=drawn)

        loss, self._mean = losses.path_length_penalty(synthesize, ws, noise, mean, self._forward_over_reverse)
        return loss * self._settings.pl_weight

    def _dmain(self, reals, z):
        with torch.no_grad():
            fakes = self.synthesize(self._ws(z), noise_mode="random")
        return losses.discriminator_logistic(self.score(reals, None), self.score(fakes, None))

    def _dreg(self, reals, z):
        penalty = losses.r1_penalty(lambda x: self._discriminator(x, None), reals, self._forward_over_reverse)
        return penalty * (self._settings.r1_gamma / 2)

    def _ws(self, z):
        """W+ with style mixing, one crossover a batch."""
        ws = self._generator.mapping(z, None)
        if self._settings.style_mixing:
            rows = ws.shape[1]
            cut = int(torch.randint(1, rows, ())) if torch.rand(()) < self._settings.style_mixing else rows
            other = self._generator.mapping(torch.randn_like(z), None, skip_w_avg_update=True)
            ws = torch.cat([ws[:, :cut], other[:, cut:]], 1)
        return ws

    def _noise(self, batch: int, device: Any) -> dict[str, torch.Tensor]:
        """The same noise for both passes over the pictures."""
        buffers = self._generator.synthesis.named_buffers()
        maps = {name.removesuffix(".noise_const"): x for name, x in buffers if name.endswith("noise_const")}
        return {name: torch.randn(batch, 1, *x.shape, device=device) for name, x in maps.items()}


def _lazy_adam(network: Any, settings: Settings, interval: int) -> torch.optim.Adam:
    c = interval / (interval + 1)
    betas = tuple(beta**c for beta in settings.betas)
    return torch.optim.Adam(network.parameters(), settings.learning_rate * c, betas, eps=1e-8)  # type: ignore[arg-type]
