"""A folder or zip of pictures as a TFDS data set, written without TensorFlow."""

import contextlib
import io
import logging
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from ganinv_jax.core.decoding import ORIENTATION, open_header
from ganinv_jax.core.errors import BrokenFileError, InputError
from ganinv_jax.data.sources import FileSource

SPLITS = ("train", "validation", "test")


def prepare(source: FileSource, spec: str) -> dict[str, int]:
    """Write pictures as the data set `tfds:NAME`, or in a folder of its own as `tfds:DIR/NAME`; see `PictureBuilder`.

    Without DIR it goes where TFDS keeps all of them: $TFDS_DATA_DIR, or ~/tensorflow_datasets. `open_source(f"{spec}/
    SPLIT")` then reads it. Returns the number of pictures in each split.

    Raises InputError for another name than lower-case letters, digits and `_` make up, one that TFDS has itself, or one
    that is taken; where no picture is whole; and where it cannot be written.
    """
    folder, _, name = spec.removeprefix("tfds:").rpartition("/")
    if not spec.startswith("tfds:") or not re.fullmatch("[a-z][a-z0-9_]*", name):
        raise InputError(
            "A data set to write must read tfds:NAME or tfds:DIR/NAME, NAME made of lower-case letters, digits and _, "
            f"but got {spec}."
        )
    if not folder and name in tfds.list_builders(with_community_datasets=False):
        raise InputError(f"The data set must have a name of its own, but TFDS has a {name} itself; give another one.")
    builder = PictureBuilder(name, source, Path(folder).expanduser() if folder else None)
    if builder.is_prepared():
        raise InputError(f"{spec} must be new, but {builder.data_dir} is there; remove it or give another name.")
    try:
        with _quiet(), tempfile.TemporaryDirectory() as downloads:  # of which there are none, but TFDS makes the folder
            builder.download_and_prepare(download_dir=downloads)
    except OSError as error:
        raise InputError(
            f"{spec} must be written to {builder.data_dir}, but cannot be ({error.strerror or error}); "
            "free some space or name another folder."
        ) from error
    return {split: found.num_examples for split, found in builder.info.splits.items()}


class PictureBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """The pictures of a folder or zip as ArrayRecord files, in the order of their names.

        builder = PictureBuilder("fruit", open_source("fruit/"), "sets")
        builder.download_and_prepare()
        builder.as_data_source("train")[0]

    Where all pictures lie in folders named `train`, `validation` or `test`, each is a split; else all are `train`.

    Features: `image` (uint8 [h, w, 3]), `name` of the file, and `label` where `dataset.json` gives any: a class, or
    float32 [c_dim]. Every reader sees in them what `open_source` sees in the files: PNG and JPEG files that are upright
    8-bit RGB are stored as they are, others as PNG. Broken pictures are left out.

    Args:
        name: lower-case letters, digits and `_`.
        source: the pictures.
        data_dir: where the folder of that name goes; None stands for $TFDS_DATA_DIR or ~/tensorflow_datasets.
    """

    VERSION = tfds.core.Version("1.0.0")
    code_path = None  # TFDS would look beside this file for checksums of downloads, of which there are none.

    def __init__(self, name: str, source: FileSource, data_dir: str | Path | None = None):
        self.name = name  # type: ignore[misc] (TFDS derives it from the class where nobody says it)
        self._source = source
        labels = source.labels
        self._classes = labels is not None and bool(((labels != 0).sum(1) == 1).all() and (labels.max(1) == 1).all())
        super().__init__(data_dir=data_dir, file_format="array_record")

    def _info(self) -> tfds.core.DatasetInfo:
        features: dict[str, Any] = {"image": tfds.features.Image(shape=(None, None, 3)), "name": tfds.features.Text()}
        if self._classes:
            features["label"] = tfds.features.ClassLabel(num_classes=self._source.c_dim)
        elif self._source.labels is not None:
            features["label"] = tfds.features.Tensor(shape=(self._source.c_dim,), dtype=np.float32)
        return tfds.core.DatasetInfo(
            builder=self,
            description=f"The pictures of {self._source}.",
            features=tfds.features.FeaturesDict(features),
            disable_shuffling=True,  # so that it trains as the folder does
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        tops = [PurePosixPath(name).parts[0] for name in self._source.names]
        if not set(tops) <= set(SPLITS):
            return {"train": self._generate_examples(range(len(tops)))}
        chosen = {split: [index for index, top in enumerate(tops) if top == split] for split in SPLITS}
        return {split: self._generate_examples(indices) for split, indices in chosen.items() if indices}

    def _generate_examples(self, indices: Any) -> Iterator[tuple[int, dict[str, Any]]]:
        for index in indices:
            with contextlib.suppress(BrokenFileError):
                yield index, self._example(index)

    def _example(self, index: int) -> dict[str, Any]:
        example = {"image": _stored(self._source, index), "name": self._source.names[index]}
        if self._source.labels is not None:
            label = self._source.labels[index]
            example["label"] = int(label.argmax()) if self._classes else label
        return example


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what TFDS tells: progress, where it writes, and that the folder to be written is not there yet."""
    tfds.disable_progress_bar()
    log = logging.getLogger("absl")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        log.setLevel(level)


def _stored(source: FileSource, index: int) -> bytes:
    """A picture's file where it is upright 8-bit RGB in PNG or JPEG, else a PNG file of what training sees of it."""
    photo, content = source[index]["image"], source.content(index)
    with open_header(io.BytesIO(content)) as picture:
        upright = picture.getexif().get(ORIENTATION, 1) == 1
        plain = picture.format in ("PNG", "JPEG") and picture.mode == "RGB" and not picture.has_transparency_data
    if plain and upright:
        return content
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "PNG")
    return file.getvalue()
