"""Checkpoints: the whole state and the position in the data, written by Orbax in the background, N of them kept."""

import contextlib
import errno
import json
import logging
import math
import os
import re
import shutil
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ganinv_jax.core.configs import differences
from ganinv_jax.core.devices import is_loss, of_first
from ganinv_jax.core.errors import BrokenFileError, GaninvError, InputError
from ganinv_jax.core.rng import is_key

# How TensorStore and Orbax tell of files that are missing, short or altered, and how TensorStore tells all else that
# befalls a file.
_DAMAGE = re.compile("^(NOT_FOUND|OUT_OF_RANGE|DATA_LOSS):|Error decoding|Z(STD|std)|was not found in the checkpoint")
_OF_THE_SYSTEM = "os_error_code"


def saved_steps(folder: Path) -> list[int]:
    """The steps of the complete checkpoints in `folder`."""
    return sorted(int(entry.name) for entry in folder.iterdir() if entry.name.isdigit()) if folder.is_dir() else []


class Checkpoints:
    """The checkpoints of one run, in the folder `folder`, one subfolder per step.

    Each holds the state, the number of steps done (which is the position in the data, and all that the keys depend on)
    and a fingerprint of the state. A folder gets its final name only when it is complete.

    best: the name of a figure that `save` is given; the checkpoint that has the highest stays besides the last `keep`,
    or with '-' before the name the one that has the lowest.

    With several processes each of them makes one and calls the same methods, in a folder that all of them see; what the
    first one finds there holds for all.
    """

    def __init__(self, folder: str | os.PathLike, keep: int = 3, best: str = "") -> None:
        self.folder = Path(folder).absolute()
        # Orbax logs the stack of a failed save before raising it; the one sentence from here is enough.
        logging.getLogger("absl").setLevel(logging.CRITICAL)
        self._remove_unfinished()  # Orbax's own clean-up runs in the background, into the next save.
        self._manager = ocp.CheckpointManager(self.folder, options=_options(keep, best))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if is_loss(error):
            return  # Closing would wait for the process that is gone.
        try:
            with self._writing():
                self._manager.close()  # Waits for the last save.
        except Exception:
            if error is None:
                raise

    def save(self, step: int, state: Any, figures: Mapping[str, float] | None = None) -> None:
        """Save the state after `step` steps; returns once it is copied and writes in the background.

        figures: what is known of how good it is; without them it is not compared.
        Raises GaninvError for a state that is not finite, which is not saved, and InputError where this or the previous
        checkpoint could not be written; both name the last good one. A step that is there already is left alone.
        """
        self.wait()
        if of_first(step in saved_steps(self.folder)):
            return
        finite, bits = jax.device_get(_examine(state))
        if not finite:
            raise GaninvError(f"Training stopped at step {step}: the state is no longer finite. {self.not_finite()}")
        about = {"step": step, "fingerprint": int(bits)}
        items = ocp.args.Composite(state=ocp.args.StandardSave(state), about=ocp.args.JsonSave(about))
        with self._writing():
            self._check_space(state)
            self._manager.save(step, args=items, metrics=None if figures is None else dict(figures))

    def is_best(self, step: int) -> bool:
        """Whether the checkpoint of that step is the best one so far."""
        return self._manager.best_step() == step

    def check(self) -> None:
        """Raise InputError where what was saved could not be written, as far as that is known by now."""
        with self._writing():
            self._manager.check_for_errors()

    def wait(self) -> None:
        """Wait until what was saved is on disk. Raises InputError where it could not be written."""
        with self._writing():
            self._manager.wait_until_finished()

    def restore(self, abstract_state: Any, mesh: Mesh) -> tuple[Any, int] | None:
        """The newest whole state, replicated over `mesh`, and the number of steps it has seen; None if there is none.

        A torn checkpoint, whose files are missing, short or altered, is renamed to `torn-STEP` and skipped with a
        warning for the one before. `abstract_state` is the result of `jax.eval_shape`. Raises InputError where there
        are checkpoints and all are torn, where one holds other arrays than such a state does, or where one cannot be
        read for any other reason; GaninvError where only some of several processes can.
        """
        while (step := of_first(max(saved_steps(self.folder), default=-1))) >= 0:
            try:
                return self._read(step, abstract_state, mesh), step
            except Exception as error:
                if is_loss(error):
                    raise  # It says nothing about the checkpoint.
                self._refuse_unless_torn(step, error, abstract_state)
                self._set_aside(step)
                reason = f"which is torn: {_first(error)}"
                warnings.warn(f"Skipped {self.folder / str(step)}, {reason}", stacklevel=2)
        if of_first(any(self.folder.glob("torn-*"))):
            raise InputError(f"None of the checkpoints in {self.folder} can be read; remove that folder to begin anew.")
        return None

    def last_good(self) -> str:
        """A sentence that names the last good checkpoint."""
        steps = saved_steps(self.folder)
        return (
            f"The last good checkpoint is {self.folder / str(steps[-1])}." if steps else "There is no checkpoint yet."
        )

    def not_finite(self) -> str:
        """What to say of a run whose figures are not finite: the last good checkpoint, and how to go on."""
        return (
            f"{self.last_good()} The same command comes to the same figures; begin in another --workdir"
            f"{self._from_model()}, with a lower learning rate."
        )

    def _read(self, step: int, abstract_state: Any, mesh: Mesh) -> Any:
        everywhere = NamedSharding(mesh, PartitionSpec())
        target = jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=everywhere), abstract_state
        )
        items = ocp.args.Composite(state=ocp.args.StandardRestore(target), about=ocp.args.JsonRestore())
        found = self._manager.restore(step, args=items)
        if found["about"] != {"step": step, "fingerprint": fingerprint(found["state"])}:
            raise BrokenFileError("its arrays are not the ones that were saved")
        return found["state"]

    def _refuse_unless_torn(self, step: int, error: Exception, abstract_state: Any) -> None:
        """Raise unless all processes have found, by errors such as `error`, that the checkpoint itself is damaged."""
        path, torn = self.folder / str(step), _is_damage(error)
        try:
            unlike = self._unlike(step, abstract_state)
        except Exception as second:
            unlike, torn = "", torn and _is_damage(second)
        if unlike:
            raise InputError(
                f"The checkpoint {path} was written by another version or for another network: {_cut(unlike)}; go on "
                f"with that version, or begin in another --workdir{self._from_model()}."
            ) from error
        if _is_discord(error):
            raise _discord(path, error) from error
        if not torn:
            raise InputError(
                f"The checkpoint {path} cannot be read now ({_first(error)}); mend that, and run the same command "
                "again, or move it away to go on from the one before."
            ) from error
        try:
            # A process that can read it waits at a barrier of Orbax's, which has another name.
            multihost_utils.sync_global_devices(f"torn {step}")
        except AssertionError:
            raise _discord(path, error) from error

    def _unlike(self, step: int, abstract_state: Any) -> str:
        """Where the stored arrays have other names, shapes or types than the state's; '' where they do not."""
        folder = self._manager.directory / str(step) / "state"
        stored = ocp.StandardCheckpointHandler().metadata(folder).tree
        return differences(_kinds(stored), _kinds(jax.eval_shape(_raw, abstract_state)))

    def _from_model(self) -> str:
        """The option that has another run begin on the model of this one, if there is a model yet."""
        model = self.folder.parent / "model"
        return f", with --init-from {model}" if model.is_dir() else ""

    def _set_aside(self, step: int) -> None:
        aside = self.folder / f"torn-{step}"
        if jax.process_index() == 0:
            shutil.rmtree(aside, ignore_errors=True)
            (self.folder / str(step)).rename(aside)
        multihost_utils.sync_global_devices("set aside")
        self._manager.reload()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if is_loss(error):
                raise
            self._remove_unfinished()  # It may be what fills the disk.
            remedy = "free some space" if _is_full(error) else "mend that"
            raise InputError(
                f"A checkpoint could not be written to {self.folder} ({_first(error)}); {remedy} and run the same "
                f"command again. {self.last_good()}"
            ) from error

    def _remove_unfinished(self) -> None:
        if jax.process_index() == 0:
            for unfinished in self.folder.glob("*.orbax-checkpoint-tmp*"):
                shutil.rmtree(unfinished, ignore_errors=True)

    def _check_space(self, state: Any) -> None:
        """Asked first, since a write that fails half-way through brings up errors in the writer's own threads."""
        needed, free = sum(leaf.nbytes for leaf in jax.tree.leaves(state)), shutil.disk_usage(self.folder).free
        if of_first(free < needed):
            raise OSError(errno.ENOSPC, f"it takes {needed / 2**20:.1f} MiB, but {free / 2**20:.1f} MiB are free")


