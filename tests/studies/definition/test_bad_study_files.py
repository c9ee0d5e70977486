"""A study file that is wrong in any way gives one line, exit code 2, and no workspace folder; an odd but right one is read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dashboards.cli.command_line import main
from studies.definition.study_file import load_study

LONG = "9" * 400
HUGE = "9" * 5000
NAME_RULE = "use up to 80 letters (a to z, A to Z), digits, '.', '_' or '-', a letter or digit first"
WHOLE = "must be a whole number from 1 to 1000000, not "

CONTENTS: dict[str, tuple[bytes, str]] = {
    "no byte": (b"", "says nothing"),
    "blanks": (b" \n\n", "says nothing"),
    "comment alone": (b"# name = 'a'\n", "says nothing"),
    "zeros": (bytes(40), "NUL bytes"),
    "NUL in the middle": (b"name = 'a'\0\n", "NUL bytes"),
    "UTF-16": ("name = 'a'\n".encode("utf-16"), "save it as UTF-8 (iconv"),
    "UTF-16 big endian": (b"\xfe\xff" + "name = 'a'\n".encode("utf-16-be"), "save it as UTF-8 (iconv"),
    "UTF-16 without a mark": ("name = 'a'\n".encode("utf-16-le"), "text in UTF-16"),
    "Latin-1": (b"name = 'a'\n[data]\nsource = 'gr\xfcn/'\n", "line 3 has bytes that are not UTF-8"),
    "GB 18030": ("# 中文\nname = 'a'".encode("gb18030"), "line 1 has bytes that are not UTF-8"),
    "bytes": (bytes(range(1, 256)), "not UTF-8"),
    "a ZIP file": (b"PK\3\4" + bytes(100), "NUL bytes"),
    "JSON": (b'{"name": "a"}', "not a TOML file: Invalid statement (at line 1"),
    "YAML": (b"name: a\n", "not a TOML file"),
    "line ends of old Macs": (b"name='a'\r[budget]\rtrials=3\r", "not a TOML file"),
    "lists in lists": (b"x = " + b"[" * 5000 + b"]" * 5000, "nested too deeply"),
    "tables in tables": (b"x = " + b"{a=" * 3000 + b"1" + b"}" * 3000, "nested too deeply"),
    "a long path of tables": (b"[" + b"a." * 5000 + b"a]\n", "unknown key 'a'"),
    "a number of 5000 digits": (f"[budget]\ntrials = {HUGE}".encode(), "more than 4,300 digits"),
    "larger than a megabyte": (b"# " + b"x" * (1 << 20), "larger than 1 MiB"),
    "a key twice": (b"name = 'a'\nname = 'b'", "not a TOML file"),
    "a thousand unknown keys": (b"".join(b"k%d = 1\n" % i for i in range(1000)), "and 980 more"),
}
"""Name of the case to the content of the file and what the line says."""

VALUES: dict[str, str] = {
    # names
    "name = ''": NAME_RULE,
    "name = 'a/b'": NAME_RULE,
    "name = 'a b'": NAME_RULE,
    "name = 'grün'": NAME_RULE,
    'name = "a\'b"': NAME_RULE,
    "name = '..'": NAME_RULE,
    "name = '.a'": NAME_RULE,
    "name = '-a'": NAME_RULE,
    'name = "a\\n"': NAME_RULE,
    'name = "a\\u001b[31m"': NAME_RULE,
    f"name = '{'a' * 100}'": NAME_RULE,
    f"name = '{'a' * 5000}'": NAME_RULE,
    "name = 3": "name must be a text, not 3",
    "name = ['a']": "name must be a text, not ['a']",
    # unknown keys
    "nme = 'a'": "unknown key 'nme'; did you mean 'name'?",
    "[serch]\nseed = 1": "unknown key 'serch'; did you mean 'search'?",
    "[search]\nsede = 1": "unknown key 'search.sede'; did you mean 'seed'?",
    "'' = 1": "unknown key ''",
    f"{'x' * 5000} = 1": "unknown key 'xxx",
    '"\\u001b[31mred" = 1': "unknown key '\\x1b[31mred'",
    # lists and scalars where tables belong, and the other way round
    "budget = 3": "budget must be a table, not 3",
    "budget = [1]": "budget must be a table, not [1]",
    "[[budget]]\ntrials = 1": "budget must be a table, not [{'trials': 1}]",
    "data = 'lines/'": "data must be a table, not 'lines/'",
    "search = 'tpe'": "search must be a table, not 'tpe'",
    "limits = '500KB'": "limits must be a table",
    "space = ['a']": "space must be a table",
    "recipe = 3": "recipe must be a text or a table, not 3",
    "recipe = ['seed']": "recipe must be a text or a table, not ['seed']",
    "[recipe]\npreset = ['seed']": "no recipe is called",
    "[recipe.learning_rate]\na = 1": "recipe.learning_rate must be a number",
    "[data]\nsource = 3": "data.source must be a text or a list of texts, not 3",
    "[data]\nsource = [['a']]": "data.source must be a text or a list of texts, not [['a']]",
    "[data]\nrendered = 3": 'data.rendered must be "auto" or true or false or a table, not 3',
    "[data]\nrendered = [1]": "data.rendered must be",
    "[search]\nobjectives = 'accuracy'": "search.objectives must be a list of texts, not 'accuracy'",
    "[search]\nwarm_start = 3": "search.warm_start must be a text or a list of texts, not 3",
    "[search]\nengine = ['ray']": "search.engine must be a text",
    "[space]\nwidth_percent = 50": "space.width_percent must be a list of texts or whole numbers, not 50",
    "[space]\nwidth_percent = [[50]]": "space.width_percent.0 must be a text or a whole number, not [50]",
    "[space.width_percent]\na = 1": "space.width_percent must be a list of texts or whole numbers",
    # other types
    "[budget]\ntrials = 1.5": f"budget.trials {WHOLE}1.5",
    "[budget]\ntrials = '5'": f"budget.trials {WHOLE}'5'",
    "[budget]\ntrials = true": f"budget.trials {WHOLE}True",
    "[budget]\ntrials = [5]": f"budget.trials {WHOLE}[5]",
    "[budget]\ntrials = 2020-01-01": f"budget.trials {WHOLE}2020-01-01",
    "[limits]\nsize = 500000": "limits.size must be a text, not 500000",
    "[space]\nwidth_percent = [50.5]": "must be a text or a whole number, not 50.5",
    "[space]\nwidth_percent = [true]": "must be a text or a whole number, not True",
    "[space]\nwidth_percent = ['50']": "width_percent must be a whole number",
    "[recipe]\nlearning_rate = ['a', 'b']": "recipe.learning_rate must be a number",
    # nan, infinity, negative, zero
    "[search]\ncpus_per_trial = nan": "search.cpus_per_trial must be a number above 0",
    "[search]\ncpus_per_trial = inf": "search.cpus_per_trial must be a number above 0",
    "[search]\ngpus_per_trial = inf": "search.gpus_per_trial must be a number from 0",
    "[search]\ngpus_per_trial = -1.0": "search.gpus_per_trial must be a number from 0",
    "[budget]\ntarget = {accuracy = nan}": "budget.target.accuracy must be a number above 0",
    "[data]\nsource = ['a', 'b']\nweights = [nan, 1.0]": "weights.0 must be a number, not nan",
    "[data]\nsource = ['a', 'b']\nweights = [inf, 1.0]": "weights.0 must be a number, not inf",
    "[data]\nsource = ['a', 'b']\nweights = [-1.0, 1.0]": "weights must be 2 numbers from 0 up",
    "[data]\nsource = ['a', 'b']\nweights = [0.0, 0.0]": "weights must be 2 numbers from 0 up",
    "[recipe]\nlearning_rate = nan": "recipe.learning_rate must be a number from",
    "[recipe]\nlearning_rate = inf": "recipe.learning_rate must be a number from",
    "[recipe]\nlearning_rate = -1.0": "recipe.learning_rate must be a number from",
    "[recipe]\nlearning_rate = [nan, 0.1]": "recipe.learning_rate must be a number from",
    "[budget]\ntrials = -1": f"budget.trials {WHOLE}-1",
    "[budget]\ntrials = 0": f"budget.trials {WHOLE}0",
    "[limits]\nsize = '-5MB'": "'-5MB' is not a size",
    "[limits]\nsize = 'nanMB'": "'nanMB' is not a size",
    "[limits]\nsize = '٥MB'": "'٥MB' is not a size",
    "[data]\nrendered = {count = -1}": "rendered.count must be a whole number from 1",
    "[search]\nseed = -1": "search.seed must be a whole number from 0",
    "[search]\nworkers = 0": "search.workers must be a whole number from 1",
    # huge
    f"[budget]\ntrials = {LONG}": f"budget.trials {WHOLE}999",
    "[budget]\nepochs = 1000000000000000000": f"budget.epochs {WHOLE}1000000000000000000",
    f"[search]\nseed = {LONG}": "search.seed must be a whole number from 0",
    f"[search]\neta = {LONG}": "search.eta must be a whole number from 2",
    f"[search]\nfirst_rung = {LONG}": "search.first_rung must be a whole number from 1",
    f"[recipe]\nbatch_lines = {LONG}": "recipe.batch_lines must be a whole number from 0 to 4096",
    f"[space]\nwidth_percent = [{LONG}]": "width_percent must be a whole number from 10 to 125",
    f"[limits]\nsize = '{HUGE}MB'": "is not a size of at most 1,000 TB",
    f"[limits]\nparameters = '{HUGE}M'": "is not a count of at most",
    f"[limits]\nflops = {LONG}": "is not a count of at most",
    f"[limits]\nlatency = '{HUGE}ms'": "is not a time above zero and of at most 36500d",
    f"[budget]\ntime = '{HUGE}h'": "is not a duration of at most 36500d",
    f"[budget]\ntarget = {{accuracy = 0.5, size = '{HUGE}MB'}}": "is not a size of at most",
    f"[search]\nweights_limit = '{HUGE}MB'": "is not a size of at most",
    # texts that name nothing
    "[data]\nsource = ''": "data.source: names nothing",
    "[data]\nsource = []": "data.source: names nothing",
    "[data]\nsource = ['a/', '']": "data.source: names nothing",
    "[data]\nvalidation = ' '": "data.validation: names nothing",
    '[data]\nsource = "a\\u0000b"': "NUL character",
    '[data]\ncharset = "a\\u0000b"': "NUL character",
    "[data]\nnormaliser = 'x'": "no normaliser is called 'x'",
    "[search]\nbegin = ''": "it says nothing to begin with; write starter, random",
    "[search]\nbegin = 'x.pt'": "may be pickled",
    "[search]\nwarm_start = ''": "no known model is called ''",
    "[search]\nobjectives = []": "write two or three different objectives",
}
"""Content of the file to what the line says."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace folder that does not exist."""
    monkeypatch.setenv("PARETEXT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PARETEXT_STORAGE", raising=False)
    return tmp_path / "home"


