"""`paretext search --name X` continues study X unchanged, except for the settings on the command line."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from dashboards.cli.search_command import add_settings, continued
from studies.definition.sections import Budget
from studies.definition.settings import settings
from studies.definition.study import Study, resolve
from studies.definition.study_file import load_study
from studies.run.schedule import early_stopping_of
from studies.samplers.optuna_based.factory import NAMES
from trainers.base.errors import UserError

STORED: Study = resolve({"name": "x", "budget": {"trials": 40, "epochs": 9, "time": "2h"}, "limits": {"size": "1MB"}}, "a test")


def given(**values: object) -> dict[str, object]:
    return {
        **dict.fromkeys(setting.key for setting in settings() if setting.flag),
        "name": "x",
        **{k.replace("__", "."): v for k, v in values.items()},
    }


def test_nothing_named_changes_nothing() -> None:
    assert continued(STORED, given()) == STORED


def test_what_is_named_changes_alone() -> None:
    assert continued(STORED, given(search__workers=3)).search.workers == 3
    assert continued(STORED, given(budget__time="5m")).budget == Budget(trials=40, epochs=9, time="5m")


def test_more_trials_take_the_time_they_need() -> None:
    assert continued(STORED, given(budget__trials=60)).budget == Budget(trials=60, epochs=9)


@pytest.mark.parametrize("sampler", [*NAMES])
def test_every_sampler_can_be_named_for_the_built_in_study(sampler: str) -> None:
    study = load_study(None, {"search.sampler": sampler})
    assert study.search.sampler == sampler
    assert (early_stopping_of(study) == "gain") == (sampler == "front")


def test_another_sampler_for_a_study_file_is_no_fault_of_its_early_stopping(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[search]\nsampler = "front"\nearly_stopping = "gain"\n')
    assert load_study(file, {"search.sampler": "nsga2"}).search.early_stopping == "auto"
    assert load_study(file, {"search.sampler": "front"}).search.early_stopping == "gain"
    file.write_text('[search]\nsampler = "nsga2"\nearly_stopping = "gain"\n')
    with pytest.raises(UserError, match='"gain" works only with the sampler "front"'):
        load_study(file, {})


def test_another_sampler_for_a_stored_study_is_no_fault_of_its_early_stopping() -> None:
    stored = resolve({"name": "x", "search": {"early_stopping": "gain"}}, "a test")
    assert continued(stored, given(search__sampler="tpe")).search.early_stopping == "auto"
    assert continued(stored, given(search__sampler="front")) == stored


def parsed(*words: str) -> dict[str, object]:
    """The settings that a command line names."""
    parser = argparse.ArgumentParser()
    add_settings(parser)
    return {key: value for key, value in vars(parser.parse_args(words)).items() if value is not None}


@pytest.mark.parametrize(
    ("word", "written"), [("false", False), ("False", False), ("auto", "auto"), ("lines/", "lines/"), ("./false", "./false")]
)
def test_test_lines_are_switched_off_as_in_a_study_file(word: str, written: object) -> None:
    named = parsed("--test", word)
    assert named == {"data.test": written}
    for study in (load_study(None, named), continued(STORED, given(data__test=named["data.test"]))):
        assert study.data.test == written
        assert (study.data.spec(32, 0).test is None) == (written is False)


def test_no_other_option_takes_false_for_something_else() -> None:
    assert parsed("--data", "false") == {"data.source": "false"} and parsed("--name", "false") == {"name": "false"}
