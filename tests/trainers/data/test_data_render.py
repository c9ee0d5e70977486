"""Rendered lines: repeatable, labelled with what they show, in fonts that have the characters."""

import io
from pathlib import Path
from string import ascii_lowercase

import matplotlib
import numpy as np
import pytest
from fontTools.ttLib import TTFont
from PIL import Image

from dashboards.cli.command_line import main
from trainers.base.errors import UserError
from trainers.data.dataset import prepare
from trainers.data.render.fonts import Face, characters, find_faces
from trainers.data.render.letter_fonts import find_letter_faces
from trainers.data.render.lettering import Lettering, NoInk, set_text
from trainers.data.render.line import STYLES, render_line
from trainers.data.render.plan import RenderedLine, drawable, plan_lines, read_texts
from trainers.data.render.shaping import needs_shaping, with_marks
from trainers.data.render.write import write_lines
from trainers.data.rendered import Rendered
from trainers.data.source_registry import open_source
from trainers.data.spec import DataSpec

FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
TEXTS = ["Paretext", "line of text", "Größe 42", "Ünïcode", "price: 9.99", "X"]


@pytest.fixture(scope="module")
def faces() -> list[Face]:
    return [f for f in find_faces([FONTS]) if "DejaVuS" in f.path]


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Ten images with labels in a folder."""
    rng = np.random.default_rng(0)
    for number in range(10):
        place = tmp_path / "lines" / f"{number:03d}.png"
        place.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(256, size=(32, 80), dtype=np.uint8)).save(place)
        place.with_suffix(".gt.txt").write_text(f"Text {number}\n", encoding="utf-8")
    return tmp_path / "lines"


@pytest.mark.parametrize("style", STYLES)
def test_a_line_follows_from_its_random_stream(style: str, faces: list[Face]) -> None:
    for seed in range(12):
        one, same, other = (render_line("Größe 42", faces[0], np.random.default_rng(s), style) for s in (seed, seed, seed + 99))  # type: ignore[arg-type]
        assert one == same != other
        image = Image.open(io.BytesIO(one))
        assert 20 <= image.height <= 96 and 1.0 < image.width / image.height < 12
        assert np.asarray(image.convert("L")).std() > 4


def test_planning_more_lines_begins_with_the_same(faces: list[Face]) -> None:
    assert plan_lines(TEXTS, faces, 50, 3)[:20] == plan_lines(TEXTS, faces, 20, 3) != plan_lines(TEXTS, faces, 20, 4)


def test_the_number_of_processes_changes_nothing(faces: list[Face], tmp_path: Path) -> None:
    planned = plan_lines(TEXTS, faces, 70, 0)
    for processes in (1, 2):
        assert write_lines(planned, tmp_path / str(processes), processes).lines == 70
    files = [{p.relative_to(tmp_path / n): p.read_bytes() for p in (tmp_path / n).rglob("*.*")} for n in ("1", "2")]
    assert files[0] == files[1] and len(files[0]) == 71
    lines = open_source(str(tmp_path / "1")).lines
    assert [line.text for line in lines] == [line.text for line in planned]
    assert all(line.load().height >= 20 for line in lines)


def test_the_characters_of_a_thousand_fonts_are_read_once(tmp_path: Path) -> None:
    smallest = min(FONTS.glob("*.ttf"), key=lambda file: file.stat().st_size)
    many = [Face(str(tmp_path / f"{number}.ttf"), 0) for number in range(1000)]
    for face in many:
        Path(face.path).symlink_to(smallest)
    before = characters.cache_info().misses
    first = [characters(face) for face in many]
    assert all(characters(face) is first[0] for face in many), "equal maps are one set"
    assert characters.cache_info().misses == before + len(many)


def test_a_font_without_a_glyph_is_not_used(faces: list[Face]) -> None:
    symbol = next(f for f in find_faces([FONTS]) if "STIXSizOneSymReg" in f.path)
    assert ord("a") in characters(faces[0]) and ord("汉") not in characters(faces[0])
    planned = plan_lines(["Größe"], [*faces[:2], symbol], 40, 0)
    assert {face for line in planned for face in line.faces} == set(faces[:2])


def test_a_placeholder_is_no_glyph() -> None:
    last_resort = [f for f in find_faces([FONTS]) if "LastResort" in f.path]
    assert not any(face.draws("a") for face in last_resort)


def test_fonts_of_symbols_are_left_out_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """cmex10 has brackets and roots in the places of letters; STIXSizOneSym has no letters."""
    found = find_letter_faces([FONTS])
    assert [face.name for face in found.left_out] == ["cmex10.ttf"]
    assert {"DejaVuSerif-BoldItalic.ttf", "STIXGeneralItalic.ttf", "cmtt10.ttf"} <= {face.name for face in found.kept}
    with pytest.raises(UserError, match="no font draws letters as letters: cmex10"):
        find_letter_faces([FONTS / "cmex10.ttf"])
    (tmp_path / "labels").write_text("GMXG9E\n")
    fonts = ["--fonts", str(FONTS / "cmex10.ttf"), "--fonts", str(FONTS / "DejaVuSans.ttf")]
    asked = ["--labels", str(tmp_path / "labels"), "--count", "2", "--processes", "1"]
    assert main(["data", "render", str(tmp_path / "out"), *asked, *fonts]) == 0
    said = capsys.readouterr()
    assert "fonts left out, which draw symbols instead of letters: cmex10.ttf" in said.err and "in 1 fonts" in said.out


def test_texts_that_no_font_has_are_counted(faces: list[Face]) -> None:
    texts = drawable(["good", "汉字", "汉", "good ☃ 汉"], faces)
    assert list(texts.usable) == ["good"] and texts.left_out == 3 and texts.missing[0] == "汉"
    limited = drawable(["good", "gold"], faces, "good")
    assert list(limited.usable) == ["good"] and list(limited.missing) == ["l"]
    with pytest.raises(UserError, match="no font has the characters of any text: 字 汉 are missing"):
        drawable(["汉字"], faces)


@pytest.mark.parametrize(
    "text",
    ["سلام", "שלום", "\ufee1", "ܫ", "ނ", "ߒ", "हिन्दी", "தமிழ்", "ไทย", "ལྷ", "မြန်", "ខ្មែរ", "ᠮ", "\u1112\u1161", "a\u202eb"],
)
def test_scripts_that_need_shaping_are_not_drawn(text: str, faces: list[Face]) -> None:
    """Whatever the fonts have: DejaVu has Arabic and Hebrew letters."""
    texts = drawable(["good", f"good {text}"], faces)
    assert list(texts.usable) == ["good"] and texts.left_out == 1
    assert set(texts.shaped) <= set(text) and not texts.missing
    assert texts.why_left_out.startswith("letters that join, stack, change places or run from right to left are not drawn (")
    with pytest.raises(UserError, match=r"no text can be drawn: letters that join, .* are not drawn \(.*\); take photographs"):
        drawable([text], faces)


def test_digits_and_signs_of_these_scripts_are_drawn(faces: list[Face]) -> None:
    everything = "٣۴९๓฿한é漢"
    assert needs_shaping(everything) == set()
    assert list(drawable(["٣۴"], faces).usable) == ["٣۴"]


def test_a_letter_and_its_marks_stay_together(faces: list[Face]) -> None:
    """However texts are recombined and letters are spaced."""
    assert with_marks("\u0301e\u0301\u0323x") == ["\u0301", "e\u0301\u0323", "x"]
    drawn = {line.text for line in plan_lines(["q\u0301" * 4, "m\u0302" * 5], faces, 200, 0, recombine=1.0)}
    assert len(drawn) > 10
    assert all(set(with_marks(text)) <= {"q\u0301", "m\u0302"} for text in drawn)
    spaced = Lettering(40, 0.5, 0, 0.0, 1.0, 0.0, 0.0)
    pair, letters = (set_text(text, faces[0], spaced, np.random.default_rng(0)) for text in ("q\u0301q", "qq"))
    assert pair.width == letters.width and pair.height > letters.height
    whole, parts = (set_text(text, faces[0], spaced, np.random.default_rng(0)) for text in ("É", "E\u0301"))
    assert whole == parts


def test_a_glyph_that_draws_nothing_is_found_out(faces: list[Face]) -> None:
    plain = Lettering(32, 0.0, 0, 0.0, 1.0, 0.0, 0.0)
    with pytest.raises(NoInk):
        set_text("\u2003", faces[0], plain, np.random.default_rng(0))
    with pytest.raises(UserError, match="no font draws"):
        RenderedLine("\u2003", tuple(faces[:2]), 0, 0, "mixed", None).encoded()


def test_letters_stay_whole_however_they_are_set(faces: list[Face]) -> None:
    """Ink of spaced, slanted, bent and restless letters is about that of plain ones."""
    rng = np.random.default_rng(0)
    plain = np.asarray(set_text("Paretext", faces[0], Lettering(40, 0, 0, 0, 1.0, 0, 0), rng)).sum(dtype=float)
    for changed in ((0.2, 0, 1.0, 0, 0), (0, 0.25, 1.0, 0, 0), (0, 0, 1.0, 0.3, 0), (0, 0, 1.0, -0.3, 0), (0, 0, 1.0, 0, 0.03)):
        spacing, slant, stretch, curve, unrest = changed
        mask = set_text("Paretext", faces[0], Lettering(40, spacing, 0, slant, stretch, curve, unrest), rng)
        assert np.asarray(mask).sum(dtype=float) == pytest.approx(plain, rel=0.06)


def test_rare_characters_are_drawn_more_often(faces: list[Face]) -> None:
    texts = ["common"] * 99 + ["rare§"]
    drawn = [line.text for line in plan_lines(texts, faces, 300, 0)]
    assert drawn.count("rare§") > 6
    assert len({line.text for line in plan_lines(TEXTS, faces, 100, 0, recombine=1.0)}) > 30


def test_texts_come_from_rows_label_files_or_sources(tmp_path: Path) -> None:
    file = tmp_path / "labels.txt"
    file.write_text("\ufeffimage_1.jpg\tfirst text\r\nfolder/image_2\tsecond\ttext\n", encoding="utf-8")
    assert read_texts(str(file)) == ["first text", "second text"]
    file.write_text("no image: plain rows\n\n  \nmore\n", encoding="utf-8")
    assert read_texts(str(file)) == ["no image: plain rows", "more"]
    assert read_texts("digits:unseen")[:2] == [line.text for line in open_source("digits:unseen").lines[:2]]


def test_photographs_may_be_ones_own(faces: list[Face], tmp_path: Path) -> None:
    Image.effect_noise((300, 200), 80).convert("RGB").save(tmp_path / "photo.png")
    drawn = [line.encoded() for line in plan_lines(TEXTS, faces, 12, 0, "web", str(tmp_path))]
    assert drawn != [line.encoded() for line in plan_lines(TEXTS, faces, 12, 0, "web")]


def test_rendered_lines_in_a_study(tmp_path: Path, faces: list[Face]) -> None:
    rendered = Rendered(count=30, fonts=str(FONTS), style="print")
    plain = prepare(DataSpec(training="digits:unseen", validation="digits:unseen"), tmp_path)
    extra = prepare(DataSpec(training="digits:unseen", validation="digits:unseen", rendered=rendered), tmp_path)
    assert len(extra.training) == len(plain.training) + 30 and extra.charset == plain.charset
    assert extra.warmup is None and extra.digest != plain.digest
    assert extra.training.name(len(plain.training)) == "rendered/000000"
    assert all(set(text) <= set(extra.charset.symbols) for text in extra.training.texts)
    assert np.array_equal(extra.training.image(3), plain.training.image(3))
    apart = prepare(DataSpec.from_dict({**plain.spec.as_dict(), "rendered": {**rendered.as_dict(), "use": "warmup"}}), tmp_path)
    assert len(apart.training) == len(plain.training) and apart.warmup is not None and len(apart.warmup) == 30
    assert apart.warmup.texts == extra.training.texts[-30:]
    assert len({plain.digest, extra.digest, apart.digest}) == 3


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "needs a count"),
        ({"count": 0}, "from 1 to 1000000, not 0"),
        ({"count": 5, "use": "warm-up"}, "did you mean 'warmup'"),
        ({"count": 5, "stlye": "print"}, "did you mean 'style'"),
        ({"count": 5, "recombine_percent": 120}, "from 0 to 100"),
    ],
)
def test_wrong_settings_are_one_line(values: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        DataSpec.from_dict({"training": "digits", "rendered": values})


def test_two_studies_of_one_source_keep_their_drawn_lines(tmp_path: Path, pairs: Path) -> None:
    """They differ in what becomes of the labels, and prepare in turn, as the trials of two searches do."""
    rendered = Rendered(count=6, fonts=str(FONTS), style="print")
    specs = [DataSpec(training=str(pairs), rendered=rendered, normaliser=normaliser) for normaliser in ("none", "lower")]
    first, second, again = (prepare(spec, tmp_path / "cache") for spec in (*specs, specs[0]))
    assert first.is_current() and second.is_current() and again.digest == first.digest != second.digest


def test_new_labels_replace_the_lines_drawn_from_the_old_ones(tmp_path: Path, pairs: Path) -> None:
    spec = DataSpec(training=str(pairs), validation="digits:unseen", rendered=Rendered(count=6, fonts=str(FONTS)))
    before = prepare(spec, tmp_path / "cache")
    (pairs / "000.gt.txt").write_text("Neu\n", encoding="utf-8")
    after = prepare(spec, tmp_path / "cache")
    assert not before.is_current() and after.is_current()


@pytest.mark.parametrize("space", ["\u3000", "\u00a0", "\u202f"])
def test_drawn_labels_have_only_the_spaces_of_the_charset(space: str, faces: list[Face], tmp_path: Path) -> None:
    texts = [f"{left}{space}{right}" for left in ("abc", "de") for right in ("5", "67")]
    drawn = plan_lines(texts, faces, 60, 0, recombine=1.0)
    assert {c for line in drawn for c in line.text if c.isspace()} == {space}
    assert not any(space * 2 in line.text or line.text != line.text.strip() for line in drawn)
    (tmp_path / "words.txt").write_text(f"one{space}two\n", encoding="utf-8")
    assert read_texts(str(tmp_path / "words.txt")) == [f"one{space}two"]


def test_white_space_that_the_charset_lacks_is_a_space_of_it(tmp_path: Path, pairs: Path) -> None:
    """A list of words from the web may have no-break spaces, form feeds and line separators."""
    words = tmp_path / "words.txt"
    # Letters that are in every label of `pairs`, so that the charset has them whichever lines train.
    words.write_text("Te\u00a0xt\nex\u3000Te\ntext\tT\nxe\x0cText\n", encoding="utf-8")
    assert read_texts(str(words))[2:] == ["text T", "xe Text"]
    rendered = Rendered(count=40, fonts=str(FONTS), labels=str(words))
    extra = prepare(DataSpec(training=str(pairs), rendered=rendered), tmp_path / "cache")
    assert set(extra.training.texts[-extra.rendered_lines :]) == {"Te xt", "ex Te", "text T", "xe Text"}


def test_spaces_and_invisible_characters_without_a_glyph_draw_no_box(faces: list[Face]) -> None:
    plain = Lettering(32, 0.0, 0, 0.0, 1.0, 0.0, 0.0)
    lacking = next(c for c in "\u3000\u202f\u2003" if ord(c) not in characters(faces[0]))
    rng = np.random.default_rng(0)
    expected = set_text("1 2", faces[0], plain, rng).tobytes()
    assert faces[0].draws(f"1{lacking}2") and set_text(f"1{lacking}2", faces[0], plain, rng).tobytes() == expected
    monospaced = next(f for f in find_faces([FONTS]) if f.name == "cmtt10.ttf")
    assert 0x200B not in characters(monospaced)
    alone = set_text("12", monospaced, plain, rng).tobytes()
    assert set_text("1\u200b2", monospaced, plain, rng).tobytes() == alone


def test_a_font_of_capitals_draws_no_small_letters(tmp_path: Path) -> None:
    with TTFont(FONTS / "DejaVuSans.ttf") as font:
        for table in font["cmap"].tables:
            table.cmap.update({ord(c): table.cmap[ord(c.upper())] for c in ascii_lowercase if ord(c.upper()) in table.cmap})
        font.save(tmp_path / "capitals.ttf")
    (face,) = find_letter_faces([tmp_path]).kept
    assert face.draws("PLATE 42") and not face.draws("Plate 42")
    planned = plan_lines(["Plate", "PLATE"], [face], 30, 0)
    assert {line.text for line in planned} == {"PLATE"}
    assert all(other.draws("Plate") for other in find_letter_faces([FONTS / "DejaVuSans.ttf"]).kept)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("one\ntwo 汉\nthree\n", encoding="utf-8")
    words = ["data", "render", "--labels", str(labels), "--fonts", str(FONTS), "--count", "9", "--processes", "1"]
    assert main([*words, "--sheet", str(tmp_path / "sheet.png"), str(tmp_path / "out")]) == 0
    said = capsys.readouterr()
    assert "9 lines" in said.out and "1 texts left out" in said.err and "汉" in said.err
    assert len(open_source(str(tmp_path / "out")).lines) == 9 and (tmp_path / "sheet.png").exists()
    for wrong, message in (
        ([*words, str(tmp_path / "out")], "already there"),
        (["data", "render", "--labels", str(tmp_path / "no.txt"), "--count", "1", str(tmp_path / "o")], "neither built in"),
        ([*words, "--fonts", str(tmp_path / "nofonts"), str(tmp_path / "o")], "is not there"),
        ([*words, "--photos", str(tmp_path / "out"), str(tmp_path / "o")], "no photograph"),
    ):
        assert main(wrong) == 2
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1
