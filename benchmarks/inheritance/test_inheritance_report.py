"""The table of beginnings: means over seeds, and epochs to where a random beginning ends."""

from benchmarks.inheritance.report import epochs_to, table


def row(beginning: str, seed: int, cer: list[float]) -> dict[str, object]:
    share = 0.0 if beginning == "random" else 0.5
    return {"data": "codes", "case": "narrower", "beginning": beginning, "seed": seed, "share": share, "cer": cer} | {
        "accuracy": [1 - min(1.0, value) for value in cer]
    }


def test_epochs_are_counted_from_before_the_first() -> None:
    assert epochs_to(row("first", 0, [0.5, 0.2, 0.1]), 0.2) == 1
    assert epochs_to(row("first", 0, [0.5, 0.2, 0.1]), 0.05) is None


def test_seeds_are_averaged_and_what_is_not_there_yet_is_said() -> None:
    rows = [
        row("random", 0, [1.0, 0.4, 0.3, 0.2]),
        row("random", 1, [1.0, 0.5, 0.3, 0.1]),
        row("important", 0, [0.4, 0.2, 0.1, 0.1]),
        row("important", 1, [0.6, 0.4, 0.2, 0.2]),
    ]
    random, important = table(rows, (0, 1, 3, 40)).splitlines()[2:]
    assert random == "| codes | narrower | random | 2 | 0 % | 1.000 | 0.450 | 0.150 | 85.0 % | 3.0 of 3 |"
    assert important == "| codes | narrower | important | 2 | 50 % | 0.500 | 0.300 | 0.150 | 85.0 % | 1.0 of 3, 1 not yet |"
