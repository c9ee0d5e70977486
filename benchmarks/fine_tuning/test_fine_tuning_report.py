"""The table of ways: means over seeds, and nothing where a training has not got so far."""

from benchmarks.fine_tuning.report import table


def row(way: str, seed: int, at: dict[str, dict[str, list[float]]]) -> dict[str, object]:
    return {"case": "digits", "way": way, "seed": seed, "at": at}


def test_seeds_are_averaged_and_epoch_0_is_left_out() -> None:
    begun = {"0": {"new": [0.0, 1.0], "old": [0.9, 0.1]}}
    rows = [
        row("anytime", 0, begun | {"1": {"new": [0.2, 0.4], "old": [0.1, 0.5]}, "2": {"new": [0.5, 0.1], "old": [0.0, 0.9]}}),
        row("anytime", 1, begun | {"1": {"new": [0.4, 0.2], "old": [0.3, 0.3]}}),
    ]
    head, _, only = table(rows).splitlines()
    assert head == "| case | way | seeds | new, 1 | new, 2 | old, 1 | old, 2 |"
    assert only == "| digits | anytime | 2 | 30.0 % (0.300) |  | 20.0 % (0.400) |  |"
