"""README and docs are correct: commands parse, files exist, the study file loads, the component works."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from dashboards.cli.command_line import build_parser
from dashboards.views.space_table import with_space_table
from studies.definition.study_file import load_study
from studies.storage.pareto_front import load_points
from studies.workspace.paths import Workspace
from testing.striped_lines import striped_lines, write_pairs

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SPACE = (ROOT / "docs" / "search_space.md").read_text(encoding="utf-8")
COMPONENTS = (ROOT / "docs" / "extending-components.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*/README.md")])


def blocks(language: str, page: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, flags=re.DOTALL)


def test_the_table_of_the_space_is_made_from_the_catalogs() -> None:
    assert with_space_table(SPACE) == SPACE, "run: python -m dashboards.views.space_table docs/search_space.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_and_picture_leads_to_a_file(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'<img[^>]* src="([^"]+)"', text)
    for target in targets:
        path = target.partition("#")[0]
        if path and not re.match(r"[a-z]+:", path):
            assert (page.parent / path).exists(), f"{page.relative_to(ROOT)} links to {target}, which is not there"


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md", "docs/glossary.md"])
def test_every_path_that_is_named_is_there(page: str) -> None:
    words = re.findall(r"`([a-z_]+/[\w/.-]*)`", (ROOT / page).read_text(encoding="utf-8"))
    assert len(words) > 5
    places = [ROOT, ROOT / "search_space", ROOT / "studies", ROOT / "trainers", ROOT / "dashboards"]
    places += [ROOT / "studies" / "samplers"]
    for path in words:
        assert path == "runs/" or any((place / path).exists() for place in places), f"{page} names {path}, which is not there"


def test_every_class_and_method_that_the_architecture_page_names_is_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    names = re.findall(r"`([A-Z]\w*[a-z]\w*)(?:\.(\w+))?`", page)
    assert len(names) >= 3
    files = [file for package in ("search_space", "trainers", "studies") for file in (ROOT / package).rglob("*.py")]
    sources = [file.read_text(encoding="utf-8") for file in files]
    for name, method in names:
        bodies = [
            text.split(f"class {name}", 1)[1] for text in sources if re.search(rf"^class {name}\b", text, flags=re.MULTILINE)
        ]
        assert bodies, f"docs/architecture.md names {name}, which is not there"
        assert not method or any(f"def {method}(" in body for body in bodies), f"{name} has no {method}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_is_one_that_the_command_line_takes(page: Path) -> None:
    lines = [line for block in blocks("sh", page.read_text(encoding="utf-8")) for line in block.splitlines()]
    lines = [re.sub(r"^(\w+=\S+ )+", "", line) for line in lines]
    commands = [shlex.split(line, comments=True) for line in lines if line.startswith("paretext ")]
    assert page.name != "README.md" or page.parent != ROOT or len(commands) >= 8
    for command in commands:
        assert build_parser().parse_args(command[1:]).run


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_option_that_is_named_with_a_command_is_in_its_help(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also in text and in usage lines with [--brackets], which are no commands to parse."""
    for usage in re.findall(r"paretext [a-z][^`\n#]*", page.read_text(encoding="utf-8")):
        verbs = re.findall(r"^paretext ([a-z]+(?: (?:check|render|digits)\b)?)", usage)[0].split()
        options = re.findall(r"--[a-z][a-z-]*", usage)
        if options:
            with pytest.raises(SystemExit):
                build_parser().parse_args([*verbs, "--help"])
            known = set(re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out))
            assert set(options) <= known, f"{page.name}: {usage.strip()}"


def test_every_make_target_is_there() -> None:
    targets = set(re.findall(r"make (\w+)", "\n".join(blocks("sh")) + "".join(re.findall(r"`make \w+`", README))))
    assert targets == {"search", "test", "check", "slow"}
    rules = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in targets:
        assert re.search(rf"^{target}:", rules, flags=re.MULTILINE)


def test_every_dependency_is_listed_with_its_licence() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(entry for extra in project["optional-dependencies"].values() for entry in extra)]
    listed = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    for requirement in wanted:
        name = re.split(r"[^\w.-]", requirement)[0]
        assert re.search(rf"[| ]{re.escape(name)} \(", listed), f"docs/licences.md does not list {name}"
    assert project["license"] == "Apache-2.0"
    assert all((ROOT / file).is_file() for file in project["license-files"])


