"""Recipes and overrides."""

import pytest
from toy import ToyTask

from ganinv_jax.core.errors import InputError
from ganinv_jax.training import config
from ganinv_jax.training.tasks import task_class


def test_reads_a_recipe(recipe):
    found = config.load(str(recipe))
    assert found.task == "toy:ToyTask" and found.loop.total_kimg == 0.24 and found.loop.keep == 3
    assert found.config.batch_size == 8 and found.config.optimizer.momentum == 0.9
    assert isinstance(found.make(), ToyTask)


@pytest.mark.parametrize(
    ("override", "read", "value"),
    [
        ("--config.batch_size=16", lambda r: r.config.batch_size, 16),
        ("config.optimizer.momentum=0", lambda r: r.config.optimizer.momentum, 0.0),  # Not in the recipe's file.
        ("--config.optimizer.learning_rate=1e-3", lambda r: r.config.optimizer.learning_rate, 1e-3),
        ("--config.name=12", lambda r: r.config.name, "12"),  # An option that takes text.
        ("--config.name=None", lambda r: r.config.name, None),
        ("--config.shape=(2, 3)", lambda r: r.config.shape, (2, 3)),
        ("--config.loop.total_kimg=5", lambda r: r.loop.total_kimg, 5.0),
    ],
)
def test_overrides(recipe, override, read, value):
    found = read(config.load(str(recipe), [override]))
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("--config.bach_size=16", "did you mean 'batch_size'"),
        ("--config.optimizer.learning_rat=1", "no option 'learning_rat'; did you mean 'learning_rate'"),
        ("--config.loop.totl_kimg=1", "did you mean 'total_kimg'"),
        ("--config.batch_size=many", "batch_size must be of type int"),
        ("--config.batch_size=0", "batch_size must be positive"),
        ("--config.batch_size.x=1", "config.batch_size is a single value"),
        ("--config.loop.total_kimg=-1", "total_kimg must be positive"),
        ("--config.task=gam", "did you mean 'gan'"),
        ("--batch_size=16", "--config.NAME=VALUE, but got"),
        ("--config.batch_size", "--config.NAME=VALUE, but got"),
    ],
)
def test_bad_overrides(recipe, override, message):
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        config.load(str(recipe), [override])


def test_recipes_that_are_not_there(tmp_path):
    with pytest.raises(InputError, match="There is no recipe"):
        config.load("no_such_recipe")
    (tmp_path / "empty.py").write_text("x = 1\n")
    with pytest.raises(InputError, match="must define get_config"):
        config.load(str(tmp_path / "empty.py"))


def test_tasks_that_are_not_there():
    with pytest.raises(InputError, match="there is no toy:NoTask"):
        task_class("toy:NoTask")
    with pytest.raises(InputError, match="there is no no_module:Task"):
        task_class("no_module:Task")
