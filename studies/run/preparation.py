"""Prepares the data and checks data, limits and search space before the first trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from search_space import Architecture, RefusedArchitecture
from search_space.rules import RANGES
from search_space.space import SearchSpace
from search_space.time_steps import LONGEST_ATTENTION_LINE
from studies.definition.configuration import Configuration
from studies.definition.study import Study
from studies.definition.warm_start_spec import warm_start_entries
from studies.objectives.costs import CostModel
from studies.objectives.limits import LIMIT_NAMES, smallest_cost, write_cost
from studies.run.kept_parents import parents_of
from studies.run.observer import Observer, StudyFacts
from studies.run.warm_start import configurations
from studies.storage.stored_trial import StoredTrial
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from trainers.base.errors import UserError
from trainers.data.dataset import LineDataset, prepare
from trainers.data.rendered import FEW_LINES
from trainers.data.source_registry import find_source, split_sources
from trainers.data.spec import AUTO, DataSpec
from trainers.inherit.parent import Parent
from trainers.trial.run import TrialJob

LARGEST_UNREADABLE_SHARE = 0.05
"""Largest fraction of training lines whose label a head may be unable to write; above it the time stride or head is refused."""


@dataclass(frozen=True)
class Preparation:
    """What is known once a study has been found to make sense.

    Attributes:
        study: the study.
        prepared: its lines, by input height.
        costs: what an architecture costs before it is trained.
        warm_start: configurations to try first.
        begin: trained weights that candidates may begin with, the best first; none for random weights.
    """

    study: Study
    prepared: dict[int, LineDataset]
    costs: CostModel
    warm_start: list[Configuration]
    begin: tuple[Parent, ...] = ()

    def begins_at_random(self, architecture: Architecture) -> bool:
        """Whether a network begins with random weights although others of the study begin with trained ones."""
        return bool(self.begin) and not _inherits(self.study, self.begin, architecture)

    def data_spec(self, height_px: int) -> DataSpec:
        """What a worker opens: the lines of this height, with the rendered lines that the driver has decided on."""
        prepared = self.prepared.get(height_px)
        return data_spec(self.study, height_px) if prepared is None else prepared.spec

    def job(self, configuration: Configuration, folder: Path, cache_folder: Path) -> TrialJob:
        """What a worker is to train.

        Args:
            configuration: to train.
            folder: the trial's own.
            cache_folder: where decoded lines are kept.
        """
        return TrialJob(
            architecture=configuration.architecture,
            data=self.data_spec(configuration.architecture.height_px),
            cache_folder=cache_folder,
            recipe=self.study.recipe_space.recipe_of(configuration.recipe),
            epochs=self.study.budget.epochs,
            folder=folder,
            seed=self.study.search.seed,
            threads=1,
            parents=self.begin,
        )

    def facts(self, study: Study, trials: Sequence[StoredTrial], resumed: bool, workers: int) -> StudyFacts:
        """Returns the facts that observers receive at the start.

        Args:
            study: to run.
            trials: of earlier runs.
            resumed: whether the study existed before.
            workers: trainings at the same time.
        """
        first = next(iter(self.prepared.values()))
        return StudyFacts(
            name=study.name,
            trials=study.budget.wanted_trials,
            finished=sum(trial.counts_against_budget for trial in trials),
            resumed=resumed,
            epochs=study.budget.epochs,
            training_lines=len(first.training),
            validation_lines=len(first.validation),
            symbols=len(first.charset.symbols),
            skipped=tuple(f"{s.name}: {s.reason}" for s in first.skipped),
            size_limit_bytes=study.limits.size_bytes,
            seconds=study.budget.seconds,
            workers=workers,
            objectives=study.objectives,
            begin=study.search.begin,
            inherit=study.search.inherit,
            recorded=sum(not trial.is_open for trial in trials),
            measured=tuple(t.measurement for t in trials if t.is_candidate and t.measurement is not None),
        )


def _inherits(study: Study, begin: Sequence[Parent], architecture: Architecture) -> bool:
    """Whether a network begins with trained weights."""
    from trainers.inherit.starter import has_starter  # brings torch

    return study.search.inherit != "never" or any(parent.file is not None or has_starter(architecture) for parent in begin)


def data_spec(study: Study, height_px: int) -> DataSpec:
    """A study's data at one input height."""
    return study.data.spec(height_px, study.search.seed)


def prepare_study(study: Study, workspace: Workspace, observer: Observer, store: StudyStore | None = None) -> Preparation:
    """Decodes the data, then checks the limits and the space against it.

    Args:
        study: to run.
        workspace: its place.
        observer: hears of what is found.
        store: the study as an earlier run has stored it; None before the first.

    Raises:
        UserError: the data cannot be used, a time stride leaves too few steps for the labels, or nothing in the space can
            meet the size limit.
    """
    _check_test_sources(study)
    warm_start, begin = _warm_start(study, workspace), parents_of(study, store, workspace, observer.note)
    heights = set(_values(study.search_space, "height_px")) | {c.architecture.height_px for c in warm_start}
    prepared = {}
    for height_px in sorted(heights):
        what = f"images at {height_px} px"

        def show(done: int, total: int, what: str = what) -> None:
            observer.preparing(what, done, total)

        prepared[height_px] = prepare(data_spec(study, height_px), workspace.cache, show)
    first = next(iter(prepared.values()))
    for note in (*first.notes, *_few_lines(first)):
        observer.note(note)
    charset = "".join(next(iter(prepared.values())).charset.symbols)
    wanted = {*study.limits.by_cost, *(metric for objective in study.objectives for metric in objective.reads)}
    costs = CostModel(charset, wanted, prepared, partial(_inherits, study, begin))
    preparation = Preparation(study, prepared, costs, warm_start, begin)
    _check_drawn_share(study, prepared)
    _check_time_steps(preparation, observer)
    _check_precisions(preparation, len(charset), observer)
    _check_limits(preparation)
    return preparation


