"""A study that is run again with more epochs: how long its trainings were before, and whether they may continue.

Decisions:
- With a recipe that has no planned end (`Recipe.is_anytime`) the number of epochs is no part of what a training is. A later run
  may ask for more epochs, not for fewer.
- With any other recipe it is: the learning rate of a training that has ended is at its end. The study keeps its number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from studies.definition.study import Study
from studies.storage.outcomes import Measured
from studies.storage.stored_trial import StoredTrial


def epochs_of_this_run(stored: Study, asked: Study) -> tuple[int, str | None]:
    """Epochs of a full training in a run of a study that exists, and a line for the user where they are not what was asked for.

    Args:
        stored: the study as it is stored.
        asked: what this run asks for.
    """
    before, now = stored.budget.epochs, asked.budget.epochs
    if now == before:
        return before, None
    if now < before:
        return before, f"study '{stored.name}' keeps {before} epochs, since some trainings may have passed epoch {now} already"
    if not stored.training_recipe.is_anytime:
        planned = "its recipe plans the learning rate up to the last epoch, so that no training could continue"
        return before, f"study '{stored.name}' keeps {before} epochs: {planned} (use --name for a new study)"
    return now, f"a full training of study '{stored.name}' has {now} epochs from now on; it had {before}"


def former_epochs(trials: Iterable[StoredTrial], study: Study) -> list[int]:
    """Epochs of a full training in earlier runs, as far as trainings have ended there, rising and below those of the study."""
    if not study.training_recipe.is_anytime:
        return []
    epochs = study.budget.epochs
    ends = {trial.outcome.epochs for trial in trials if isinstance(trial.outcome, Measured)}
    return sorted(end for end in ends if 0 < end < epochs)


def may_continue(ended: Sequence[StoredTrial], epochs: int) -> str:
    """A line about trainings that have ended earlier and may train further."""
    count = "1 training of the front" if len(ended) == 1 else f"{len(ended)} trainings of the front"
    return f"{count} ended in earlier runs, and may continue up to epoch {epochs} from the kept checkpoint"
