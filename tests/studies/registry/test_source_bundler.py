"""Modules are merged faithfully or not at all."""

from pathlib import Path

import pytest

from studies.registry import source_bundler
from studies.registry.source_bundler import INTERNAL_PACKAGES


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of ours that the test fills with modules; its name is the folder's."""
    folder = tmp_path / f"merged_{tmp_path.name}"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(source_bundler, "INTERNAL_PACKAGES", (*INTERNAL_PACKAGES, folder.name))
    return folder


def merge(package: Path, **modules: str) -> str:
    for name, source in modules.items():
        (package / f"{name}.py").write_text(source.replace("PACKAGE", package.name))
    return source_bundler.bundle_source(f"{package.name}.top")


def test_a_merged_file_does_what_its_modules_do(package: Path) -> None:
    source = merge(
        package,
        low='"""Low."""\nimport math\nfrom typing import Any\n\nROOT = math.sqrt(16)\n"""Four."""\n',
        middle="from PACKAGE.low import ROOT\nfrom typing import Any\n\n\ndef twice() -> Any:\n    return 2 * ROOT  # kept\n",
        top="from PACKAGE.low import ROOT\nfrom PACKAGE.middle import twice\n\nANSWER = twice() + ROOT\n",
    )
    names: dict[str, object] = {}
    exec(compile(source, "merged", "exec"), names)
    assert names["ANSWER"] == 12.0
    assert source.count("ROOT = math") == 1
    assert source.count("from typing import Any") == 1
    assert "# kept" in source
    assert package.name not in source.replace(f"# {package.name}.", "")


def test_equal_definitions_in_two_modules_are_one(package: Path) -> None:
    source = merge(package, low="LIMIT = 3\n", top="from PACKAGE.low import LIMIT\n\nLIMIT = 3\n")
    assert source.count("LIMIT = 3") == 1


@pytest.mark.parametrize(
    ("low", "top", "reason"),
    [
        ("LIMIT = 3\n", "from PACKAGE.low import LIMIT\n\nLIMIT = 4\n", "means something else"),
        ("LIMIT = 3\n", "from PACKAGE.low import LIMIT as BOUND\n", "renamed"),
        ("LIMIT = 3\n", "from PACKAGE.low import *\n", "starred"),
        ("LIMIT = 3\n", "import PACKAGE.low\n", "at the top"),
        ("LIMIT = 3\n", "def late():\n    from PACKAGE.low import LIMIT\n    return LIMIT\n", "at the top"),
        ("from math import sqrt as root\n", "from PACKAGE.low import root\nfrom math import cbrt as root\n", "something else"),
    ],
)
def test_what_cannot_be_merged_is_refused_with_the_reason(package: Path, low: str, top: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        merge(package, low=low, top=top)