def test_the_study_file_loads_and_says_what_it_seems_to_say(tmp_path: Path) -> None:
    (text,) = blocks("toml")
    file = tmp_path / "plates.toml"
    file.write_text(text)
    study = load_study(file)
    assert (study.name, study.limits.size_bytes, study.budget.seconds) == ("plates", 2_000_000, 7200)
    assert study.search_space.size == 2 * 4 * 2 * 3


API_STUDY = """
name = "plates"
data = { source = "lines", test = false }
budget = { trials = 1, epochs = 2 }
search = { sampler = "random", workers = 1 }
recipe = { preset = "anytime", min_epoch_lines = 400, flat_start_steps = 50 }

[space]
width_percent = [25]
encoder_hidden = [24]
"""
"""Reads enough to be promoted after two epochs of these few lines."""


@pytest.mark.slow
def test_the_python_example_runs_as_a_script_with_a_worker_process(tmp_path: Path) -> None:
    (example,) = blocks("python")
    (tmp_path / "plates.toml").write_text(API_STUDY)
    write_pairs(tmp_path / "lines", striped_lines(240, 0))
    script = tmp_path / "three_jobs.py"
    script.write_text(example)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PARETEXT_HOME": str(tmp_path / "runs"), "OMP_NUM_THREADS": "1"}
    answer = run([sys.executable, str(script)], tmp_path, environment)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines()[-1] == "models:/reader@champion"


def checkout_with_the_component(folder: Path) -> dict[str, str]:
    """The four packages with the example of the docs as a new file and nothing else changed; the environment to run them in."""
    component, _contract_test = blocks("python", COMPONENTS)
    assert len(component.splitlines()) < 60
    for package in ("search_space", "trainers", "studies", "dashboards"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "search_space" / "attentions" / "simam.py").write_text(component)
    workspace = str(folder / "runs")
    return {**os.environ, "PYTHONPATH": str(folder), "PARETEXT_HOME": workspace, "OMP_NUM_THREADS": "1"}


def test_the_new_component_is_usable_with_no_other_file_touched(tmp_path: Path) -> None:
    environment = checkout_with_the_component(tmp_path)
    (tmp_path / "study.toml").write_text('[space]\nattention = ["squeeze_excite", "simam"]\nwidth_percent = [25]\n')
    program = """
import search_space, torch
from pathlib import Path
assert Path(search_space.__file__).parent.parent == Path.cwd(), search_space.__file__
from search_space.recognizer import build_recognizer
from studies.definition.study_file import load_study
from trainers.export.size_estimate import estimate_bytes
study = load_study(Path("study.toml"))
architecture = study.search_space.sample(lambda field, choices: choices[-1])
assert architecture.attention == "simam"
recognizer = build_recognizer(architecture, symbols=10)
logits = recognizer(torch.zeros(2, 3, 32, 96))
assert logits.shape == (2, 24, 11), logits.shape
logits.sum().backward()
with_gate = architecture.with_(attention="squeeze_excite")
assert 0 < estimate_bytes(architecture, 10) < estimate_bytes(with_gate, 10)
"""
    answer = run([sys.executable, "-c", program], tmp_path, environment)
    assert answer.returncode == 0, answer.stderr


STUDY = """
name = "simam"
data = { source = "lines/" }
budget = { trials = 2, epochs = 1 }
search = { begin = "random", sampler = "random", early_stopping = "none" }
recipe = { preset = "anytime", min_epoch_lines = 0 }

[space]
width_percent = [25]
attention = ["simam"]
encoder_hidden = [24, 48]
"""


@pytest.mark.slow
def test_a_study_trains_exports_and_measures_the_new_component(tmp_path: Path) -> None:
    environment = checkout_with_the_component(tmp_path)
    (tmp_path / "study.toml").write_text(STUDY)
    paretext = [sys.executable, "-m", "dashboards.cli.command_line"]
    assert run([*paretext, "data", "digits", "lines", "--count", "80"], tmp_path, environment).returncode == 0
    answer = run([*paretext, "search", "study.toml", "--json"], tmp_path, environment)
    assert (answer.returncode, json.loads(answer.stdout)) == (1, []), answer.stderr
    assert "nothing reads yet" in answer.stderr, "in one epoch of 80 lines nothing is learnt"
    points = load_points(Workspace(tmp_path / "runs"), "simam")
    assert len(points) == 2 and {point.architecture["attention"] for point in points} == {"simam"}
    assert all(point.size_bytes > 0 for point in points)


def run(command: list[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=250)