def _options(keep: int, best: str) -> ocp.CheckpointManagerOptions:
    if not best:
        return ocp.CheckpointManagerOptions(max_to_keep=keep)
    sign, name = (-1, best[1:]) if best.startswith("-") else (1, best)

    def rank(figures: Mapping[str, float]) -> float:
        return sign * figures[name] if name in figures else -math.inf

    stays = ocp.checkpoint_managers.AnyPreservationPolicy(
        [
            ocp.checkpoint_managers.LatestN(keep),
            ocp.checkpoint_managers.BestN(get_metric_fn=rank, n=1, keep_checkpoints_without_metrics=False),
        ]
    )
    return ocp.CheckpointManagerOptions(preservation_policy=stays, best_fn=rank)


def fingerprint(tree: Any) -> int:
    """A 32-bit sum over all bits of the tree's arrays that depends on their places, whatever the devices."""
    return int(jax.device_get(_examine(tree)[1]))


@jax.jit
def _examine(state: Any) -> tuple[jax.Array, jax.Array]:
    """Whether all floating values are finite, and a 32-bit sum over all bits that depends on their places."""
    finite, total = jnp.bool_(True), jnp.uint32(0)
    for number, leaf in enumerate(jax.tree.leaves(state)):
        if is_key(leaf):
            leaf = jax.random.key_data(leaf)
        if jnp.issubdtype(leaf.dtype, jnp.inexact):
            finite &= jnp.isfinite(leaf).all()
        words = _words(leaf).ravel()
        # Odd weights: no single changed bit is lost. Integer sums are the same in any order, so on any devices.
        weights = 2 * jnp.arange(words.size, dtype=jnp.uint32) + jnp.uint32(2 * number + 1)
        total += jnp.sum(words * weights, dtype=jnp.uint32)
    return finite, total


