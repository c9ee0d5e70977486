"""Parameters and multiply-adds: against arithmetic by hand and torch's own counter."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from search_space import zoo
from search_space.architecture import Architecture
from search_space.counting import flops, parameters
from search_space.fusing import fuse_in_place
from search_space.recognizer import build_recognizer
from studies.objectives.costs import count_weights_and_flops

SYMBOLS = 100
DIFFERENT = (
    Architecture(neck="fpn_d", attention="coordinate", activation="meta_acon_c", pooling="blur", encoder="lstm"),
    Architecture(
        backbone="resnet18",
        width_percent=25,
        attention="eca",
        encoder="svtr",
        encoder_hidden=60,
        head="ctc_low_rank",
        head_rank=32,
    ),
    zoo.architecture("rare_mv3_small_0.5_32bigru_att"),
    Architecture(backbone="mobilenetv3_large", width_percent=25, rectifier="tps", encoder="none", height_px=48, time_stride=12),
    Architecture(backbone="lcnet", width_percent=25),
)


@pytest.mark.filterwarnings("ignore:TF32")
@pytest.mark.parametrize("architecture", DIFFERENT, ids=lambda a: a.describe())
def test_multiply_adds_are_those_of_torchs_counter(architecture: Architecture) -> None:
    recognizer = build_recognizer(architecture, SYMBOLS).eval()
    images = torch.zeros(1, 3, architecture.height_px, 96)
    with torch.no_grad(), torch.backends.mkldnn.flags(enabled=False), FlopCounterMode(display=False) as counter:
        recognizer(images)
    counted = flops(recognizer, architecture.height_px, 96)
    assert counted.whole == counter.get_total_flops() // 2
    assert counted.backbone == sum(counter.get_flop_counts()["Recognizer.backbone"].values()) // 2


def test_a_recogniser_by_hand() -> None:
    recognizer = build_recognizer(Architecture(encoder="gru", encoder_hidden=48, encoder_layers=2), 3938)
    counted = flops(recognizer, 32, 320)
    gru = 80 * 2 * 3 * 48 * ((576 + 48) + (96 + 48))
    head = 80 * 96 * 3939
    assert counted.whole - counted.backbone == gru + head


def test_counting_leaves_the_recogniser_as_it_was() -> None:
    recognizer = build_recognizer(Architecture(width_percent=25), SYMBOLS).train()
    flops(recognizer, 32, 64)
    assert recognizer.training and next(recognizer.parameters()).device.type == "cpu"


def test_one_without_numbers_counts_the_same() -> None:
    architecture = zoo.architecture("star_mv3_fpnb_small_1.0")
    with torch.device("meta"):
        hollow = build_recognizer(architecture, SYMBOLS)
    whole = build_recognizer(architecture, SYMBOLS)
    assert (parameters(hollow), flops(hollow, 32, 96)) == (parameters(whole), flops(whole, 32, 96))


def test_what_is_gone_at_export_does_not_count() -> None:
    plain = Architecture(neck="fpn_b", width_percent=25)
    helped = plain.with_(auxiliary="super_resolution")
    assert parameters(build_recognizer(helped, SYMBOLS)) == parameters(build_recognizer(plain, SYMBOLS))


def test_blur_pooling_has_no_parameters() -> None:
    plain, blurred = Architecture(width_percent=25), Architecture(width_percent=25, pooling="blur")
    assert parameters(build_recognizer(plain, SYMBOLS)) == parameters(build_recognizer(blurred, SYMBOLS))


def test_costs_are_those_of_the_exported_network() -> None:
    """Its branches are merged; an epoch still takes the work of all of them."""
    lcnet = DIFFERENT[-1]
    trained = build_recognizer(lcnet, SYMBOLS).eval()
    whole, weights = flops(trained, 32, 320).whole, sum(p.numel() for p in trained.parameters())
    merged = fuse_in_place(trained)
    exported = sum(p.numel() for p in merged.parameters()), flops(merged, 32, 320).whole
    assert count_weights_and_flops(lcnet, SYMBOLS) == exported
    assert count_weights_and_flops(lcnet, SYMBOLS, exported=False) == (weights, whole)
    assert exported[0] < 0.9 * weights and exported[1] < 0.9 * whole
