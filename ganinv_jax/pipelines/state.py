"""What a completion leaves behind so that an edit can go on from it: `state.npz`."""

import dataclasses
import os
import zipfile
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.files import atomic_file

FORMAT = 1


@dataclasses.dataclass(frozen=True)
class State:
    """ws: the codes that were rendered. ws_rand: those of the seeds, before the mixer.

    erased, hole: what the model was shown, and where nothing was known (True). composite: whether the known pixels were
    pasted back. model, digest: `Model.name` and `Model.digest` of the model that made it.
    """

    ws: Float[np.ndarray, "k l w"]
    ws_rand: Float[np.ndarray, "k l w"]
    erased: UInt8[np.ndarray, "r r 3"]
    hole: Bool[np.ndarray, "r r"]
    seeds: Int[np.ndarray, "k"]
    composite: bool
    noise_mode: str
    model: str
    digest: str

    def save(self, path: str | os.PathLike) -> None:
        """Write the file, whole or not at all."""
        with atomic_file(path) as temporary:
            np.savez_compressed(temporary, format=FORMAT, **vars(self))

    @classmethod
    def load(cls, path: str | os.PathLike) -> "State":
        """Read a file that `save` wrote. Raises InputError for any other."""
        names = [field.name for field in dataclasses.fields(cls)]
        try:
            with np.load(path, allow_pickle=False) as file:
                version = int(file["format"])
                values: dict[str, Any] = {name: file[name] for name in names}
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(f"{path} must be a whole state.npz, but is not ({error}); make it again.") from error
        if version > FORMAT:
            raise InputError(f"{path} has format {version}, but this version reads up to {FORMAT}; upgrade ganinv_jax.")
        return cls(**{name: value if value.ndim else value.item() for name, value in values.items()})
