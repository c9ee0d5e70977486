"""A package that somebody installed beside Paretext adds choices; one that cannot be imported is named in one line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYPROJECT = """[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "somebodys-choices"
version = "1.0"

[project.entry-points."paretext.sampler"]
local_search = "somebodys_sampler:LocalSearch"
unimportable = "somebodys_fault:Sampler"

[tool.setuptools]
py-modules = ["somebodys_sampler", "somebodys_fault"]
"""
READ_STUDY = """import sys
from pathlib import Path
from studies.definition.study_file import load_study
from studies.samplers.catalog import samplers
print(samplers[load_study(Path(sys.argv[1])).search.sampler].__module__)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the package is installed in."""
    source, site = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    (source / "pyproject.toml").write_text(PYPROJECT)
    shutil.copy(ROOT / "examples/sampler.py", source / "somebodys_sampler.py")
    (source / "somebodys_fault.py").write_text("import a_module_that_is_not_there\n")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(site)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(source)], check=True)
    return site


def study_file(folder: Path, sampler: str) -> str:
    file = folder / "study.toml"
    file.write_text(f'name = "s"\n[search]\nsampler = "{sampler}"\n')
    return str(file)


def run(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{site}"}
    return subprocess.run([sys.executable, *words], env=environment, cwd=site, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_study_may_name_an_installed_sampler(site: Path, tmp_path: Path) -> None:
    answer = run(site, "-c", READ_STUDY, study_file(tmp_path, "local_search"))
    assert answer.returncode == 0 and answer.stdout.strip() == "somebodys_sampler", answer.stderr


@pytest.mark.slow
def test_help_works_beside_a_package_that_cannot_be_imported(site: Path) -> None:
    answer = run(site, "-m", "dashboards.cli.command_line", "--help")
    assert answer.returncode == 0 and "Traceback" not in answer.stderr, answer.stderr


@pytest.mark.slow
def test_a_choice_that_cannot_be_imported_names_its_package(site: Path, tmp_path: Path) -> None:
    answer = run(site, "-c", READ_STUDY, study_file(tmp_path, "unimportable"))
    last = answer.stderr.strip().splitlines()[-1]
    assert answer.returncode != 0
    assert "sampler 'unimportable' of the package somebodys-choices cannot be loaded" in last, answer.stderr
