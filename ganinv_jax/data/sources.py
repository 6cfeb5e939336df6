"""Where training pictures come from: a folder, a zip, TFDS, or several of them joined. All are random-access."""

import itertools
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NotRequired, Protocol, TypedDict

import numpy as np

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.images import read_mask, read_photo
from ganinv_jax.data.archives import Files, Folder, Zip, pair_masks, picture_names, read_labels
from ganinv_jax.data.preparing import first_alone

TFDS_INFO = "dataset_info.json"  # lies in the folder of each prepared TFDS data set


class Example(TypedDict):
    """One picture: `image` uint8 [h, w, 3]; `label` float32 [c_dim] where the source has labels; `mask` bool [h, w],
    True on the marked part (such as a defect), where masks were asked for."""

    image: np.ndarray
    name: str
    label: NotRequired[np.ndarray]
    mask: NotRequired[np.ndarray]


class Source(Protocol):
    """Pictures by index. Reading is safe from several threads and after a fork, and always gives the same picture."""

    c_dim: int
    """The width of the labels; 0 without labels."""
    has_masks: bool
    """Whether every example has a `mask`."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Example: ...

    def listing(self) -> Iterable[str]:
        """What tells these pictures from others: the files' names in order, or a data set's name, version and split."""
        ...


def open_source(spec: str | os.PathLike, masks: bool = False) -> Source:
    """Open the pictures that `spec` names.

    `folder:PATH` holds pictures at any depth, `zip:PATH` likewise, and a plain PATH is guessed; they come sorted by
    name. `tfds:NAME/SPLIT` is a TFDS data set (NAME may carry a config and a version, or be the folder of a prepared
    one; `ganinv data` prepares one from a folder or zip). Several, joined with `+`, follow one another.

    An NVIDIA-style `dataset.json` in a folder or zip (`{"labels": [[name, class or vector], ...]}`) gives labels;
    classes become one-hot. Masks are pictures in a folder `masks` beside a folder `images`, paired by stem
    (`images/a.jpg`, `masks/a.png`); they are never taken for pictures, and come with the examples if `masks` is set.

    Raises InputError for a source that is missing, empty, broken, without the masks asked for, or whose parts have
    labels of different widths. Reading a broken picture raises InputError with its name.
    """
    kind, path = _split_kind(os.fspath(spec))
    root = Path(path).expanduser()
    if "+" in path and not root.exists():
        return JoinedSource([open_source(part.strip(), masks) for part in os.fspath(spec).split("+")])
    if kind == "tfds":
        return TfdsSource(path, masks)
    if not root.exists():
        raise InputError(f"There are no pictures at {root}; name an existing folder or zip.")
    files = Folder(root) if kind == "folder" or (not kind and root.is_dir()) else Zip(root)
    return FileSource(files, masks)


class FileSource:
    """The pictures of a folder or zip; see `open_source`.

    Attributes:
        names: of the pictures' files, in order.
        labels: float32 [n, c_dim], or None.
    """

    def __init__(self, files: Files, masks: bool = False):
        listing = files.names()
        self._files, self.has_masks = files, masks
        self.names, self._masks = pair_masks(picture_names(listing))
        if not self.names:
            raise InputError(f"There are no pictures (PNG, JPEG, WebP, ...) in {files}; name another folder or zip.")
        unmarked = [name for name in self.names if name not in self._masks] if masks else []
        if unmarked:
            raise InputError(
                f"Every picture in {files} must have a mask, as asked, but {unmarked[0]} has none; "
                "give images/STEM.jpg its masks/STEM.png, or open the source without masks."
            )
        self.labels = read_labels(files, self.names) if "dataset.json" in listing else None
        self.c_dim = 0 if self.labels is None else self.labels.shape[1]

    def __len__(self) -> int:
        return len(self.names)

    def __str__(self) -> str:
        return str(self._files)

    def listing(self) -> list[str]:
        return self.names

    def content(self, index: int) -> bytes:
        """A picture's file as it is. Raises InputError where it cannot be read."""
        return self._files.read(self.names[index])

    def __getitem__(self, index: int) -> Example:
        name = self.names[index]
        example = Example(image=read_photo(self.content(index), self._where(name)), name=name)
        if self.labels is not None:
            example["label"] = self.labels[index]
        if self.has_masks:
            example["mask"] = self._mask(self._masks[name], example["image"].shape[:2])
        return example

    def _mask(self, name: str, size: tuple[int, ...]) -> np.ndarray:
        mask = read_mask(self._files.read(name), self._where(name))
        if mask.shape != size:
            raise InputError(
                f"{self._where(name)} must have the size of its picture, {size[1]}x{size[0]}, but it is "
                f"{mask.shape[1]}x{mask.shape[0]}; resize it."
            )
        return mask

    def _where(self, name: str) -> str:
        return f"{name} in {self._files}"


