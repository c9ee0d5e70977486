"""A study, resolved: everything a search needs to know, as strict typed values with every default filled in.

Decisions:
- TOML keys, field names here and field names of an architecture are the same words.
- Everything that is wrong is reported at once, each with the nearest valid name, in the words of the file.
- The resolved study is stored with the study as JSON and read back from there on resume; the file is not read again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from search_space.catalog import nearest
from search_space.space import SearchSpace
from studies.definition.data_section import Data
from studies.definition.joint_space import JointSpace
from studies.definition.recipe_space import RecipeSpace
from studies.definition.section_types import Flag, StudySection
from studies.definition.sections import LONGEST_EPOCHS, UNLIMITED_TRIALS, Budget, Limits, Search
from studies.objectives.catalog import objectives_of
from studies.objectives.objective import Objective
from studies.workspace.paths import check_study_name
from trainers.base.errors import UserError
from trainers.base.recipe import Recipe
from trainers.base.validation_errors import error_lines

DEFAULT_RECIPE = "anytime"
DEFAULT_SPACE: dict[str, list[str | int | None]] = {
    "backbone": ["mobilenetv3_small", "mobilenetv3_large", "lcnet"],
    "width_percent": [15, 25, 50, 75, 100],
    "neck": ["none", "fpn_a", "fpn_d"],
    "attention": ["squeeze_excite", "coordinate", "eca"],
    "encoder": ["none", "gru", "svtr"],
    "encoder_hidden": [24, 48, 96, 128],
    "encoder_layers": [1, 2],
    "precision": ["fp16", "int8", "coded", "coded_50", "coded_80"],
}
"""What is open where a study says nothing: what has paid for lines of text, from light to accurate."""


class Study(StudySection):
    """A whole study."""

    name: Annotated[str, AfterValidator(check_study_name), Flag("--name", "NAME")] = Field(
        default="digits",
        description="what the study is called in runs/, Optuna and MLflow; without it, after the file or the data",
        examples=["plates"],
    )
    data: Data = Data()
    limits: Limits = Limits()
    budget: Budget = Budget()
    search: Search = Search()
    recipe: str | dict[str, Any] = Field(
        default=DEFAULT_RECIPE,
        description="how to train: a preset (anytime, paretext, seed), or a table of a preset and what differs from it; a list "
        "of values opens a setting to the search",
        examples=["seed"],
    )
    space: dict[str, list[str | int | None]] = Field(
        default_factory=lambda: {k: list(v) for k, v in DEFAULT_SPACE.items()},
        description="field of an architecture to the values to choose from; one value fixes the field",
        examples=[{"width_percent": [25, 50]}],
    )

    @property
    def search_space(self) -> SearchSpace:
        """The architectures to choose from."""
        return SearchSpace({field: tuple(values) for field, values in self.space.items()})

    @property
    def recipe_space(self) -> RecipeSpace:
        """How candidates are trained, and the recipe settings that are searched."""
        return RecipeSpace.of(self.recipe)

    @property
    def joint_space(self) -> JointSpace:
        """The space as the sampler sees it: architectures and recipe settings."""
        return JointSpace(self.search_space, self.recipe_space)

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """What is searched for."""
        return objectives_of(self.search.objectives)

    @property
    def training_recipe(self) -> Recipe:
        """How candidates are trained; searched settings have their defaults (`RecipeSpace.recipe`)."""
        return self.recipe_space.recipe

    def with_overrides(self, overrides: Mapping[str, Any]) -> Study:
        """A copy with some values replaced.

        Args:
            overrides: dotted key to value, such as {"budget.trials": 20}; None values are left alone.

        Raises:
            UserError: a value is out of range.
        """
        values = self.model_dump(mode="python")
        for key, value in overrides.items():
            if value is None:
                continue
            section, _, field = key.rpartition(".")
            (values[section] if section else values)[field] = value
        return resolve(values, "the command line")


FORMER_DATA: Mapping[str, Any] = {"split": 1, "test": False, "rendered": None}
"""What `[data]` of a stored study means where it has no such value: its lines were split by their pixels at each input height,
and were neither set aside as test lines nor drawn. A resumed study compares its trials on the lines it began with."""
FORMER_SEARCH: Mapping[str, Any] = {"begin": "random", "inherit": "never"}
"""What `[search]` of a stored study means where it has no such value: every network began with random weights."""


def stored_study(values: Mapping[str, Any], name: str) -> Study:
    """A study as a storage has it: nothing is looked up, and what an earlier version did not know is as it was then.

    Args:
        values: of `Study.model_dump`.
        name: of the study, for the message.

    Raises:
        UserError: it names something that is not installed here.
    """
    data = {**FORMER_DATA, **values.get("data", {})}
    search = {**FORMER_SEARCH, **values.get("search", {})}
    try:
        return Study.model_validate({**values, "data": data, "search": search})
    except ValidationError as error:
        raise UserError(f"study '{name}' cannot be read: " + "; ".join(error_lines(error, Study))) from None


def resolve(values: Mapping[str, Any], origin: str) -> Study:
    """Checks written values and fills in the defaults.

    Args:
        values: what the file or the command line says, nested by section.
        origin: what to call it in the message.

    Raises:
        UserError: everything that is wrong, one line.
    """
    faults: list[str] = []
    study = None
    if isinstance(recipe := values.get("recipe"), Mapping) and "preset" not in recipe:
        values = {**values, "recipe": {"preset": DEFAULT_RECIPE, **recipe}}
    budget = values.get("budget")
    if isinstance(budget, Mapping) and budget.get("time") is not None:
        values = {**values, "budget": {"trials": UNLIMITED_TRIALS, "epochs": LONGEST_EPOCHS, **budget}}
    try:
        study = Study.model_validate(dict(values))
    except ValidationError as error:
        faults += error_lines(error, Study)
    faults += _deeper_faults(study, values)
    if faults:
        raise UserError(f"{origin}: " + "; ".join(faults))
    assert study is not None
    return study


def _deeper_faults(study: Study | None, values: Mapping[str, Any]) -> list[str]:
    """Faults that types alone cannot show: names of components, samplers, engines, recipes and known models."""
    from studies.engines.catalog import engines
    from studies.samplers.catalog import samplers
    from studies.samplers.optuna_based.factory import FRONT, NAMES

    faults = []
    space = study.space if study else values.get("space")
    if isinstance(space, Mapping):
        written = {k: tuple(v) for k, v in space.items() if isinstance(v, list) and all(isinstance(x, str | int) for x in v)}
        try:
            SearchSpace(written)
        except ValueError as error:
            faults.append(str(error))
    search = values.get("search", {})
    sampler = search.get("sampler") if isinstance(search, Mapping) else None
    if isinstance(sampler, str) and sampler not in (known := [*NAMES, *samplers.names()]):
        faults.append(f"search.sampler: no sampler is called '{sampler}'{nearest(sampler, known)}")
    engine = search.get("engine") if isinstance(search, Mapping) else None
    if isinstance(engine, str) and engine not in engines:
        faults.append(f"search.engine: no engine is called '{engine}'{nearest(engine, engines.names())}")
    if study is not None and study.search.early_stopping == "gain" and study.search.sampler != FRONT:
        faults.append(
            f'search.early_stopping: "gain" works only with the sampler "{FRONT}"; use "promotion", or sampler = "{FRONT}"'
        )
    recipe = values.get("recipe", DEFAULT_RECIPE)
    if isinstance(recipe, str | Mapping):
        try:
            RecipeSpace.of(recipe)
        except UserError as error:
            faults.append(str(error))
    if study is not None:
        faults += _warm_start_faults(study.search.warm_start)
        try:
            study.data.spec(height_px=32, seed=0)
        except UserError as error:
            faults.append(f"data: {error}")
    return faults


def _warm_start_faults(warm_start: str | list[str] | None) -> list[str]:
    from studies.definition.warm_start_spec import entry_fault, warm_start_entries

    faults = [entry_fault(entry) for entry in warm_start_entries(warm_start)]
    return [f"search.warm_start: {fault}" for fault in faults if fault is not None]