def _check_test_sources(study: Study) -> None:
    """Raises UserError if test lines are not there: they are read when the search ends, which is late to say so."""
    spec = data_spec(study, Architecture().height_px)
    for source in split_sources(spec.test) if spec.test and spec.test != AUTO else ():
        find_source(source, spec.seed)


def _check_drawn_share(study: Study, prepared: Mapping[int, LineDataset]) -> None:
    """Raises UserError if the recipe asks for drawn lines among the training lines, and there are none."""
    space = study.recipe_space
    shares = space.choices.get("drawn_share", (space.recipe.drawn_share,))
    if any(shares) and not all(lines.rendered_lines for lines in prepared.values()):
        raise UserError(
            'recipe.drawn_share needs drawn lines among the training lines: set rendered in [data], such as "auto" or '
            "{ count = 5000 } (docs/data.md), or leave drawn_share out"
        )


def _few_lines(prepared: LineDataset) -> list[str]:
    """What to expect of few lines, one line; none where there are enough."""
    own, measured = prepared.own_lines, len(prepared.validation)
    if own >= FEW_LINES:
        return []
    hint = '; drawn ones help with some recipes (rendered = "auto", docs/data.md)'
    drawn = "" if prepared.spec.rendered is not None else hint
    steps = f"{measured} validation lines tell accuracies apart in steps of {100 / measured:.2g} points"
    return [f"{own} training lines are few, and {steps}: more lines help most{drawn}"]


def _values(space: SearchSpace, field: str) -> list[int]:
    return [int(v) for v in space.choices.get(field, (Architecture().as_dict()[field],)) if isinstance(v, int)]


def _warm_start(study: Study, workspace: Workspace) -> list[Configuration]:
    space = study.joint_space
    return [
        space.complete(configuration)
        for entry in warm_start_entries(study.search.warm_start)
        for configuration in configurations(entry, workspace)
    ]


def _check_time_steps(preparation: Preparation, observer: Observer) -> None:
    """Finds heads and time strides that cannot write the labels, before anything is trained.

    Lines whose label a head cannot write are left out of its training; too many of them refuse the head or the time stride.
    """
    space = preparation.study.search_space
    heads = set(space.choices.get("head", ("ctc",)))
    if "attention" in heads:
        _check_attention(next(iter(preparation.prepared.values())), observer)
    if heads == {"attention"}:
        return
    for height_px in _values(space, "height_px"):
        prepared = preparation.prepared[height_px]
        for time_stride in _values(space, "time_stride"):
            try:
                architecture = Architecture(height_px=height_px, time_stride=time_stride)
            except RefusedArchitecture:
                continue  # no trial can have both, whatever else it is
            unreadable = len(prepared.infeasible(architecture))
            lines = prepared.own_lines
            if unreadable > LARGEST_UNREADABLE_SHARE * lines:
                raise UserError(
                    f"with time_stride {time_stride} at height_px {height_px}, {unreadable} of {lines} training lines have "
                    f"fewer time steps than their label needs; remove it from space.time_stride, or choose a larger height_px"
                )
            if unreadable:
                observer.note(f"{unreadable} of {lines} lines are too narrow for their label at time_stride {time_stride}")


def _check_attention(prepared: LineDataset, observer: Observer) -> None:
    """Refuses the attention head if its decoder is too short for many labels; reports how many lines it has to leave out."""
    too_long = prepared.infeasible(Architecture(head="attention", head_rank=RANGES["head_rank"][0]))
    lines = prepared.own_lines
    if not too_long:
        return
    found = f"{len(too_long)} of {lines} training lines have labels of more than {LONGEST_ATTENTION_LINE} symbols"
    if len(too_long) > LARGEST_UNREADABLE_SHARE * lines:
        raise UserError(f"{found}, which the attention head cannot write; remove attention from space.head and use ctc")
    first = prepared.training.name(too_long[0])
    observer.note(f"{found}; they are left out if the head is attention (the first is {first})")


def _check_precisions(preparation: Preparation, symbols: int, observer: Observer) -> None:
    """Reports if two precisions of the space would give the same file."""
    from trainers.export.int4_packing import LEAST_OUTPUTS  # brings onnx

    precisions = preparation.study.search_space.choices.get("precision", ())
    if {"int8", "int4"} <= set(precisions) and symbols < LEAST_OUTPUTS - 1:
        observer.note(
            f"precision int4 differs from int8 only with {LEAST_OUTPUTS - 1} or more characters, and this study has {symbols}: "
            f"remove int4 from space.precision"
        )


def _check_limits(preparation: Preparation) -> None:
    """Raises UserError if nothing in the space meets a limit; each limit is checked alone."""
    space, costs = preparation.study.search_space, preparation.costs
    for metric, limit in preparation.study.limits.by_cost.items():
        if metric == "latency_ms":
            continue  # takes seconds an architecture
        try:
            least = smallest_cost(space, costs.function_of(metric))
        except RefusedArchitecture as refused:
            raise UserError(f"nothing in the space can be built: {refused}") from None
        if least > limit:
            raise UserError(
                f"nothing in the space meets the {LIMIT_NAMES[metric]} limit of {write_cost(metric, limit)}: the smallest "
                f"architecture found takes {least} ({write_cost(metric, least)}); raise the limit or add smaller values to "
                f"the space (width_percent, encoder_hidden)"
            )