class TfdsSource:
    """A TFDS split, read through `tfds.data_source` (ArrayRecord files; TensorFlow is not needed to read them)."""

    def __init__(self, spec: str, masks: bool = False):
        if masks:
            raise InputError(f"Masks come with folders and zips, not with tfds:{spec}; open it without masks.")
        self._name, _, self._split = spec.rpartition("/")
        if not self._name:
            raise InputError(
                f"A TFDS source must read tfds:NAME/SPLIT, such as tfds:cifar10/train, but got tfds:{spec}."
            )
        self._data, self._image, label, self._full_name = _open_tfds(self._name, self._split)
        classes, shape = getattr(label, "num_classes", None), getattr(label, "shape", None)
        self._one_hot = np.eye(classes, dtype=np.float32) if classes else None
        self.c_dim = classes or (shape[0] if shape and len(shape) == 1 and shape[0] else 0)
        self.has_masks = False

    def __len__(self) -> int:
        return len(self._data)

    def listing(self) -> list[str]:
        return [f"tfds:{self._full_name}/{self._split}"]

    def __getitem__(self, index: int) -> Example:
        name = f"tfds:{self._name}/{self._split}[{index}]"
        record = self._data[index]
        example = Example(image=read_photo(bytes(record[self._image]), name), name=name)
        if self.c_dim:
            label = record["label"]
            example["label"] = np.asarray(label, np.float32) if self._one_hot is None else self._one_hot[label]
        return example


class JoinedSource:
    """Several sources, one after the other."""

    def __init__(self, parts: Sequence[Source]):
        widths = sorted({part.c_dim for part in parts})
        if len(widths) > 1:
            raise InputError(f"Joined sources must have labels of one width, but theirs are {widths}; join others.")
        self._parts, self._ends = parts, np.cumsum([len(part) for part in parts])
        self.c_dim, self.has_masks = parts[0].c_dim, parts[0].has_masks

    def __len__(self) -> int:
        return int(self._ends[-1])

    def listing(self) -> Iterable[str]:
        return itertools.chain.from_iterable(part.listing() for part in self._parts)

    def __getitem__(self, index: int) -> Example:
        if not 0 <= index < len(self):
            raise IndexError(index)
        part = int(np.searchsorted(self._ends, index, side="right"))
        return self._parts[part][index - int(self._ends[part]) + len(self._parts[part])]


def _split_kind(spec: str) -> tuple[str, str]:
    kind, colon, path = spec.partition(":")
    return (kind, path) if colon and kind in ("folder", "zip", "tfds") else ("", spec)


def _open_tfds(name: str, split: str) -> tuple[Any, str, Any, str]:
    """The data source with its pictures still encoded, the picture's key, the feature `label` or None, and what the
    data set is called, with its version."""
    try:
        first_alone(lambda: _picture_key(_builder(name)), f"tfds:{name}")
        builder = _builder(name)
        image, label = _picture_key(builder), dict(builder.info.features.items()).get("label")
        import tensorflow_datasets as tfds

        data = builder.as_data_source(split=split, decoders={image: tfds.decode.SkipDecoding()})
    except InputError:
        raise
    except ImportError as error:
        raise InputError(
            f"tfds:{name}/{split} must be prepared as ArrayRecord files, but this needs a package that is missing "
            f"({error}); install it, or prepare the data set where it is installed and copy the folder."
        ) from error
    except Exception as error:  # TFDS raises its own classes, ValueError or NotImplementedError for what a user names.
        reason = next(iter(str(error).strip().splitlines()), repr(error))
        raise InputError(
            f"tfds:{name}/{split} cannot be opened ({reason}); check its name, split and files."
        ) from error
    return data, image, label, builder.info.full_name


def _builder(name: str) -> Any:
    import tensorflow_datasets as tfds  # Slow to import, and of no use to who reads folders.

    folder = _prepared(Path(name).expanduser())
    return tfds.builder_from_directory(folder) if folder else tfds.builder(name, file_format="array_record")


def _picture_key(builder: Any) -> str:
    """What its pictures are called in each example; prepares the data set where nobody has."""
    import tensorflow_datasets as tfds

    features = dict(builder.info.features.items())
    key = next((key for key, value in features.items() if isinstance(value, tfds.features.Image)), None)
    if key is None:
        raise InputError(f"The TFDS data set {builder.name} has no feature that is a picture; name another one.")
    if not builder.is_prepared():
        builder.download_and_prepare()
    return key


def _prepared(folder: Path) -> Path | None:
    """The folder of a prepared data set: this one, or that of its newest version (`1.0.0`) in it."""
    if (folder / TFDS_INFO).exists():
        return folder
    versions = [
        path.parent for path in folder.glob(f"*/{TFDS_INFO}") if re.fullmatch(r"\d+\.\d+\.\d+", path.parent.name)
    ]
    return max(versions, key=lambda path: [int(part) for part in path.name.split(".")], default=None)