def _raw(state: Any) -> Any:
    """The state as Orbax stores it: the bits of its keys."""
    return jax.tree.map(lambda leaf: jax.random.key_data(leaf) if is_key(leaf) else leaf, state)


def _kinds(tree: Any) -> dict[str, str]:
    """Names to types and shapes, as 'float32[3, 64]'."""
    return {name: f"{leaf.dtype}{list(leaf.shape)}" for name, leaf in ocp.tree.to_flat_dict(tree, sep=".").items()}


def _is_damage(error: Exception) -> bool:
    """Whether the error, or the one behind it, shows that a checkpoint's own files are missing, short or altered."""
    if isinstance(error, FileNotFoundError | json.JSONDecodeError | UnicodeDecodeError | BrokenFileError):
        return True
    text = error.args[0] if isinstance(error, KeyError) else str(error)
    if isinstance(error, ValueError | KeyError) and _DAMAGE.search(text) and _OF_THE_SYSTEM not in text:
        return True
    return isinstance(error.__cause__, Exception) and _is_damage(error.__cause__)


def _is_discord(error: Exception) -> bool:
    """Whether it is one of several processes that waited for the others in vain."""
    return jax.process_count() > 1 and isinstance(error, AssertionError | jax.errors.JaxRuntimeError)


def _discord(path: Path, error: Exception) -> GaninvError:
    return GaninvError(
        f"All processes of a run must be able to read {path}, but only some of them are ({_first(error)}); see what "
        "each of them says, mend that, and run the same command in all of them again."
    )


def _is_full(error: BaseException) -> bool:
    """Whether the error, or the one behind it, tells that a disk or a quota is full."""
    codes = (errno.ENOSPC, errno.EDQUOT)
    if getattr(error, "errno", None) in codes or any(os.strerror(code) in str(error) for code in codes):
        return True
    return error.__cause__ is not None and _is_full(error.__cause__)


def _words(leaf: jax.Array) -> jax.Array:
    if leaf.dtype == jnp.bool_:
        return leaf.astype(jnp.uint32)
    size = leaf.dtype.itemsize
    return jax.lax.bitcast_convert_type(leaf, {1: jnp.uint8, 2: jnp.uint16}.get(size, jnp.uint32)).astype(jnp.uint32)


def _first(error: Exception) -> str:
    """The telling part of an error's text, or of the one behind it: TensorStore appends long lists of places."""
    telling = error.__cause__ or error
    return _cut(" ".join(str(telling).split()) or type(telling).__name__)


def _cut(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:140]} … {text[-140:]}"
