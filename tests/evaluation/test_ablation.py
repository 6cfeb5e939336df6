"""What variants of a study have in common, and what not."""

import pytest

from ganinv_jax.core.errors import InputError
from ganinv_jax.evaluation.ablation import COMPARISONS, STUDIES, check_study, comparison, only, study
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


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons_of_inversions_change_one_option(name):
    variants = comparison(name, 64)
    assert len({str(METHODS[method](**options)) for method, options in variants.values()}) == len(variants) > 1
    changed = {option for _, options in variants.values() for option in options}
    assert len(changed) == 1 and all(len(options) <= 1 for _, options in variants.values())


def test_spaces_grow_under_one_objective():
    variants = comparison("spaces", 64)
    methods = [METHODS[method](**options) for method, options in variants.values()]
    assert [method.stages[0].active for method in methods] == [("z",), ("w",), ("ws",), ("ws",)]
    assert len({method.stages[0].terms for method in methods}) == 1 and methods[3].stages[1].active == ("noise",)


def test_mganprior_composes_at_every_resolution_but_the_last():
    assert [options["layer"] for _, options in comparison("mganprior-layer", 64).values()] == [4, 8, 16, 32]


def test_some_of_a_study():
    variants = comparison("mganprior-codes", 64)
    assert list(only(variants, "20 codes, 1 code")) == ["1 code", "20 codes"] and only(variants, None) == variants
    with pytest.raises(InputError, match="--variants has no option '2 codes'; did you mean"):
        only(variants, "1 code,2 codes")


def test_tasks_are_done_with_many_codes_and_with_the_plain_search_for_one():
    one, many = (options for _, options in comparison("mganprior-tasks", 64).values())
    assert one == {"codes": 1, "importance": False} and many == {"codes": 20}
    grid = comparison("mganprior-knowledge", 32).values()
    assert {(options["layer"], options["codes"]) for _, options in grid} == {
        (at, count) for at in (4, 8, 16) for count in (1, 5, 10, 20)
    }
