"""What variants of a study have in common, and what not."""

import pytest

from ganinv_jax.core.errors import InputError
from ganinv_jax.evaluation.ablation import MGANPRIOR_STUDIES, STUDIES, check_study, mganprior_study, study
from ganinv_jax.inversion import METHODS
from ganinv_jax.training import config


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.parametrize("resolution", [64, 256])
def test_variants_see_as_many_pictures_from_recipes_that_exist(name, resolution):
    variants = study(name, resolution)
    assert len(variants) > 1
    for trainings in variants.values():
        assert sum(training.share for training in trainings) == 1.0
        for training in trainings:
            changes = [f"config.{option}={value}" for option, value in training.changes.items()]
            assert config.load(f"inpaint_cat64_{training.recipe}", changes)


def test_trainings_of_one_name_are_one():
    found = {}
    for name in STUDIES:
        for trainings in study(name, 64).values():
            for training in trainings:
                assert found.setdefault(training.name, training) == training


@pytest.mark.parametrize(("name", "change"), [("gate", {"gate": False}), ("full-branch", {"full_branch": False})])
def test_only_the_named_part_differs(name, change):
    (full,), (without,) = study(name, 64).values()
    assert full.recipe == without.recipe == "stage1" and (full.changes, without.changes) == ({}, change)


def test_skips_come_from_coarse_to_fine():
    variants = study("skips", 64)
    chosen = [dict(trainings[-1].changes) for trainings in variants.values()]
    assert chosen == [{}, {"skip_resolutions": (8,)}, {"skip_resolutions": (8, 16)}]


def test_no_such_study():
    with pytest.raises(InputError, match="--study must be one of gate"):
        check_study("everything")
    check_study("mganprior-codes")


@pytest.mark.parametrize("name", MGANPRIOR_STUDIES)
def test_studies_of_mganprior_change_one_option(name):
    variants = mganprior_study(name, 64)
    methods = [METHODS["mganprior"](**options) for options in variants.values()]
    assert len({str(method) for method in methods}) == len(variants) > 1
    assert all(len(options) == 1 for options in variants.values())


def test_mganprior_composes_at_every_resolution_but_the_last():
    assert [options["layer"] for options in mganprior_study("mganprior-layer", 64).values()] == [4, 8, 16, 32]
