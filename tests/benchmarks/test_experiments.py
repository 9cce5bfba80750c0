"""The experiment files that ship with the package."""

from benchmarks.experiments import NEWSROOM_DEMO
from harness.registry import Registry


def test_every_experiment_file_goes_by_its_name():
    registered = Registry("experiment", group="calldistil.experiments")
    found = {name: registered.get(name) for name in registered.names()}
    assert found == {path.stem: path for path in NEWSROOM_DEMO.parent.glob("*.yaml")}
