"""Converted perceptual networks against their public PyTorch implementations, on random weights of the real sizes."""

import importlib.util
from pathlib import Path

import jax
import numpy as np
import pytest
from public_torch import import_torch

from conversion.convert import convert
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.metrics.extraction import extract
from ganinv_jax.metrics.networks import Extractor
from ganinv_jax.models.features import load_features

torch = import_torch()
torchvision = pytest.importorskip("torchvision")
pytestmark = [pytest.mark.torch, pytest.mark.slow]

TOLERANCE = 1e-5  # times the largest value; float32 in another order of summation


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture
def features(tmp_path):
    """Converts a state dict as a user would: saved by torch, then read back out of the model folder."""

    def features_of(state):
        torch.save(state, tmp_path / "network.pth")
        convert(tmp_path / "network.pth", tmp_path / "model")
        return load_features(tmp_path / "model")

    return features_of


def pictures(side, count=2):
    return np.random.default_rng(side).uniform(-1, 1, (count, side, side, 3)).astype(np.float32)


def found(features, images, stages=None):
    extract = jax.jit(lambda variables, images: features.extract(variables, images, stages=stages))
    return jax.tree.map(np.asarray, extract(features.variables, images))


def to_torch(images):
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


def to_numpy(tensor):
    return tensor.numpy().transpose(0, 2, 3, 1) if tensor.ndim == 4 else tensor.numpy()


def assert_near(ours, theirs):
    theirs = to_numpy(theirs)
    assert ours.shape == theirs.shape
    difference, scale = np.abs(ours - theirs).max(), np.abs(theirs).max()
    print(f"{difference / max(1, scale):.1e} of max(1, {scale:.3g})")
    assert difference <= TOLERANCE * scale


