"""Tasks of a photo and a second picture, and what Image2StyleGAN++ and idinvert make of them."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from model_folders import SIDE, tiny_model

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.images import to_float
from ganinv_jax.inversion import METHODS, TASKS
from ganinv_jax.inversion.methods.image2stylegan_plus import OuterRows
from ganinv_jax.inversion.networks import Frozen, Networks
from ganinv_jax.inversion.schedule import Look
from ganinv_jax.inversion.terms import KeptError, gram
from ganinv_jax.pipelines import Model

NEAR = Look(stages=("stride4",))  # a few layers of the network, so that little has to be compiled
RNG = np.random.default_rng(0)
PHOTO, OTHER = (RNG.integers(low, low + 100, (SIDE, SIDE, 3)).astype(np.uint8) for low in (0, 155))
LEFT = np.zeros((SIDE, SIDE), bool)
LEFT[:, : SIDE // 2] = True
KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def model():
    return Model(*tiny_model(), "whole")


@pytest.fixture(scope="module")
def small():
    """A generator of 8 pixels, without encoder."""
    return Model(*tiny_model(False, resolution=8, synthesis={"channels": [6, 6]}), "small")


def sight(task, photo=PHOTO, **options):
    degradation = TASKS[task](len(photo), 0, **options)
    return degradation, degradation.see(to_float(photo[None]), KEY)


class TestDiffusion:
    def test_the_target_is_compared_and_the_pasted_picture_is_shown(self):
        degradation, seen = sight("diffusion", target=OTHER, region=LEFT)
        pasted = to_float(np.where(LEFT[..., None], OTHER, PHOTO))[None]
        np.testing.assert_array_equal(seen.shown, pasted)
        np.testing.assert_array_equal(seen.seen, pasted * LEFT[..., None])
        np.testing.assert_array_equal(
            degradation.observe(to_float(PHOTO[None])), to_float(PHOTO)[None] * LEFT[..., None]
        )
        assert seen.known is None

    def test_the_official_box(self):
        """110 of 256 pixels around (125, 145): columns 70 to 180, rows 90 to 200."""
        picture = np.zeros((256, 256, 3), np.uint8)
        region = np.asarray(TASKS["diffusion"](256, 0, target=picture).region)[..., 0]
        rows, columns = np.nonzero(region)
        assert (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1) == (90, 200, 70, 180)
        assert region.sum() == 110**2

    def test_idinvert_has_no_encoder_term_there(self):
        for options, names in (({}, ["mse", "perceptual"]), ({"domain": 1.0}, ["mse", "perceptual", "domain"])):
            (stage,) = METHODS["idinvert"](task="diffusion", **options).stages
            assert [term.name for term in stage.terms] == names and stage.steps == 100

    def test_a_method_must_begin_at_the_encoders_code(self, model):
        for method, options in (("csgm", {}), ("idinvert", {"start": "mean"})):
            with pytest.raises(InputError, match="cannot do diffusion, since it begins elsewhere"):
                model.invert(PHOTO, method=method, task="diffusion", target=OTHER, **options)

    @pytest.mark.slow
    def test_the_region_comes_nearer_to_the_target(self, model):
        options = {"task": "diffusion", "target": OTHER, "region": (0, 0, SIDE // 2, SIDE)}
        begun, found = (
            model.invert(PHOTO, method=method, **options, **more).report["pictures"][0]
            for method, more in (("encoder", {}), ("idinvert", {"steps": 40, "look": NEAR}))
        )
        assert found["psnr_target"] > begun["psnr_target"] + 0.5


class TestCrossover:
    def test_a_soft_change_over(self):
        degradation, seen = sight("crossover", other=OTHER, region=LEFT, blur=1.0)
        share = np.asarray(degradation.region)[..., 0]
        assert share[0, 0] == 1 and share[0, -1] == 0 and 0 < share[0, SIDE // 2] < 0.5 < share[0, SIDE // 2 - 1] < 1
        blend = share[..., None] * to_float(OTHER) + (1 - share[..., None]) * to_float(PHOTO)
        np.testing.assert_allclose(seen.seen[0], blend, atol=1e-6)
        np.testing.assert_allclose(seen.kept[0, ..., 0], 1 - share)

    def test_a_region_that_blurs_away_still_has_its_part(self):
        region = np.zeros((SIDE, SIDE), bool)
        region[5:7, 5:7] = True
        degradation, _ = sight("crossover", other=OTHER, region=region, blur=2.0)
        parts = {name: np.asarray(part)[..., 0] for name, part in degradation.parts().items()}
        assert np.max(degradation.region) < 0.5 and np.all(parts["other"][region])
        assert np.all(parts["photo"] != parts["other"]) and parts["photo"].any()

    def test_what_blurs_away_altogether_is_refused(self):
        region = np.eye(SIDE, dtype=bool) & (np.arange(SIDE) == 5)
        with pytest.raises(InputError, match="blur must leave something of the region, but 16 leaves nothing"):
            sight("crossover", other=OTHER, region=region, blur=16)

    def test_the_blends_error_is_both_photos_errors(self):
        """Their differences from one picture to another, since a constant is between them."""
        _, seen = sight("crossover", other=OTHER)
        a, b = RNG.uniform(-1, 1, (2, SIDE, SIDE, 3))
        share = np.asarray(seen.kept[0], np.float64)

        def both(x):
            return np.mean(share * (x - to_float(PHOTO)) ** 2 + (1 - share) * (x - to_float(OTHER)) ** 2)

        blended = [np.mean((x - np.asarray(seen.seen[0], np.float64)) ** 2) for x in (a, b)]
        np.testing.assert_allclose(blended[0] - blended[1], both(a) - both(b), atol=1e-6)

    @pytest.mark.slow
    def test_each_side_is_nearer_to_its_own_photo(self, small):
        flat = [np.full((8, 8, 3), level, np.uint8) for level in (30, 220)]
        found = small.invert(
            flat[0], method="image2stylegan++", task="crossover", other=flat[1], blur=0.5, steps=60, look=NEAR
        )
        image = np.float32(found.images[0])
        for columns, (own, else_) in ((slice(0, 3), flat), (slice(5, 8), flat[::-1])):
            errors = [np.mean((image[:, columns] - photo[:, columns]) ** 2) for photo in (own, else_)]
            assert errors[0] < errors[1]

    @pytest.mark.slow
    def test_the_style_term_matters(self, small):
        photo, other = PHOTO[:8, :8], OTHER[:8, :8]
        options = {"method": "image2stylegan++", "task": "crossover", "other": other, "steps": 36}
        options["look"] = Look(stages=("stride4",), size=32)
        with_, without = (small.invert(photo, style=style, **options).losses["style"] for style in (20.0, 1e-6))
        assert with_[29, 0] / 20 < 0.8 * without[29, 0] / 1e-6


class TestKeptPixels:
    HOLE = np.zeros((8, 8), bool)
    HOLE[2:6, 2:6] = True

    def test_what_is_edited_is_not_kept(self):
        painted = PHOTO.copy()
        painted[4:6, 5:9] = 255 - painted[4:6, 5:9] // 2
        painted[0, 0] += 3  # as a compressed file has it
        degradation, seen = sight("scribble", photo=painted, original=PHOTO)
        kept = np.ones((SIDE, SIDE))
        kept[4:6, 5:9] = 0
        np.testing.assert_array_equal(seen.kept[0, ..., 0], kept)
        np.testing.assert_array_equal(seen.seen[0], to_float(painted))

    def test_noise_leaves_the_hole_as_the_code_drew_it(self, small, monkeypatch):
        """Maps of 4 and 8 pixels reach far into a hole of 4; the more so where nothing holds it."""
        held = METHODS["image2stylegan++"](look=NEAR, task="inpainting")
        embedding, noise = held.stages
        free = dataclasses.replace(held, stages=(embedding, dataclasses.replace(noise, terms=(KeptError(),))))
        moved = {}
        for name, method in {"held": held, "free": free}.items():
            monkeypatch.setitem(METHODS, name, lambda method=method: method)
            found = small.invert(PHOTO[:8, :8], method=name, task="inpainting", hole=self.HOLE, steps=120)
            before, after = (np.asarray(x)[0] for x in (small.synthesize(found.ws), to_float(found.images)))
            moved[name] = np.abs(before.clip(-1, 1) - after)[self.HOLE].mean()
        assert moved["held"] < 0.5 * moved["free"]

    @pytest.mark.slow
    def test_rows_between_stay(self, model):
        """Of 6 rows the first three and the last two can be optimised."""
        found = model.invert(PHOTO, method="image2stylegan++", task="inpainting", hole=LEFT, steps=12, look=NEAR).ws[0]
        mean = model.invert(PHOTO, method="image2stylegan++", task="inpainting", hole=LEFT, steps=2, look=NEAR).ws[0]
        moved = np.abs(found - mean).max(axis=-1)
        assert moved[3] == 0 and np.all(np.delete(moved, 3) > 1e-3)

    def test_rows_of_the_paper(self):
        """1 to 9, 17 and 18 of 18, by their gradients."""

        class Codes:
            config = dataclasses.make_dataclass("Config", ["num_ws"])(18)

            def apply(self, generator, ws, **options):
                return ws[..., None]

        def drawn(ws):
            frozen = Frozen({"params": {}, "buffers": {}})
            return jnp.sum(OuterRows()(Networks(Codes()), frozen, {"ws": ws}).images)  # type: ignore[arg-type]

        free = np.asarray(jax.grad(drawn)(jnp.ones((18, 2))))[:, 0]
        np.testing.assert_array_equal(np.flatnonzero(free) + 1, [*range(1, 10), 17, 18])


def test_gram_matrices_in_numpy():
    x = RNG.normal(size=(2, 3, 4, 5)).astype(np.float32)
    flat = x.reshape(2, 12, 5)
    np.testing.assert_allclose(gram(jnp.asarray(x)), flat.transpose(0, 2, 1) @ flat / 12, rtol=1e-5, atol=1e-6)