def refused(home: Path, capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """The one line with which `paretext search` refuses; it has begun nothing."""
    try:
        code = main(["search", *map(str, words)])
    except SystemExit as end:  # how argparse ends
        code = int(end.code or 0)
    printed = capsys.readouterr()
    assert (code, printed.out, printed.err.count("\n")) == (2, "", 1), printed.err
    assert len(printed.err) < 700 and "^[A-Za-z" not in printed.err
    assert not home.exists(), "nothing may be written for a study that is refused"
    return printed.err


@pytest.mark.parametrize("case", CONTENTS)
def test_a_file_that_is_no_study_is_one_line(home: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    content, words = CONTENTS[case]
    file = home.with_name("s.toml")
    file.write_bytes(content)
    assert words in (line := refused(home, capsys, file)) and str(file) in line
    assert file.read_bytes() == content


@pytest.mark.parametrize(("text", "words"), VALUES.items(), ids=[text[:40] for text in VALUES])
def test_a_wrong_value_is_one_line(home: Path, capsys: pytest.CaptureFixture[str], text: str, words: str) -> None:
    file = home.with_name("s.toml")
    file.write_text(text, encoding="utf-8")
    line = refused(home, capsys, file)
    assert words in line and f"{file}: " in line and line[:-1].isprintable()


def test_what_is_no_regular_file_is_one_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(pipe := home.with_name("pipe.toml"))
    assert "not a regular file" in refused(home, capsys, pipe)
    assert "not a regular file" in refused(home, capsys, "/dev/zero")
    assert "there is no such study file" in refused(home, capsys, home.with_name("none.toml"))
    assert "--data" in refused(home, capsys, home.parent)
    assert "cannot be read as a study file" in refused(home, capsys, home.with_name("x" * 300))


@pytest.mark.parametrize("name", ["", "a/b", "a b", "grün", "a'b", "a" * 100, "..", ".", "a\n", "\x1b[31m"])
@pytest.mark.parametrize("form", ["file", "data", "alone"])
def test_a_wrong_name_on_the_command_line_is_blamed_on_it(
    home: Path, capsys: pytest.CaptureFixture[str], name: str, form: str
) -> None:
    (file := home.with_name("s.toml")).write_text("[budget]\ntrials = 1")
    before = {"file": [file], "data": ["--data", "digits"], "alone": []}[form]
    line = refused(home, capsys, *before, "--name", name)
    assert "argument --name: " in line and NAME_RULE in line and "s.toml" not in line


@pytest.mark.parametrize(
    ("text", "options", "blamed", "words"),
    [
        ("name = 'a'", ["--sampler", "tpee"], "the command line: ", "did you mean 'tpe'?"),
        ("name = 'a'", ["--objectives", "size"], "the command line: ", "two or three different objectives"),
        ("[search]\nsampler = 'tpee'", ["--trials", "3"], "s.toml: ", "did you mean 'tpe'?"),
        ("[budget]\ntrials = -1", ["--seed", "3"], "s.toml: ", "budget.trials"),
    ],
)
def test_a_fault_is_blamed_on_the_file_or_on_the_options(
    home: Path, capsys: pytest.CaptureFixture[str], text: str, options: list[str], blamed: str, words: str
) -> None:
    (file := home.with_name("s.toml")).write_text(text)
    line = refused(home, capsys, file, *options)
    assert words in line and blamed in line
    assert (str(file) in line) == (blamed == "s.toml: ")


def test_an_option_may_mend_what_is_wrong_in_the_file(home: Path) -> None:
    (file := home.with_name("s.toml")).write_text("[budget]\ntrials = -1")
    assert load_study(file, {"budget.trials": 3}).budget.trials == 3


@pytest.mark.parametrize(
    ("file_name", "content", "name"),
    [
        ("mark.toml", b"\xef\xbb\xbfname = 'a'\n", "a"),
        ("windows.toml", b"name = 'a'\r\n[budget]\r\ntrials = 3\r\n", "a"),
        ("Größe 1.toml", b"[budget]\ntrials = 3", "Gr-e-1"),
        (f"{'x' * 200}.toml", b"[budget]\ntrials = 3", "x" * 80),
        ("....toml", b"[budget]\ntrials = 3", "study"),
        ("a;b @ c.toml", b"[budget]\ntrials = 3", "a-b-c"),
    ],
)
def test_an_odd_but_right_file_is_read(tmp_path: Path, file_name: str, content: bytes, name: str) -> None:
    (tmp_path / file_name).write_bytes(content)
    assert load_study(tmp_path / file_name).name == name
