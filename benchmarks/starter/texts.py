"""Texts that the starter weights are trained on: words, codes, numbers, dates, prices, plates, addresses, Chinese shop signs.

Decisions:
- Texts are short, as lines in photographs are: 1 to about 25 characters.
- Each script has its share, whatever the sizes of its word lists are.
- Every character occurs: a tenth of the texts is drawn at random from the characters of one script.
- The charset is fixed beforehand. It holds the printable ASCII characters, letters with accents of the word lists, Greek,
  Cyrillic, common signs, and the most frequent Chinese characters of the labels.
"""

from __future__ import annotations

import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator

LATIN_LISTS = ("american-english", "french", "ngerman", "spanish", "italian", "portuguese", "swedish", "polish")
"""Word lists in /usr/share/dict, of Debian's packages wamerican, wfrench, wngerman, wspanish, witalian, wportuguese, wswedish
and wpolish; English comes first and is drawn as often as all others together."""
CYRILLIC_LIST = "ukrainian"
"""Of Debian's package wukrainian."""
WORDS_PER_LIST = 60_000
"""Words kept of each list, at random: the longest lists hold millions of inflected forms."""
LONGEST_WORD = 16
ACCENTED = "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿœŒąćęłńóśźżĄĆĘŁŃŚŹŻ"
GREEK = "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩαβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώ"
CYRILLIC = "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюяёЁІіЇїЄєҐґ"
SIGNS = "°€£¥©®™–—…«»“”‘’•·×÷±§№"
ASCII = string.digits + string.ascii_letters + string.punctuation + " "
CHINESE = 1000
"""Chinese characters in the charset: the most frequent ones of the labels; together they are nine tenths of the characters."""
RANDOM_SHARE = 0.1
MOST_CHARACTERS = 25


@dataclass(frozen=True)
class Corpus:
    """What texts are drawn from.

    Attributes:
        latin: words of each Latin list, English first.
        cyrillic: words.
        signs: Chinese labels whose characters are all in the charset.
        charset: every character that a text may have, in a fixed order.
    """

    latin: tuple[tuple[str, ...], ...]
    cyrillic: tuple[str, ...]
    signs: tuple[str, ...]
    charset: str

    @classmethod
    def read(cls, dictionaries: Path, labels: Path | None, seed: int = 0) -> Corpus:
        """Reads word lists and labels.

        Args:
            dictionaries: folder of the word lists, such as /usr/share/dict.
            labels: file of Chinese labels, one file name, tab and label a line; None: no Chinese.
            seed: of the words that are kept.

        Raises:
            FileNotFoundError: a word list is missing.
        """
        rng = np.random.default_rng(seed)
        latin = tuple(_words(dictionaries / name, set(ASCII + ACCENTED), rng) for name in LATIN_LISTS)
        cyrillic = _words(dictionaries / CYRILLIC_LIST, set(CYRILLIC + "-'"), rng)
        rows = [] if labels is None else [line.split("\t", 1)[-1] for line in labels.read_text("utf-8").splitlines()]
        counts = Counter(c for row in rows for c in row if "\u4e00" <= c <= "\u9fff")
        chinese = "".join(c for c, _ in counts.most_common(CHINESE))
        charset = "".join(dict.fromkeys(ASCII + ACCENTED + GREEK + CYRILLIC + SIGNS + "".join(sorted(chinese))))
        known = set(charset)
        signs = tuple(row for row in rows if 1 <= len(row) <= MOST_CHARACTERS and set(row) <= known and set(row) & set(chinese))
        return cls(latin, cyrillic, signs, charset)

    def texts(self, seed: int) -> Iterator[str]:
        """Texts without end; equal seeds give equal texts."""
        rng, known = np.random.default_rng([seed, 7]), frozenset(self.charset)
        kinds = [(share, draw) for share, draw in self._kinds() if share > 0]
        shares = np.cumsum([share for share, _ in kinds])
        while True:
            draw = kinds[int(np.searchsorted(shares, rng.random() * shares[-1], side="right"))][1]
            text = " ".join(draw(rng).split())
            while len(text) > MOST_CHARACTERS and " " in text:
                text = text.rsplit(" ", 1)[0]
            text = text[:MOST_CHARACTERS].strip()
            if text and known.issuperset(text):
                yield text

    def _kinds(self) -> list[tuple[float, Callable[[Generator], str]]]:
        """Share and function of each kind of text."""
        others = self.latin[1:]
        return [
            (0.18, lambda rng: _phrase(rng, self.latin[0])),
            (0.17, lambda rng: _phrase(rng, others[int(rng.integers(len(others)))])),
            (0.08, lambda rng: _phrase(rng, self.cyrillic)),
            (0.12, _code),
            (0.05, _plate),
            (0.14, _number),
            (0.03, lambda rng: _address(rng, self.latin[0])),
            (0.02, lambda rng: _random(rng, GREEK)),
            (0.13 if self.signs else 0.0, lambda rng: _pick(rng, self.signs)),
            (RANDOM_SHARE, self._random_of_a_script),
        ]

    def _random_of_a_script(self, rng: Generator) -> str:
        chinese = "".join(c for c in self.charset if "\u4e00" <= c <= "\u9fff")
        scripts = [ASCII, ASCII, string.ascii_letters + ACCENTED, CYRILLIC, GREEK, string.digits + SIGNS]
        scripts += [chinese] * 2 if chinese else []
        return _random(rng, scripts[int(rng.integers(len(scripts)))])


