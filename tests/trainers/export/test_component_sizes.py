"""The sizes of the components of a network add up to those of the whole network."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice

import pytest
from torch import Tensor, nn

from search_space import Architecture
from search_space.contracts import Encoder
from search_space.encoders import encoders
from testing.full_space import drawn, full_space
from trainers.export.component_sizes import component_sizes
from trainers.export.inventory import parts_of, weights_of
from trainers.export.size_estimate import unfilled


def assert_the_same(architecture: Architecture, symbols: int) -> None:
    found, network = component_sizes(architecture, symbols), unfilled(architecture, symbols)
    assert found.codes == Counter(part.code for part in parts_of(network)), architecture.describe()
    assert found.weights == Counter(weights_of(network)), architecture.describe()


@pytest.mark.parametrize("seed", range(3))
def test_an_outline_holds_what_the_network_holds(seed: int) -> None:
    for architecture in islice(drawn(full_space(()), seed), 8):
        assert_the_same(architecture.with_(auxiliary="none", precision="fp32"), (10, 68, 6000)[seed])


@pytest.mark.parametrize("name", ["lcnet_050", "repghostnet_100"])
def test_so_it_is_with_models_of_timm_whose_branches_are_merged(name: str) -> None:
    assert_the_same(Architecture(backbone=f"timm/{name}", encoder="none"), 20)


def test_what_was_read_off_is_not_built_again(monkeypatch: pytest.MonkeyPatch) -> None:
    component_sizes(Architecture(width_percent=25, encoder_hidden=56), 10)

    def never(*_: object) -> None:
        raise AssertionError("built again")

    monkeypatch.setattr("trainers.export.component_sizes.fuse_in_place", never)
    component_sizes(Architecture(width_percent=25, encoder_hidden=56, precision="int8"), 10)
    with pytest.raises(AssertionError, match="built again"):
        component_sizes(Architecture(width_percent=25, encoder_hidden=58), 10)


class Shifted(Encoder):
    """An encoder of somebody's own."""

    def __init__(self, in_features: int, hidden: int, layers: int) -> None:
        super().__init__(in_features, hidden, layers)
        self.mix = nn.Sequential(*(nn.Linear(in_features, in_features) for _ in range(layers)))
        self.out_features = in_features

    def forward(self, columns: Tensor) -> Tensor:
        mixed: Tensor = self.mix(columns.roll(1, 1))
        return mixed


@pytest.fixture
def shifted_gru() -> Iterator[None]:
    """The catalog with another encoder under the name `gru`."""
    gru = encoders["gru"]
    encoders.register("gru")(Shifted)
    yield
    encoders.register("gru")(gru)


def test_another_component_under_a_known_name_is_read_off_again(request: pytest.FixtureRequest) -> None:
    architecture = Architecture(width_percent=25, encoder="gru", encoder_hidden=48, encoder_layers=2)
    before = component_sizes(architecture, 10).weights
    request.getfixturevalue("shifted_gru")
    assert_the_same(architecture, 10)
    assert component_sizes(architecture, 10).weights != before
