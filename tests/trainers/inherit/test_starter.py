"""Starter weights: what is packed is read within the error of its step, and the network that has most in common is given."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from search_space.architecture import Architecture
from testing.relatives import CHARSET, SMALL, fresh, trained
from trainers.base.errors import UserError
from trainers.inherit import family_file
from trainers.inherit.family_file import FIRST_LINE, SharedNetwork, WeightsFamily, decode_family, encode_family
from trainers.inherit.inherit import inherit
from trainers.inherit.starter import FOLDER, SUFFIX, starter_for, starter_record
from trainers.inherit.weights_file import WeightsRecord

MEMBERS = [SMALL.with_(neck=neck, encoder=encoder) for neck in ("fpn_a", "none") for encoder in ("svtr", "gru")]
RECORD = WeightsRecord(epochs=4, lines=1200, cer=0.02)


@pytest.fixture(scope="module")
def family() -> WeightsFamily:
    """Four networks with random weights; the first tensor of each name and shape is that of all of them."""
    shared: dict[object, torch.Tensor] = {}
    networks = []
    for number, architecture in enumerate(MEMBERS):
        parameters = {name: p.detach() for name, p in trained(architecture, seed=number).named_parameters()}
        parameters = {name: shared.setdefault((name, p.shape), p) for name, p in parameters.items()}
        networks.append(SharedNetwork(architecture, parameters))
    return WeightsFamily(tuple(networks), CHARSET, RECORD, {"data": "none"})


@pytest.fixture
def folder(tmp_path: Path, family: WeightsFamily) -> Path:
    (tmp_path / f"mobilenetv3_small{SUFFIX}").write_bytes(encode_family(family))
    return tmp_path


def numbers(family: WeightsFamily) -> int:
    tensors = {id(tensor): tensor.numel() for network in family.networks for tensor in network.parameters.values()}
    return sum(tensors.values())


def test_weights_are_read_within_half_a_step(family: WeightsFamily) -> None:
    content = encode_family(family, step=0.3)
    assert content == encode_family(family, step=0.3)
    found = decode_family(content, "it")
    assert (found.charset, found.record, found.card) == (family.charset, family.record, family.card)
    assert numbers(found) == numbers(family)
    for mine, theirs in zip(found.networks, family.networks, strict=True):
        assert mine.architecture == theirs.architecture and list(mine.parameters) == list(theirs.parameters)
        for name, expected in theirs.parameters.items():
            value = mine.parameters[name]
            if expected.ndim < 2:
                assert torch.equal(value, expected.half().float())
            else:
                rows = expected.flatten(1)
                largest = torch.maximum(0.3 * rows.std(1, correction=0), rows.abs().amax(1) / 127 * 2**0.25) * 2**0.125
                assert ((value.flatten(1) - rows).abs() <= largest[:, None] / 2 + 1e-9).all(), name


def test_a_large_step_takes_few_bits(family: WeightsFamily) -> None:
    fine, coarse = (len(encode_family(family, step)) for step in (0.1, 0.5))
    assert coarse < 0.7 * fine < 0.7 * numbers(family)


def test_rows_of_zeros_and_of_one_outlier_survive() -> None:
    architecture = SMALL
    network = trained(architecture)
    parameters = {name: p.detach().clone() for name, p in network.named_parameters()}
    weights = parameters["head.classes.weight"]
    weights[0], weights[1, 0], weights[2] = 0, 1000, 1e-12
    content = encode_family(WeightsFamily((SharedNetwork(architecture, parameters),), CHARSET, RECORD))
    found = decode_family(content, "it").networks[0].parameters["head.classes.weight"]
    assert not found[0].any() and abs(found[1, 0] - 1000) < 36 and found[2].abs().max() < 1e-9
    weights[3, 3] = float("inf")
    with pytest.raises(ValueError, match="not finite"):
        encode_family(WeightsFamily((SharedNetwork(architecture, parameters),), CHARSET, RECORD))


@pytest.mark.parametrize(
    ("fields", "neck", "encoder"),
    [
        ({"neck": "none", "encoder": "gru", "width_percent": 25}, "none", "gru"),
        ({"neck": "fpn_a", "encoder": "svtr", "precision": "int8"}, "fpn_a", "svtr"),
        ({"neck": "fpn_d", "encoder": "gru"}, "fpn_a", "gru"),
        ({"neck": "none", "encoder": "lstm"}, "none", "svtr"),
        ({"neck": "fpn_c", "encoder": "none", "attention": "eca"}, "fpn_a", "svtr"),
    ],
)
def test_the_network_that_has_most_in_common_is_given(folder: Path, fields: dict[str, object], neck: str, encoder: str) -> None:
    child = SMALL.with_(**fields)
    relative = starter_for(child, folder)
    assert relative is not None and (relative.architecture.neck, relative.architecture.encoder) == (neck, encoder)
    share = inherit(fresh(child), CHARSET, relative).share
    assert share == 1 if (child.neck, child.encoder) == (neck, encoder) else 0 < share < 1
    assert starter_for(child, folder) is relative


def test_there_are_none_for_other_backbones(folder: Path, tmp_path: Path) -> None:
    for backbone in ("lcnet", "timm/mobilenetv3_small_100"):
        architecture = Architecture(backbone=backbone)
        assert starter_for(architecture, folder) is None and starter_record(architecture, folder) is None
    assert starter_for(SMALL, tmp_path / "nothing") is None


def test_the_record_names_the_file_by_its_hash(folder: Path) -> None:
    record = starter_record(SMALL, folder)
    content = (folder / f"mobilenetv3_small{SUFFIX}").read_bytes()
    assert record is not None and record.sha256 == hashlib.sha256(content).hexdigest()
    assert record.weights == RECORD and record.card == {"data": "none"}


def sealed(body: bytes) -> bytes:
    """A file with the right hash."""
    return FIRST_LINE + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def body_of(content: bytes) -> bytes:
    return content.partition(b"\n")[2]


def bomb(content: bytes) -> bytes:
    """A header that is very large once it is decompressed."""
    packed = zlib.compress(bytes(family_file.MOST_HEADER_BYTES * 8), 9)
    return sealed(len(packed).to_bytes(4, "little") + packed)


def with_header(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    def changed(content: bytes) -> bytes:
        body = body_of(content)
        size = int.from_bytes(body[:4], "little")
        packed = zlib.compress(change(zlib.decompress(body[4 : 4 + size])))
        return sealed(len(packed).to_bytes(4, "little") + packed + body[4 + size :])

    return changed


FAULTS: tuple[tuple[Callable[[bytes], bytes], str], ...] = (
    (lambda content: b"", "not a file of starter weights"),
    (lambda content: b"PK" + content, "not a file of starter weights"),
    (lambda content: content.replace(b"weights 1,", b"weights 2,", 1), "not a file of starter weights"),
    (lambda content: content[:-1], "recorded hash"),
    (lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:], "recorded hash"),
    (lambda content: sealed(body_of(content)[:-50]), "cut off"),
    (lambda content: sealed(b""), "damaged"),
    (bomb, "larger than its tensors"),
    (with_header(lambda text: b"[" * 100_000), "damaged"),
    (with_header(lambda text: text.replace(b"[10]", b"[11]").replace(b"[11,", b"[12,")), "damaged"),
    (with_header(lambda text: text.replace(b'"head.classes.bias",[11]', b'"head.classes.bias",[99999999999]')), "too large"),
    (with_header(lambda text: text.replace(b'"fpn_a"', b'"fpn_z"')), "damaged .*fpn_z"),
    (with_header(lambda text: text.replace(b"head.classes.bias", b"head.classes.tilt")), "other names"),
    (with_header(lambda text: text.replace(b'"0123456789"', b'"01234567"')), "other names or sizes"),
)


@pytest.mark.parametrize(("fault", "message"), FAULTS)
def test_damaged_files_give_one_line(folder: Path, fault: Callable[[bytes], bytes], message: str) -> None:
    file = folder / f"mobilenetv3_small{SUFFIX}"
    content = file.read_bytes()
    assert fault(content) != content
    file.write_bytes(fault(content))
    with pytest.raises(UserError, match=message) as raised:
        starter_for(SMALL.with_(neck="fpn_a", encoder="svtr"), folder)
    assert str(file) in str(raised.value) and "\n" not in str(raised.value)


def test_a_file_that_is_too_large_is_not_read(folder: Path, family: WeightsFamily, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainers.inherit.starter.MOST_BYTES", 1 << 10)
    with pytest.raises(UserError, match="larger than"):
        starter_for(SMALL, folder)


def test_no_network_is_an_error(tmp_path: Path, family: WeightsFamily) -> None:
    (tmp_path / f"mobilenetv3_small{SUFFIX}").write_bytes(encode_family(replace(family, networks=())))
    with pytest.raises(UserError, match="it has no network"):
        starter_for(SMALL, tmp_path)


def test_the_files_of_the_package_fit_this_version_and_are_small() -> None:
    files = sorted(FOLDER.glob(f"*{SUFFIX}"))
    if not files:
        pytest.skip("the package has no starter weights yet")
    assert sum(file.stat().st_size for file in files) <= 3_000_000
    for file in files:
        for network in decode_family(file.read_bytes(), str(file)).networks:
            relative = starter_for(network.architecture)
            assert relative is not None and relative.architecture == network.architecture
            relative.network()