@pytest.mark.parametrize(("name", "side"), [("vgg16", 100), ("alexnet", 225)])
def test_torchvisions_classifiers(features, name, side):
    network = getattr(torchvision.models, name)(init_weights=False) if name == "vgg16" else torchvision.models.alexnet()
    network = network.eval()
    images = pictures(side, count=1)
    pixels = (to_torch(images) + 1) / 2
    normalised = torchvision.transforms.functional.normalize(pixels, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    with torch.no_grad():
        logits, maps = network(normalised), network.avgpool(network.features(normalised)).flatten(1)
        fc7 = network.classifier[:-1](maps)
    ours = found(features(network.state_dict()), images, ("fc7", "logits"))
    assert_near(ours["logits"], logits)
    assert_near(ours["fc7"], fc7)


@pytest.mark.parametrize(("name", "side"), [("vgg", 64), ("alex", 65)])
def test_lpips(features, name, side):
    lpips = pytest.importorskip("lpips")
    trunk = getattr(torchvision.models, {"vgg": "vgg16", "alex": "alexnet"}[name])().eval()
    theirs = lpips.LPIPS(net=name, pnet_rand=True, verbose=False).eval()
    places = trunk.features.state_dict()
    for key, value in theirs.net.state_dict().items():  # slice2.4.weight is features.4.weight
        value.copy_(places[key.split(".", 1)[1]])
    distance = PerceptualDistance(features({f"features.{key}": value for key, value in places.items()}))
    assert distance.features.lpips and len(distance.stages) == 5
    a, b = pictures(side), pictures(side)[::-1] * 0.5
    with torch.no_grad():
        expected = theirs(to_torch(a), to_torch(b)).flatten()
    assert_near(np.asarray(jax.jit(distance)(distance.variables, a, b)), expected)


@pytest.fixture(scope="module")
def inception_state():
    network = torchvision.models.inception_v3(num_classes=1008, aux_logits=False, init_weights=False)
    state = network.state_dict()
    for key, value in state.items():
        if key.endswith(("bn.weight", "running_var")):
            value.uniform_(0.5, 1.5)
        elif key.endswith(("bn.bias", "running_mean")):
            value.uniform_(-0.2, 0.2)
    return state


def test_inception_of_pytorch_fid(features, inception_state, monkeypatch):
    module = pytest.importorskip("pytorch_fid.inception")
    monkeypatch.setattr(module, "load_state_dict_from_url", lambda *args, **kwargs: inception_state)
    blocks = module.InceptionV3([0, 1, 2, 3], resize_input=False, normalize_input=False).eval()
    whole, images = module.fid_inception_v3().eval(), pictures(107)
    pixels = to_torch(images * (127.5 / 128) - 0.5 / 128)
    ours = found(features(inception_state), images)
    with torch.no_grad():
        expected = blocks(pixels)
        assert_near(ours["logits"], whole(pixels))
    for stage, value in zip(("pool1", "pool2", "mixed_6e"), expected[:3], strict=True):
        assert_near(ours[stage], value)
    assert_near(ours["pool3"], expected[3].flatten(1))


def test_inception_of_torch_fidelity(features, inception_state, tmp_path):
    module = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    torch.save(inception_state, tmp_path / "inception.pth")
    stages = {"2048": "pool3", "logits": "logits"}
    theirs = module.FeatureExtractorInceptionV3("network", list(stages), str(tmp_path / "inception.pth"))
    photo = np.random.default_rng(0).integers(0, 256, (1, 299, 299, 3), np.uint8)
    ours = found(features(inception_state), photo / np.float32(127.5) - 1, tuple(stages.values()))
    with torch.no_grad():
        expected = theirs(torch.from_numpy(photo.transpose(0, 3, 1, 2).copy()))
    for stage, value in zip(stages.values(), expected, strict=True):
        assert_near(ours[stage], value)


@pytest.mark.parametrize("side", [64, 400])
def test_extractors_of_torch_fidelity(features, inception_state, tmp_path, side):
    """From pictures of any size to the vectors that figures compare."""
    module = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    torch.save(inception_state, tmp_path / "inception.pth")
    theirs = module.FeatureExtractorInceptionV3("network", ["2048"], str(tmp_path / "inception.pth"))
    photo = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    extractor = Extractor(features(inception_state), "pool3", "torchfidelity")
    with torch.no_grad():
        (expected,) = theirs(torch.from_numpy(photo.transpose(2, 0, 1)[None].copy()))
    assert_near(extract([photo], [extractor], at_a_time=1)["inception_torchfidelity"]["pool3"], expected)


def test_vgg16_of_torch_fidelity(features, tmp_path):
    module = pytest.importorskip("torch_fidelity.feature_extractor_vgg16")
    network = torchvision.models.vgg16(init_weights=False)
    torch.save(network.state_dict(), tmp_path / "vgg16.pth")
    theirs = module.FeatureExtractorVGG16("network", ["fc2_relu"], str(tmp_path / "vgg16.pth"))
    photo = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    extractor = Extractor(features(network.state_dict()), "fc7", "torchfidelity")
    with torch.no_grad():
        (expected,) = theirs(torch.from_numpy(photo.transpose(2, 0, 1)[None].copy()))
    assert_near(extract([photo], [extractor], at_a_time=1)["vgg16_torchfidelity"]["fc7"], expected)


def test_arcface(features):
    network = _arcface_module().Backbone(50, 0.6, "ir_se").eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)
    ours = features(network.state_dict())
    with torch.no_grad():
        faces = pictures(112)
        assert_near(found(ours, faces)["embedding"], network(to_torch(faces)))
        for side in (256, 272):  # as pSp's identity loss treats whole pictures
            images = pictures(side)
            whole = torch.nn.functional.adaptive_avg_pool2d(to_torch(images), (256, 256))[:, :, 35:223, 32:220]
            expected = network(torch.nn.functional.adaptive_avg_pool2d(whole, (112, 112)))
            assert_near(found(ours, images)["embedding"], expected)


def _arcface_module():
    """facexlib's copy of the network, alone: the package itself would import a detector and its dependencies."""
    package = importlib.util.find_spec("facexlib")
    if package is None or package.origin is None:
        pytest.skip("facexlib is not installed")
    path = Path(package.origin).parent / "recognition/arcface_arch.py"
    spec = importlib.util.spec_from_file_location("arcface_arch", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
