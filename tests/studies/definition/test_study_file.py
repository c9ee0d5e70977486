"""A study file becomes typed values, or one line that names everything that is wrong with it."""

import re
import tomllib
from pathlib import Path

import pytest

from studies.definition.data_section import Data
from studies.definition.durations import parse_duration, write_duration
from studies.definition.sections import Target
from studies.definition.settings import settings
from studies.definition.study import DEFAULT_SPACE, Study, resolve, stored_study
from studies.definition.study_file import BUILT_IN, load_study
from trainers.base.errors import UserError
from trainers.data.rendered import Rendered

WHOLE = """
name = "plates"
recipe = "seed"

[data]
source = "lines/train"
validation = "lines/val"

[limits]
size = "1.5MiB"

[budget]
trials = 30
epochs = 40
time = "1h30m"

[search]
seed = 7
workers = 2

[space]
backbone = ["mobilenetv3_small"]
width_percent = [50, 100]
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "study.toml"
    file.write_text(text, encoding="utf-8")
    return file


def fault(folder: Path, text: str) -> str:
    with pytest.raises(UserError) as caught:
        load_study(written(folder, text))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_section_is_read(tmp_path: Path) -> None:
    study = load_study(written(tmp_path, WHOLE))
    assert (study.name, study.limits.size_bytes, study.budget.seconds) == ("plates", 1572864, 5400)
    assert study.search_space.open_fields == ["width_percent"]
    assert study.training_recipe.learning_rate == 1e-3


def test_sources_weights_and_rendered_lines_reach_the_workers(tmp_path: Path) -> None:
    text = """[data]
    source = ["a/", "b/"]
    validation = "c/"
    weights = [1, 2.5]
    rendered = { count = 300, use = "warmup" }"""
    study = load_study(written(tmp_path, text))
    assert Study.model_validate_json(study.model_dump_json()) == study
    spec = study.data.spec(height_px=48, seed=3)
    assert (spec.training, spec.validation, spec.weights, spec.height_px) == ("a/;b/", "c/", (1.0, 2.5), 48)
    assert spec.rendered == Rendered(count=300, use="warmup")
    assert "rendered.use must be one of extra, warmup" in fault(tmp_path, '[data]\nrendered = { count = 3, use = "warm" }')
    assert "weights must be 1 numbers" in fault(tmp_path, "[data]\nweights = [1, 2]")
    assert "unknown key 'rendered.cuont'; did you mean 'count'?" in fault(tmp_path, "[data]\nrendered = { cuont = 3 }")


def test_test_lines_groups_and_rendered_lines_can_be_left_to_it_or_turned_off(tmp_path: Path) -> None:
    spec = load_study(written(tmp_path, "[data]")).data.spec(height_px=32, seed=0)
    assert (spec.test, spec.group, spec.split, spec.rendered) == ("auto", None, 2, None)
    off = load_study(written(tmp_path, '[data]\ntest = false\nrendered = "auto"')).data.spec(height_px=32, seed=0)
    assert (off.test, off.rendered) == (None, "auto")
    text = '[data]\ntest = ["a/", "b/"]\ngroup = "page"\nrendered = true'
    asked = load_study(written(tmp_path, text)).data.spec(height_px=32, seed=0)
    assert (asked.test, asked.group, asked.rendered) == ("a/;b/", "page", Rendered(count=2000))
    assert "data.test" in fault(tmp_path, "[data]\ntest = true")
    assert "data.rendered" in fault(tmp_path, '[data]\nrendered = "aut"')


def test_data_of_a_stored_study_are_split_as_they_were_then() -> None:
    now = Data(source="lines/")
    values = Study(data=now).model_dump(mode="json")
    assert stored_study(values, "new").data == now
    for key in ("split", "test", "group"):
        del values["data"][key]
    values["data"]["rendered"] = None
    old = stored_study(values, "old").data
    assert (old.split, old.test, old.rendered) == (1, False, None)
    assert not now.differs_from(old) and Data(source="other/").differs_from(old)
    assert Data(source="lines/", test="a/").differs_from(old) and Data(source="lines/", group="page").differs_from(old)


def test_without_a_file_the_built_in_study_is_meant() -> None:
    study = load_study(None)
    assert study.data.source == "digits" and study.name == "digits"
    assert load_study(None, {"data.source": "lines/"}).space == DEFAULT_SPACE


def test_the_resolved_study_survives_being_stored(tmp_path: Path) -> None:
    study = load_study(written(tmp_path, WHOLE))
    assert Study.model_validate(study.model_dump(mode="json")) == study


def test_the_command_line_wins_and_none_leaves_alone(tmp_path: Path) -> None:
    study = load_study(written(tmp_path, WHOLE), {"budget.trials": 3, "budget.epochs": None, "limits.size": "500KB"})
    assert (study.budget.trials, study.budget.epochs, study.limits.size_bytes) == (3, 40, 500_000)


def test_a_study_without_a_name_is_called_after_its_file_or_data(tmp_path: Path) -> None:
    assert load_study(written(tmp_path, "[budget]\ntrials = 1")).name == "study"
    assert load_study(None, {"data.source": "pages/Fraktur lines/"}).name == "pages-Fraktur-lines"


def test_all_faults_are_named_at_once_with_the_nearest_name(tmp_path: Path) -> None:
    line = fault(
        tmp_path,
        """
        nam = "x"
        recipe = "paretex"
        [budget]
        trails = 5
        epochs = 0
        time = "soon"
        [limits]
        size = "10 parsecs"
        [search]
        sampler = "tpee"
        [space]
        backbone = ["mobilenet_small"]
        widht_percent = [50]
        """,
    )
    for part in (
        "unknown key 'nam'; did you mean 'name'?",
        "unknown key 'budget.trails'; did you mean 'trials'?",
        "budget.epochs must be a whole number from 1 to 1000000, not 0",
        "'soon' is not a duration",
        "'10 parsecs' is not a size",
        "'tpee'; did you mean 'tpe'?",
        "did you mean 'mobilenetv3_small'?",
        "space has no field 'widht_percent'; did you mean 'width_percent'?",
        "did you mean 'paretext'?",
    ):
        assert part in line


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[space]\nwidth_percent = []", "lists no value"),
        ("[space]\nwidth_percent = [50, 50]", "lists a value twice"),
        ("[space]\nwidth_percent = [500]", "from 10 to 125"),
        ('[search]\nwarm_start = ["mobilev3_smal_1.0"]', "did you mean 'mobilev3_small_1.0'?"),
        ("[recipe]\nlearning_rat = 0.1", "did you mean 'learning_rate'?"),
        ('[search]\nshared = "s3://me:secret@bucket/x"', "search.shared: holds a password"),
        ("budget = 3", "budget"),
        ("name = '../x'", "name"),
        ("name = ", "not a TOML file"),
    ],
)
def test_wrong_values_are_refused(tmp_path: Path, text: str, says: str) -> None:
    assert says in fault(tmp_path, text)


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such study file"):
        load_study(tmp_path / "none.toml")
    with pytest.raises(UserError, match="--data"):
        load_study(tmp_path)


def test_a_recipe_table_changes_a_preset() -> None:
    study = resolve({"recipe": {"preset": "seed", "batch_lines": 16}}, "here")
    assert (study.training_recipe.batch_lines, study.training_recipe.weight_decay) == (16, 1e-5)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("0.5h", 1800)])
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "0s", "m", "5 minutes", "-3s"])
def test_durations_without_sense_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


def test_durations_are_written_short() -> None:
    assert [write_duration(s) for s in (42, 190, 3900)] == ["42s", "3m10s", "1h05m"]


def test_the_built_in_study_shows_every_key_with_its_default_or_a_valid_example() -> None:
    """A key that is set counts as shown; a key after '#' must be valid and, if it has a default, must show it."""
    section, shown = "", set()
    commented: dict[tuple[str, str], object] = {}
    for line in BUILT_IN.read_text(encoding="utf-8").splitlines():
        if header := re.match(r"\[(\w+)\]", line):
            section = header[1]
        elif key := re.match(r"(# )?(\w+) = ", line):
            place = (section, key[2])
            assert place not in shown, f"{place} is shown twice"
            shown.add(place)
            if key[1]:
                commented[place] = tomllib.loads(line.removeprefix("# "))[key[2]]
    wanted = {(setting.section, setting.name): setting for setting in settings() if setting.name != "space"}
    assert set(wanted) == {place for place in shown if place[0] != "space"}
    for place, value in commented.items():
        setting = wanted[place]
        setting.check(value)
        assert setting.default in (None, value), f"{place} shows {value!r}, but its default is {setting.default!r}"
    assert isinstance(target := commented["budget", "target"], dict) and set(target) == set(Target.model_fields)
