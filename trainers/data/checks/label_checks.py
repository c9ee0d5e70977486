"""Checks that need only the labels: white space, invisible and control characters, and characters that look alike."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from trainers.data.checks.findings import Finding
from trainers.data.lines import control_character, without_tabs
from trainers.data.normalisers import half_width, simplified

INVISIBLE = {"\u00ad": "", "\u200b": "", "\u2060": "", "\ufeff": "", "\u00a0": " ", "\t": " ", "\u2028": " ", "\u2029": " "}
"""Invisible characters and their replacements by `--fix`. Joiners (U+200C, U+200D) are kept, because they shape letters."""
RARE_BELOW = 5


def visible(text: str) -> str:
    """Removes white space at the ends of a label, and invisible characters."""
    return "".join(INVISIBLE.get(c, c) for c in text).strip()


def label_findings(texts: Sequence[str]) -> Iterator[Finding]:
    """Finds faults and doubts of labels; the index of a line is its position in the list."""
    yield from _control_characters(texts)
    yield from _outer_space(texts)
    yield from _invisible(texts)
    counts = Counter(c for text in texts for c in text)
    yield from _decomposed(texts)
    yield from _confusable(
        "width_confusable", "full width and half width of one character", "contest_zh", half_width, texts, counts
    )
    yield from _confusable("nfkc_confusable", "compatibility form beside the plain one", "nfkc", _plain, texts, counts)
    yield from _confusable(
        "chinese_confusable", "traditional beside simplified character", "contest_zh", simplified, texts, counts
    )
    yield from _rare(texts, counts)
    yield from _right_to_left(texts)


def _control_characters(texts: Sequence[str]) -> Iterator[Finding]:
    """Lines that training leaves out. To take the character out would not do: U+0092, say, is an apostrophe in CP1252."""
    found = {i: control for i, text in enumerate(texts) if (control := control_character(without_tabs(text))) is not None}
    if found:
        advice = "write what the image shows in its place; U+0080 to U+009F come of CP1252 that was converted as Latin-1"
        details = tuple(f"{control} in {texts[i]!r}" for i, control in found.items())
        yield Finding("control_character", "label holds a control character", "drop", advice, tuple(found), details)


def _outer_space(texts: Sequence[str]) -> Iterator[Finding]:
    lines = tuple(i for i, text in enumerate(texts) if text.strip() and text != text.strip())
    if lines:
        advice = "nothing: training takes it off"
        details = tuple(repr(texts[i]) for i in lines)
        yield Finding("outer_space", "white space before or after the label", "rewrite", advice, lines, details)


def _invisible(texts: Sequence[str]) -> Iterator[Finding]:
    lines, details = [], []
    for i, text in enumerate(texts):
        hidden = sorted({c for c in text.strip() if c in INVISIBLE})
        if hidden:
            lines.append(i)
            details.append(f"{', '.join(map(_named, hidden))} in {text!r}")
    if lines:
        advice = "take them out: no image shows them"
        yield Finding("invisible", "characters that no image shows", "rewrite", advice, tuple(lines), tuple(details))


def _decomposed(texts: Sequence[str]) -> Iterator[Finding]:
    lines = tuple(i for i, text in enumerate(texts) if unicodedata.normalize("NFC", text) != text)
    if lines:
        details = tuple(repr(texts[i]) for i in lines)
        advice = "use the normaliser nfc: one letter is one symbol"
        yield Finding("decomposed", "letters written as letter and accent (not NFC)", "none", advice, lines, details)


def _plain(character: str) -> str:
    plain = unicodedata.normalize("NFKC", character)
    return character if half_width(character) != character or unicodedata.normalize("NFC", character) == plain else plain


def _confusable(
    kind: str, title: str, normaliser: str, other: Callable[[str], str], texts: Sequence[str], counts: Counter[str]
) -> Iterator[Finding]:
    """Characters that occur together with another form of themselves."""
    pairs = {c: other(c) for c in counts if other(c) != c and all(part in counts for part in other(c))}
    pairs = {c: plain for c, plain in pairs.items() if plain.strip()}
    if not pairs:
        return
    most_first = sorted(pairs, key=lambda c: (-counts[c], c))
    details = tuple(f"{_named(c)} {counts[c]} times beside {_shown(pairs[c], counts)}" for c in most_first)
    lines = tuple(i for i, text in enumerate(texts) if any(c in pairs for c in text))
    advice = f"if they mean the same, use the normaliser {normaliser}; a model cannot tell apart what looks alike"
    yield Finding(kind, title, "none", advice, lines, details)


def _shown(plain: str, counts: Counter[str]) -> str:
    return f"{_named(plain)} {counts[plain]} times" if len(plain) == 1 else f"{plain!r}"


def _rare(texts: Sequence[str], counts: Counter[str]) -> Iterator[Finding]:
    rare = {c for c, count in counts.items() if count < RARE_BELOW and not c.isspace()}
    if rare:
        details = tuple(f"{_named(c)} {counts[c]} times" for c in sorted(rare, key=lambda c: (counts[c], c)))
        lines = tuple(i for i, text in enumerate(texts) if not rare.isdisjoint(text))
        advice = "render lines with them (paretext data render), or leave them out of the charset"
        yield Finding("rare", f"characters that occur fewer than {RARE_BELOW} times", "none", advice, lines, details)


def _right_to_left(texts: Sequence[str]) -> Iterator[Finding]:
    lines = tuple(i for i, text in enumerate(texts) if any(unicodedata.bidirectional(c) in ("R", "AL") for c in text))
    if lines:
        advice = "a CTC head reads from left to right: write such labels in the order the image shows, or use an attention head"
        yield Finding("right_to_left", "letters that run from right to left", "none", advice, lines)


def _named(character: str) -> str:
    shown = character if character.isprintable() and not character.isspace() else ""
    return f"{shown} U+{ord(character):04X}".strip()
