"""State dicts of perceptual networks into model folders: names, completeness, LPIPS, and what is refused."""

import functools
import importlib.util
import sys

import jax
import numpy as np
import pytest
from torch_files import Storage, Tensor, zip_bytes

from conversion import torchvision
from conversion.convert import convert, inspect, load
from ganinv_jax.core.errors import InputError
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.models.features import load_features

RNG = np.random.default_rng(0)
NORM = ("weight", "bias", "running_mean", "running_var")


def drawn(shapes):
    return {
        name: RNG.uniform(0.1, 1, shape).astype(np.float32) / np.prod(shape[1:], dtype=np.float32) ** 0.5
        for name, shape in shapes.items()
    }


def normalisation(name, width):
    return {f"{name}.{part}": (width,) for part in NORM}


def alexnet(heads=True, classifier=True):
    widths, kernels = (3, 4, 5, 4, 3), (11, 5, 3, 3, 3)
    shapes, before = {}, 3
    for place, width, kernel in zip((0, 3, 6, 8, 10), widths, kernels, strict=True):
        shapes |= {f"features.{place}.weight": (width, before, kernel, kernel), f"features.{place}.bias": (width,)}
        before = width
    if classifier:
        for place, (o, i) in {1: (6, 3 * 36), 4: (6, 6), 6: (5, 6)}.items():
            shapes |= {f"classifier.{place}.weight": (o, i), f"classifier.{place}.bias": (o,)}
    if heads:
        shapes |= {f"lin{i}.model.1.weight": (1, width, 1, 1) for i, width in enumerate(widths)}
    return drawn(shapes)


def vgg16():
    shapes, before = {}, 3
    for place in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28):
        shapes |= {f"features.{place}.weight": (2, before, 3, 3), f"features.{place}.bias": (2,)}
        before = 2
    for place, (o, i) in {0: (4, 2 * 49), 3: (4, 4), 6: (5, 4)}.items():
        shapes |= {f"classifier.{place}.weight": (o, i), f"classifier.{place}.bias": (o,)}
    return drawn(shapes)


def arcface():
    shapes = {"input_layer.0.weight": (4, 3, 3, 3), "input_layer.2.weight": (4,)} | normalisation("input_layer.1", 4)
    before = 4
    for n in range(24):
        width, body = 4 if n < 3 else 6 if n < 7 else 16 if n < 21 else 8, f"body.{n}"
        if width != before:
            shapes |= {f"{body}.shortcut_layer.0.weight": (width, before, 1, 1)}
            shapes |= normalisation(f"{body}.shortcut_layer.1", width)
        shapes |= {f"{body}.res_layer.1.weight": (width, before, 3, 3), f"{body}.res_layer.2.weight": (width,)}
        shapes |= {f"{body}.res_layer.3.weight": (width, width, 3, 3)}
        shapes |= {
            f"{body}.res_layer.5.fc1.weight": (1, width, 1, 1),
            f"{body}.res_layer.5.fc2.weight": (width, 1, 1, 1),
        }
        shapes |= normalisation(f"{body}.res_layer.0", before) | normalisation(f"{body}.res_layer.4", width)
        before = width
    shapes |= {"output_layer.3.weight": (7, 8 * 4), "output_layer.3.bias": (7,)}
    return drawn(shapes | normalisation("output_layer.0", 8) | normalisation("output_layer.4", 7))


