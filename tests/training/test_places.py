"""Where a run is written."""

from pathlib import Path

import pytest
from toy import ToyConfig, ToyTask

from ganinv_jax.core.errors import InputError
from ganinv_jax.training import loop, places
from ganinv_jax.training.config import LoopSettings


@pytest.mark.parametrize("workdir", ["gs://bucket/run", Path("gs://bucket/run"), "s3://bucket", "file:///tmp/run"])
def test_an_address_is_no_folder(tmp_path, monkeypatch, workdir):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"--workdir must be a folder, but {workdir} is an address; mount it"):
        loop.run(ToyTask(ToyConfig()), workdir, LoopSettings(0.08))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("workdir", ["runs/cat64", "/tmp/run", "C:/runs", "a:b/c", Path("run")])
def test_folders(workdir):
    assert places.local(workdir) == Path(workdir)
