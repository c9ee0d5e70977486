"""docs/search.md is correct: its commands parse, its study loads, and its example gives the result that it states."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

from dashboards.cli.command_line import build_parser
from studies.definition.study import resolve
from studies.samplers.optuna_based.factory import NAMES
from studies.schedulers.asha import MOASHA
from studies.schedulers.decisions import Decision
from studies.schedulers.rungs import rungs_up_to

PAGE = (Path(__file__).parents[3] / "docs" / "search.md").read_text(encoding="utf-8")


def row(name: str) -> list[str]:
    """The cells of a table's row."""
    (line,) = re.findall(rf"^\| {name} \|(.*)\|$", PAGE, re.MULTILINE)
    return [cell.strip() for cell in line.split("|")]


def test_its_commands_are_ours() -> None:
    commands = re.findall(r"^(?:\S+=\S+ )?(paretext [^#\n]*)", PAGE, re.MULTILINE)
    assert len(commands) > 6
    for command in commands:
        assert build_parser().parse_args(shlex.split(command)[1:]).run


def test_its_study_loads_and_has_the_rungs_that_are_told() -> None:
    whole, *tables = (tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
    study = resolve(whole, "docs/search.md")
    assert all(resolve(whole | table, "docs/search.md") != study for table in tables)
    assert rungs_up_to(study.budget.epochs, study.search.eta, study.search.first_rung) == [4, 12]
    assert (rungs_up_to(40, 3, 3), rungs_up_to(60, 3, 3)) == ([3, 9, 40], [3, 9, 27, 60])
    assert all(f"`{name}`" in PAGE for name in NAMES)


def test_its_example_comes_out_as_told() -> None:
    errors = [float(cell) for cell in row("CER at 3 epochs")]
    asha, new = MOASHA(rungs_up_to(27, 3, 3)), iter(range(len(errors)))
    trained = [0] * len(errors)
    while (promotion := asha.next_promotion()) or (number := next(new, None)) is not None:
        trial, until = (promotion.trial, promotion.until) if promotion else (number, asha.first_rung(number))
        trained[trial] = until
        asha.record(trial, until, (errors[trial] * 3 / until, 500_000))
        while asha.decide(trial, trained[trial]) is Decision.CONTINUE:
            trained[trial] = asha.next_rung(trial, trained[trial])
            asha.record(trial, trained[trial], (errors[trial] * 3 / trained[trial], 500_000))
    assert trained == [int(cell) for cell in row("trained for")]
    assert f"{sum(trained)} epochs instead of {27 * len(errors)}" in PAGE
