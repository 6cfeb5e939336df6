"""The names that a weight file may mention. A name does nothing by itself: the reader never imports it."""

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.torchfile.records import Global

# Python 2's module names, as Python's own unpickler maps them.
_RENAMED = {"__builtin__": "builtins", "numpy.core.multiarray": "numpy._core.multiarray"}
_RENAMED |= {"numpy.core.numeric": "numpy._core.numeric"}

# Names that become plain values (see values.py).
VALUES = {
    "_codecs.encode",
    "argparse.Namespace",
    "builtins.bytearray",
    "builtins.bytes",
    "builtins.frozenset",
    "builtins.set",
    "collections.OrderedDict",
    "dnnlib.util.EasyDict",
    "numpy._core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
    "numpy._core.numeric._frombuffer",
    "numpy.dtype",
    "pathlib.PosixPath",
    "pathlib.PurePosixPath",
    "pathlib.PureWindowsPath",
    "pathlib.WindowsPath",
    "torch.Size",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor_v3",
    "torch.device",
    "torch.storage._load_from_bytes",
}
# Names that stay records: for conversion to look into.
RECORDS = {
    "dnnlib.tflib.network.Network",
    "numpy.ndarray",
    "torch_utils.persistence._reconstruct_persistent_obj",
}
# Those whose result may be given a state. Any other could plant a method, were it ever built.
TAKES_STATE = {
    "argparse.Namespace",
    "collections.OrderedDict",  # torch keeps `_metadata` of a state_dict there
    "dnnlib.tflib.network.Network",
    "numpy._core.multiarray._reconstruct",
    "numpy.dtype",
}


def known(module: str, name: str) -> Global:
    """The record of a name. Raises InputError for one that weight files have no use for, such as `os.system`."""
    module = _RENAMED.get(module, module)
    path = f"{module}.{name}"
    storage = module in ("torch", "torch.storage") and name.endswith("Storage") and name.isidentifier()
    dtype = module == "torch" and name in _TORCH_DTYPES
    if path not in VALUES and path not in RECORDS and not storage and not dtype:
        hint = ""
        if module.startswith("torch.nn.") or module.startswith("__main__"):
            hint = " Save the network's `state_dict()` instead of the network itself."
        raise InputError(f"The file names {path!r}, which no weight file needs; refused, and nothing was run.{hint}")
    return Global(module, name)


_TORCH_DTYPES = {
    *("float16", "float32", "float64", "bfloat16", "complex64", "complex128", "bool"),
    *("uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64"),
}
