"""`paretext search --name X` continues study X unchanged, except for the settings on the command line."""

from __future__ import annotations

from dashboards.cli.search_command import continued
from studies.definition.sections import Budget
from studies.definition.settings import settings
from studies.definition.study import Study, resolve

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
