"""`paretext` alone names commands that work, for what is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from dashboards.cli.command_line import build_parser
from testing.command_runs import Commands


def commands(text: str) -> list[list[str]]:
    """The commands of an answer, each of which the command line must take."""
    found = [shlex.split(line, comments=True) for line in re.findall(r"^  (paretext .*)$", text, flags=re.MULTILINE)]
    for words in found:
        assert build_parser().parse_args(words[1:]).run
    return found


def test_without_a_study_it_names_the_two_first_commands(
    paretext: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARETEXT_HOME", str(tmp_path / "fresh"))
    answer = paretext()
    assert answer.code == 0 and answer.err == ""
    assert [words[1:3] for words in commands(answer.out)] == [["search"], ["search", "--data"]]
    assert not (tmp_path / "fresh").exists()


def test_with_a_study_it_shows_its_state_and_goes_on_with_it(paretext: Commands) -> None:
    answer = paretext()
    assert answer.out.startswith("Study 'plates': stopped, 4 of 24 trials, best 90.0 % (87.1-92.3), ")
    assert [words[1] for words in commands(answer.out)] == ["front", "trials", "search", "promote"]
    assert all("plates" in words for words in commands(answer.out))
    assert "1 more study: paretext studies" in answer.out


def test_with_a_model_it_reads_tests_and_serves_it(paretext: Commands) -> None:
    paretext("promote", "plates", "--as", "reader")
    words = commands(paretext().out)
    assert [command[1] for command in words[-3:]] == ["predict", "test", "serve"] and words[-1][-1] == "reader"


def test_lines_fit_a_terminal_of_80_columns(paretext: Commands) -> None:
    assert max(map(len, paretext().out.splitlines())) <= 80
