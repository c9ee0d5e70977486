"""Every search of the benchmark runs on a tiny problem, so a renamed class breaks a test and not a measurement of hours."""

import importlib.util
import math
from pathlib import Path

import pytest
from optuna.distributions import CategoricalDistribution

from benchmarks.search_efficiency import replay
from benchmarks.search_efficiency.problems import Pair, Params, Problem
from benchmarks.search_efficiency.searches import NOT_STOPPING, PARETEXT, PEERS, SEARCHES
from benchmarks.search_efficiency.under_way import Run

EPOCHS = 3
FULL_TRAININGS = 10
"""Budget: more than the random starts of the samplers with early stopping, so that their models are used, too."""
PACKAGES = {"BoTorch": "botorch", "Ray": "ray", "Syne Tune": "syne_tune"}
"""First words of a search's name to the package that it needs."""


def tiny_problem() -> Problem:
    """Forty architectures in two precisions: wider and deeper ones err less and are larger."""

    def at(params: Params, epoch: int) -> Pair:
        capacity = params["width"] * params["depth"]
        error = 1 / (1 + capacity) / epoch + (0.02 if params["precision"] == "int8" and epoch == EPOCHS else 0.0)
        return error, 1000.0 * capacity * (4 if params["precision"] == "fp32" else 1)

    def costs(params: Params) -> tuple[tuple[float, ...], bool]:
        return (at(params, 1)[1],), True

    distributions = {
        "width": CategoricalDistribution((1, 2, 3, 4, 5, 6, 7, 8)),
        "depth": CategoricalDistribution((1, 2, 3, 4, 5)),
        "precision": CategoricalDistribution(("fp32", "int8")),
    }
    low, high = (1 / 41 / EPOCHS, 1000.0), (1 / 2 / EPOCHS + 0.02, 160_000.0)
    return Problem("tiny", EPOCHS, dict(distributions), at, ("linear", "log"), low, high,
                   uninformative_from=(0.9, math.inf), variant_parameter="precision",
                   known_objectives=(1,), costs=costs)  # fmt: skip


@pytest.mark.parametrize("name", SEARCHES)
def test_every_search_trains_until_its_budget_is_spent(name: str) -> None:
    package = next((module for words, module in PACKAGES.items() if name.startswith(words)), None)
    if package is not None and importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    run = Run(tiny_problem(), FULL_TRAININGS * EPOCHS)
    SEARCHES[name](run, 0)
    assert not run.open
    assert len(run.finished) >= 2
    assert run.history[-1][0] <= run.budget and 0 < run.history[-1][1] <= 1


def test_the_same_seed_gives_the_same_search() -> None:
    histories = []
    for _ in range(2):
        run = Run(tiny_problem(), FULL_TRAININGS * EPOCHS)
        SEARCHES[PARETEXT](run, 3)
        histories.append(run.history)
    assert histories[0] == histories[1]


def test_peers_are_searches() -> None:
    assert set(NOT_STOPPING) < set(PEERS) < set(SEARCHES)


def test_what_is_stored_is_not_run_again_and_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "replays.jsonl"
    words = ["replay", "--problems", "first_table", "--searches", "random", "--seeds", "2", "--full-trainings", "2"]
    for _ in range(2):
        monkeypatch.setattr("sys.argv", [*words, "--out", str(out)])
        replay.main()
    assert len(replay.stored_histories(out)) == len(out.read_text().splitlines()) == 2
    out.write_text(out.read_text() * 2)
    with pytest.raises(ValueError, match="holds 2 searches twice"):
        replay.stored_histories(out)