def _words(file: Path, allowed: set[str], rng: Generator) -> tuple[str, ...]:
    rows = {unicodedata.normalize("NFC", row.strip()) for row in file.read_text("utf-8", errors="ignore").splitlines()}
    usable = sorted(row for row in rows if 1 <= len(row) <= LONGEST_WORD and set(row) <= allowed)
    kept = rng.permutation(len(usable))[:WORDS_PER_LIST]
    return tuple(usable[i] for i in np.sort(kept))


def _pick(rng: Generator, choices: Sequence[str]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _cased(rng: Generator, text: str) -> str:
    """As it is, in capitals, with capital initials, or in small letters."""
    at = rng.random()
    return text if at < 0.4 else text.upper() if at < 0.7 else string.capwords(text) if at < 0.9 else text.lower()


def _phrase(rng: Generator, words: Sequence[str]) -> str:
    """One to four words, sometimes with punctuation or a number."""
    chosen = [_pick(rng, words) for _ in range(int(rng.choice([1, 1, 1, 2, 2, 3, 4])))]
    text = _cased(rng, " ".join(chosen))
    at = rng.random()
    if at < 0.08:
        return f"{text}{_pick(rng, '.,:;!?')}"
    if at < 0.14:
        return f"{text} {rng.integers(1, 1000)}"
    if at < 0.18:
        return f"{_pick(rng, ('(', '“', '«', chr(34)))}{text}{_pick(rng, (')', '”', '»', chr(34)))}"
    return text


def _random(rng: Generator, characters: str) -> str:
    return "".join(_pick(rng, characters) for _ in range(int(rng.integers(1, 11))))


def _code(rng: Generator) -> str:
    """Letters and digits, as on parcels, devices and containers."""
    alphabet = _pick(rng, (string.ascii_uppercase + string.digits, string.digits, string.ascii_letters + string.digits))
    groups = [_random_of(rng, alphabet, int(rng.integers(2, 9))) for _ in range(int(rng.choice([1, 1, 1, 2, 3])))]
    return _pick(rng, ("-", " ", "/", ".", "")).join(groups)


def _plate(rng: Generator) -> str:
    """Letters, then digits, then perhaps letters."""
    letters, digits = string.ascii_uppercase, string.digits
    parts = [_random_of(rng, letters, int(rng.integers(1, 4))), _random_of(rng, digits, int(rng.integers(2, 5)))]
    if rng.random() < 0.5:
        parts.append(_random_of(rng, letters, int(rng.integers(1, 4))))
    return _pick(rng, (" ", "-", "", "·")).join(parts)


def _random_of(rng: Generator, alphabet: str, length: int) -> str:
    return "".join(_pick(rng, alphabet) for _ in range(length))


def _number(rng: Generator) -> str:
    """A count, price, date, time, percentage, measure or telephone number."""
    whole, cents = int(10 ** rng.uniform(0, 6)), int(rng.integers(100))
    day, month, year = (int(rng.integers(*bounds)) for bounds in ((1, 32), (1, 13), (1950, 2036)))
    hour, minute, second = (int(rng.integers(n)) for n in (24, 60, 60))
    forms = (
        f"{whole}",
        f"{whole:,}",
        f"{whole // 100}.{cents:02d}",
        f"{whole // 100},{cents:02d}",
        f"{_pick(rng, '$€£¥')}{whole // 100}.{cents:02d}",
        f"{whole // 100},{cents:02d} {_pick(rng, ('€', 'EUR', 'USD', 'kr', 'zł', 'грн', 'Kč'))}",
        f"{day:02d}.{month:02d}.{year}",
        f"{day}/{month}/{year % 100:02d}",
        f"{year}-{month:02d}-{day:02d}",
        f"{hour:02d}:{minute:02d}",
        f"{hour:02d}:{minute:02d}:{second:02d}",
        f"{whole % 1000}{_pick(rng, ('%', '°C', ' kg', ' km/h', ' m²', ' W', ' V', ' ml', ' cm'))}",
        f"+{rng.integers(1, 99)} {rng.integers(100, 999)} {rng.integers(10**5, 10**7)}",
        f"({rng.integers(100, 999)}) {rng.integers(100, 999)}-{rng.integers(1000, 9999)}",
        f"№ {whole % 10000}",
        f"{whole % 100} × {cents}",
        f"±{whole % 100}.{cents % 10}",
    )
    return _pick(rng, forms)


def _address(rng: Generator, words: Sequence[str]) -> str:
    """A web or e-mail address."""
    first, second = (_pick(rng, words).lower().replace("'", "") for _ in range(2))
    end = _pick(rng, (".com", ".org", ".de", ".fr", ".net", ".cn", ".io"))
    return _pick(rng, (f"www.{first}{end}", f"{first}@{second}{end}", f"{first}{end}/{second}"))