def inception():
    """The network at a sixteenth of its width, from the branches' inputs, outputs and kernels as torchvision's code."""
    shapes = {"fc.weight": (5, 128), "fc.bias": (5,)}

    def unit(name, before, width, kernel):
        kernel = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        shapes[f"{name}.conv.weight"] = (width, before, *kernel)
        shapes.update(normalisation(f"{name}.bn", width))

    def chain(name, before, *steps):
        for i, (width, kernel) in enumerate(steps, 1):
            unit(f"{name}_{i}", before, width, kernel)
            before = width

    for name, *sizes in (("1a_3x3", 3, 2, 3), ("2a_3x3", 2, 2, 3), ("2b_3x3", 2, 4, 3), ("3b_1x1", 4, 5, 1)):
        unit(f"Conv2d_{name}", *sizes)
    unit("Conv2d_4a_3x3", 5, 12, 3)
    for block, before, pooled in (("Mixed_5b", 12, 2), ("Mixed_5c", 16, 4), ("Mixed_5d", 18, 4)):
        unit(f"{block}.branch1x1", before, 4, 1)
        chain(f"{block}.branch5x5", before, (3, 1), (4, 5))
        chain(f"{block}.branch3x3dbl", before, (4, 1), (6, 3), (6, 3))
        unit(f"{block}.branch_pool", before, pooled, 1)
    unit("Mixed_6a.branch3x3", 18, 24, 3)
    chain("Mixed_6a.branch3x3dbl", 18, (4, 1), (6, 3), (6, 3))
    for block, c in (("Mixed_6b", 8), ("Mixed_6c", 10), ("Mixed_6d", 10), ("Mixed_6e", 12)):
        unit(f"{block}.branch1x1", 48, 12, 1)
        chain(f"{block}.branch7x7", 48, (c, 1), (c, (1, 7)), (12, (7, 1)))
        chain(f"{block}.branch7x7dbl", 48, (c, 1), (c, (7, 1)), (c, (1, 7)), (c, (7, 1)), (12, (1, 7)))
        unit(f"{block}.branch_pool", 48, 12, 1)
    chain("Mixed_7a.branch3x3", 48, (12, 1), (20, 3))
    chain("Mixed_7a.branch7x7x3", 48, (12, 1), (12, (1, 7)), (12, (7, 1)), (12, 3))
    for block, before in (("Mixed_7b", 80), ("Mixed_7c", 128)):
        unit(f"{block}.branch1x1", before, 20, 1)
        unit(f"{block}.branch3x3_1", before, 24, 1)
        chain(f"{block}.branch3x3dbl", before, (28, 1), (24, 3))
        for branch in ("branch3x3_2", "branch3x3dbl_3"):
            unit(f"{block}.{branch}a", 24, 24, (1, 3))
            unit(f"{block}.{branch}b", 24, 24, (3, 1))
        unit(f"{block}.branch_pool", before, 12, 1)
    return drawn(shapes)


NETWORKS = {"alexnet": alexnet, "vgg16": vgg16, "inception": inception, "arcface": arcface}


