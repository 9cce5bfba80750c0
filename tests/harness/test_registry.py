"""The registry: versions, suggestions, duplicates, late imports and entry points."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import CalldistilError, ConfigError
from harness.registry import Registry


def _registry(*names: str) -> Registry[str]:
    registry: Registry[str] = Registry("extractor")
    for name in names:
        registry.register(name)(f"the {name}")
    return registry


def test_the_decorator_gives_the_object_back_and_the_registry_holds_it() -> None:
    registry: Registry[type] = Registry("student")

    @registry.register("linear")
    class Linear:
        pass

    assert registry.get("linear") is Linear
    assert "linear" in registry


def test_names_are_sorted_whatever_the_order_of_registration() -> None:
    assert list(_registry("b", "a", "c.v1")) == ["a", "b", "c.v1"]


def test_a_bare_name_stands_for_the_highest_version_by_number() -> None:
    registry = _registry("zero_shot.v2", "zero_shot.v10", "zero_shot.v9", "zero_shot_long.v11")
    assert registry.resolve("zero_shot") == "zero_shot.v10"
    assert registry.get("zero_shot") == "the zero_shot.v10"
    assert registry.get("zero_shot.v2") == "the zero_shot.v2"


def test_a_bare_name_that_is_registered_itself_wins_over_its_versions() -> None:
    assert _registry("linear", "linear.v2").resolve("linear") == "linear"


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=8, unique=True))
def test_the_bare_name_always_gives_the_largest_version(versions: list[int]) -> None:
    registry = _registry(*(f"x.v{version}" for version in versions))
    assert registry.resolve("x") == f"x.v{max(versions)}"


def test_an_unknown_name_is_answered_with_the_nearest_and_all_names() -> None:
    with pytest.raises(ConfigError) as caught:
        _registry("zero_shot.v1", "reflective.v1").get("zero_shoot.v1")
    assert str(caught.value.problems[0]) == (
        "'zero_shoot.v1' is not a known extractor"
        " (did you mean 'zero_shot.v1'? must be one of: reflective.v1, zero_shot.v1)"
    )


def test_an_unknown_version_is_an_error_and_not_another_version() -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'zero_shot\.v1'"):
        _registry("zero_shot.v1").get("zero_shot.v3")


def test_a_name_far_from_all_others_gets_no_suggestion() -> None:
    with pytest.raises(ConfigError) as caught:
        _registry("zero_shot.v1").get("qqq")
    assert "did you mean" not in str(caught.value)


def test_an_empty_registry_says_that_none_are_installed() -> None:
    with pytest.raises(ConfigError, match="none are installed"):
        _registry().get("x")


def test_registering_a_name_twice_is_an_error_in_every_way_of_doing_so() -> None:
    registry = _registry("a")
    registry.add_lazy("b", "json:loads")
    for name in ("a", "b"):
        with pytest.raises(CalldistilError, match=f"registered as the extractor '{name}'"):
            registry.register(name)
            registry.register(name)("other")
        with pytest.raises(CalldistilError, match=f"registered as the extractor '{name}'"):
            registry.add_lazy(name, "json:dumps")
    assert registry.get("a") == "the a"


def _module(folder: Path, name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)


def test_a_lazy_name_is_listed_without_an_import_and_imported_once_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _module(tmp_path, "lazy_component", "class Component: pass\n", monkeypatch)
    registry: Registry[type] = Registry("student")
    registry.add_lazy("component.v1", "lazy_component:Component")
    assert registry.names() == ("component.v1",)
    assert registry.resolve("component") == "component.v1"
    assert "lazy_component" not in sys.modules
    assert registry.get("component") is registry.get("component.v1")
    assert registry.get("component").__name__ == "Component"


def test_entry_points_of_installed_distributions_are_registered_without_an_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _module(tmp_path, "plugin_of_someone", "class Theirs: pass\n", monkeypatch)
    info = tmp_path / "someone-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: someone\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[calldistil.test_group]\ntheirs.v1 = plugin_of_someone:Theirs\n"
    )
    registry: Registry[type] = Registry("student", group="calldistil.test_group")
    registry.register("ours.v1")(object)
    assert registry.names() == ("ours.v1", "theirs.v1")
    assert "plugin_of_someone" not in sys.modules
    assert registry.get("theirs").__name__ == "Theirs"


def test_an_entry_point_that_takes_a_name_of_ours_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    info = tmp_path / "someone-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: someone\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[calldistil.test_group]\nours.v1 = json:loads\n")
    registry: Registry[object] = Registry("student", group="calldistil.test_group")
    registry.register("ours.v1")(object)
    with pytest.raises(CalldistilError, match=r"registered as the student 'ours\.v1'"):
        registry.names()


def test_every_entry_point_of_calldistil_points_to_a_module_that_exists() -> None:
    distribution = metadata.distribution("calldistil")
    for entry in distribution.entry_points:
        code = f"import importlib.util; assert importlib.util.find_spec({entry.module!r})"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0, entry