@pytest.fixture
def saved(tmp_path):
    def write(tensors):
        storages = {
            name: Tensor(
                Storage(str(i), array.reshape(-1)), 0, array.shape, tuple(s // array.itemsize for s in array.strides)
            )
            for i, (name, array) in enumerate(tensors.items())
        }
        (tmp_path / "network.pth").write_bytes(zip_bytes(storages))
        return tmp_path / "network.pth"

    return write


@pytest.mark.parametrize("kind", NETWORKS)
def test_every_tensor_is_a_variable_of_the_folder(saved, tmp_path, kind):
    tensors = NETWORKS[kind]()
    norm = {"inception": "Conv2d_1a_3x3.bn", "arcface": "input_layer.1"}.get(kind)
    counters = {f"{norm}.num_batches_tracked": np.zeros((), np.int64)} if norm else {}
    converted = convert(saved(tensors | counters), tmp_path / "out")
    assert ("*.num_batches_tracked" in converted.dropped) == bool(norm)
    features = load_features(tmp_path / "out")
    assert features.name == kind and set(features.maps) <= set(features.stages)
    held = sorted(np.sort(leaf, axis=None).tobytes() for leaf in jax.tree.leaves(jax.device_get(features.variables)))
    assert held == sorted(np.sort(tensor, axis=None).tobytes() for tensor in tensors.values())
    side = {"arcface": 32}.get(kind, 80)
    shapes = jax.eval_shape(features.extract, features.variables, np.zeros((2, side, side, 3), np.float32))
    assert {stage: shape.shape[-1] for stage, shape in shapes.items()} == features.channels


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_tensor_too_few_or_too_many_is_named(saved, kind):
    tensors = NETWORKS[kind]()
    last = [name for name in tensors if name.endswith("bias")][-1]
    with pytest.raises(InputError, match=last):
        load(saved({name: tensor for name, tensor in tensors.items() if name != last}))
    with pytest.raises(InputError, match=f"'{last}s' has no place"):
        load(saved(tensors | {f"{last}s": tensors[last]}))


def test_info_tells_the_kind_of_network(saved):
    found = inspect(saved(alexnet()))
    assert found["family"] == "torchvision" and found["parts"]["features"]["config"] == {
        **{"kind": "alexnet", "widths": [3, 4, 5, 4, 3], "hidden": 6, "classes": 5, "lpips": True},
    }


def test_a_classifier_may_be_missing(saved, tmp_path):
    convert(saved(alexnet(classifier=False)), tmp_path / "out")
    assert load_features(tmp_path / "out").stages == ("relu1", "relu2", "relu3", "relu4", "relu5")


# -- LPIPS


def test_lpips_is_its_formula(saved, tmp_path):
    tensors = alexnet()
    convert(saved(tensors), tmp_path / "out")
    distance = PerceptualDistance(load_features(tmp_path / "out"))
    a, b = (RNG.uniform(-1, 1, (3, 48, 48, 3)).astype(np.float32) for _ in range(2))
    extract = jax.jit(functools.partial(distance.features.extract, stages=distance.features.maps))
    with pytest.raises(InputError, match="larger pictures than 48 x 48"):
        distance.features.extract(distance.variables, a)
    seen = [jax.device_get(extract(distance.variables, x)) for x in (a, b)]
    expected = np.zeros(3)
    for i in range(5):
        x, y = (np.asarray(found[f"relu{i + 1}"], np.float64) for found in seen)
        x, y = (x / (np.linalg.norm(x, axis=-1, keepdims=True) + 1e-10) for x in (x, y))
        expected += ((x - y) ** 2 @ tensors[f"lin{i}.model.1.weight"][0, :, 0, 0]).mean(axis=(1, 2))
    run = jax.jit(distance)
    np.testing.assert_allclose(run(distance.variables, a, b), expected, rtol=1e-5)
    np.testing.assert_array_equal(run(distance.variables, a, a), 0)


def test_without_heads_stages_are_averaged(saved, tmp_path):
    convert(saved(alexnet(heads=False)), tmp_path / "out")
    distance = PerceptualDistance(load_features(tmp_path / "out"), stages=("relu1", "relu2"))
    a, b = (RNG.uniform(-1, 1, (2, 48, 48, 3)).astype(np.float32) for _ in range(2))
    single = [PerceptualDistance(distance.features, stages=(stage,)) for stage in distance.stages]
    expected = np.mean([one(one.variables, a, b) for one in single], axis=0)
    np.testing.assert_allclose(distance(distance.variables, a, b), expected, rtol=1e-5)


def test_a_network_without_maps_compares_no_pictures(saved, tmp_path):
    convert(saved(arcface()), tmp_path / "out")
    with pytest.raises(InputError, match="arcface has none"):
        PerceptualDistance(load_features(tmp_path / "out"))


@pytest.fixture
def official():
    """AlexNet's convolutions at their real widths, which the wheel's heads are for."""
    shapes = {0: (64, 3, 11, 11), 3: (192, 64, 5, 5), 6: (384, 192, 3, 3), 8: (256, 384, 3, 3), 10: (256, 256, 3, 3)}
    tensors = {f"features.{place}.weight": np.full(shape, 0.01, np.float32) for place, shape in shapes.items()}
    return tensors | {f"features.{place}.bias": np.zeros(shape[0], np.float32) for place, shape in shapes.items()}


def test_heads_come_from_the_wheel_that_is_not_imported(official, saved, tmp_path, monkeypatch):
    heads = {f"lin{i}.model.1.weight": np.full((1, c, 1, 1), i + 0.5, np.float32) for i, c in _widths(official)}
    data = saved(heads).read_bytes()
    (tmp_path / "lpips/weights/v0.1").mkdir(parents=True)
    (tmp_path / "lpips/weights/v0.1/alex.pth").write_bytes(data)
    (tmp_path / "lpips/__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.delitem(sys.modules, "lpips", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    converted = load(saved(official))
    assert "with the LPIPS heads of the wheel" in converted.title and not converted.dropped
    assert converted.configs["features"].lpips and not converted.configs["features"].hidden
    for i, channels in _widths(official):
        found = converted.variables["features"]["lpips"][f"relu{i + 1}"]
        np.testing.assert_array_equal(found, np.full(channels, i + 0.5, np.float32))


def test_a_missing_wheel_is_named_with_its_remedy(official, saved, monkeypatch):
    monkeypatch.setattr(torchvision.importlib.util, "find_spec", lambda name: None)
    converted = load(saved(official))
    assert "pip install --no-deps lpips" in converted.dropped["LPIPS"]
    assert not converted.configs["features"].lpips and "lpips" not in converted.variables["features"]


def test_the_real_heads_fit(official, saved):
    if importlib.util.find_spec("lpips") is None:
        pytest.skip("the wheel lpips is not installed")
    assert load(saved(official)).configs["features"].lpips


def _widths(tensors):
    return enumerate(tensors[f"features.{place}.weight"].shape[0] for place in (0, 3, 6, 8, 10))


# -- what is refused


def _renamed(tensors, old, new):
    return {name.replace(old, new): tensor for name, tensor in tensors.items()}


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        (lambda: {k: v for k, v in alexnet().items() if k.startswith("lin")}, "heads without the network below them"),
        (lambda: _renamed(vgg16(), "features.28", "features.31"), "must be torchvision's VGG16 or AlexNet"),
        (lambda: alexnet() | {"lin2.model.1.weight": -np.ones((1, 5, 1, 1), np.float32)}, "must not be negative"),
        (lambda: alexnet() | {"lin2.model.1.weight": np.ones((1, 4, 1, 1), np.float32)}, r"shape \[1, 5, 1, 1\]"),
        (lambda: alexnet() | {"features.3.weight": np.ones(4, np.float32)}, "must have 4 axes"),
        (lambda: alexnet() | {"features.3.weight": np.ones((0, 3, 5, 5), np.float32)}, "none of them empty"),
        (lambda: inception() | {"AuxLogits.fc.bias": np.ones(5, np.float32)}, "this is torchvision's"),
        (lambda: inception() | {"fc.weight": np.ones((1000, 128), np.float32)}, "this is torchvision's"),
        (lambda: _renamed(inception(), "fc.weight", "fc.wait"), "must hold 'fc.weight'"),
        (lambda: arcface() | {"output_layer.3.weight": np.ones((7, 8 * 5), np.float32)}, "square maps of 8 channels"),
        (lambda: arcface() | {"output_layer.3.weight": np.full((7, 32), np.nan, np.float32)}, "NaN"),
    ],
)
def test_what_does_not_fit_is_refused(saved, tensors, message):
    with pytest.raises(InputError, match=message):
        load(saved(tensors()))


def test_features_are_not_looked_for_in_files_and_other_folders(saved, tmp_path):
    path = saved(alexnet())
    with pytest.raises(InputError, match=f"run: ganinv convert {path}"):
        load_features(path)
    with pytest.raises(InputError, match="config.json"):
        load_features(tmp_path)
    with pytest.raises(InputError, match="give efficientnet_lite0, efficientnet_lite2, or the folder"):
        load_features("efficientnet_lite")
