"""The networks: the paper's table, the course's pair, every number of blocks, first weights.

Expected counts are published ones, or worked out here from the cost model.
"""

import re

import pytest
import torch

from netlib.nets.blocks import ConvBlock, ConvDw
from netlib.nets.complexity import measure
from netlib.nets.network import Network, init_network, mobilenet_v1, named_network

COMBINATIONS = [(conv, dw) for conv in range(7) for dw in range(7) if conv + dw]


def on_meta(build, *args, **kwargs) -> Network:
    """The network without memory for its weights: shapes alone, in milliseconds."""
    with torch.device("meta"):
        return build(*args, **kwargs)


# --- MobileNet v1 and the course's networks -------------------------------------------------------


@pytest.mark.parametrize(
    "width, standard, num_params, with_buffers, macs",
    [
        (1.0, False, 4_231_976, 4_253_864, 568_740_352),
        (0.75, False, 2_585_560, 2_601_976, 325_400_448),
        (0.5, False, 1_331_592, 1_342_536, 149_497_088),
        (0.25, False, 470_072, 475_544, 41_030_272),
        (1.0, True, 29_294_088, 29_306_056, 4_867_293_184),
    ],
)
def test_mobilenet_v1_has_the_counts_of_the_paper(
    width: float, standard: bool, num_params: int, with_buffers: int, macs: int
) -> None:
    # with_buffers is what Keras's `applications.MobileNet` counts.
    cost = measure(on_meta(mobilenet_v1, width=width, separable=not standard))
    assert cost.num_params == num_params
    assert cost.num_params + cost.num_buffers == with_buffers
    assert cost.macs == macs


@pytest.mark.parametrize("side", [8, 28, 33])
@pytest.mark.parametrize("separable", [True, False])
def test_mobilenet_v1_takes_small_images(side: int, separable: bool) -> None:
    net = mobilenet_v1((1, side, side), 10, width=1 / 32, separable=separable).eval()
    assert net(torch.zeros(2, 1, side, side)).shape == (2, 10)


@pytest.mark.parametrize(
    "name, blocks, num_params, macs",
    [
        ("standard", [ConvBlock] * 4, 390_890, 32_573_056),
        ("mobilenet", [ConvBlock] * 2 + [ConvDw] * 2, 65_322, 7_052_288),
    ],
)
def test_the_pair_has_the_course_s_counts(name, blocks, num_params, macs) -> None:
    net = named_network(name, (1, 28, 28), 10)
    cost = measure(net)
    assert (cost.num_params, cost.macs) == (num_params, macs)
    assert [type(block) for block in net.blocks] == blocks


# --- Any number of blocks -----------------------------------------------------------------------


@pytest.mark.parametrize("conv, dw", COMBINATIONS)
def test_channels_double_up_to_256_and_the_ends_have_stride_2(conv: int, dw: int) -> None:
    net = on_meta(init_network, conv, dw, (3, 28, 28), 7)
    assert [type(b) for b in net.blocks] == [ConvBlock] * conv + [ConvDw] * dw
    total = conv + dw
    channels = [32, 64, 128, 256, 256, 256, 256, 256, 256, 256, 256, 256][:total]
    sides = {1: [14]}.get(total, [14] * (total - 1) + [7])
    x = torch.zeros(1, 3, 28, 28, device="meta")
    for block, width, side in zip(net.eval().blocks, channels, sides, strict=True):
        x = block(x)
        assert x.shape == (1, width, side, side)
    assert (net.head.in_features, net.head.out_features) == (channels[-1], 7)


def test_width_scales_every_channel_and_rounds() -> None:
    net = init_network(2, 1, (1, 8, 8), 3, width=0.3)
    # 32, 64, 128 times 0.3 are 9.6, 19.2, 38.4.
    assert [b.conv.out_channels for b in net.blocks[:2]] == [10, 19]
    assert net.blocks[2].conv_pw.out_channels == net.head.in_features == 38
    assert init_network(1, 0, (1, 8, 8), 3, width=0.001).head.in_features == 1


# --- Answers and first weights ------------------------------------------------------------------


def test_logits_are_the_head_of_the_features() -> None:
    torch.manual_seed(0)
    net = init_network(1, 1, (1, 8, 8), 3, width=0.25).eval()
    x = torch.rand(2, 1, 8, 8)
    features = net.forward_features(x)
    torch.testing.assert_close(features, net.blocks(x).mean((2, 3)))
    torch.testing.assert_close(net(x), features @ net.head.weight.T + net.head.bias)
    torch.testing.assert_close(net.forward_head(features), net(x))


def test_first_weights_have_he_s_variance_of_a_filter_s_own_inputs() -> None:
    torch.manual_seed(0)
    net = init_network(2, 2, (1, 8, 8), 10)
    # 2 / fan_in: 9·32 inputs for a filter of the second block, 9 for a depthwise, 64 for a 1×1.
    for weight, fan_in in (
        (net.blocks[1].conv.weight, 9 * 32),
        (net.blocks[3].conv_dw.weight, 9),
        (net.blocks[2].conv_pw.weight, 64),
    ):
        assert weight.std().item() == pytest.approx((2 / fan_in) ** 0.5, rel=0.08)


# --- Specifications -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "net, name",
    [
        (init_network(4, 0, (1, 8, 8), 3), "standard"),
        (init_network(2, 2, (3, 8, 8), 3), "mobilenet"),
        (init_network(3, 2, (1, 8, 8), 3), "conv3_dw2"),
        (init_network(2, 2, (1, 8, 8), 3, width=0.5), "conv2_dw2_w0.5"),
        (on_meta(mobilenet_v1), "mobilenet_v1"),
        (on_meta(mobilenet_v1, width=0.25), "mobilenet_v1_w0.25"),
        (on_meta(mobilenet_v1, separable=False), "conv_mobilenet_v1"),
    ],
)
def test_a_network_knows_its_name(net: Network, name: str) -> None:
    assert net.layers.name == name


@pytest.mark.parametrize(
    "name, net",
    [
        ("standard", init_network(4, 0, (1, 28, 28), 10, 0.5)),
        ("mobilenet", init_network(2, 2, (1, 28, 28), 10, 0.5)),
        ("3+1", init_network(3, 1, (1, 28, 28), 10, 0.5)),
        ("mobilenet_v1", mobilenet_v1((1, 28, 28), 10, 0.5)),
    ],
)
def test_a_network_is_built_by_its_name(name: str, net: Network) -> None:
    assert named_network(name, (1, 28, 28), 10, 0.5).spec == net.spec


# --- Errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ((0, 0, (1, 28, 28), 10), "at least one block"),
        ((-1, 2, (1, 28, 28), 10), "conv_block_count is -1; expected 0 to 50"),
        ((51, 0, (1, 28, 28), 10), "conv_block_count is 51; expected 0 to 50"),
        ((0, 51, (1, 28, 28), 10), "mobilenet_block_count is 51; expected 0 to 50"),
        ((1, 1, (1, 28, 2000), 10), "at most 1024x1024"),
        ((1, 1, (1, 28, 28), 10, 1e308), "width is 1e+308; expected"),
        ((9, 9, (1, 28, 28), 10, 40.0), "at most 250,000,000 are built"),
        ((1, 1, (2, 28, 28), 10), "1 or 3 channels"),
        ((1, 1, (1, 7, 28), 10), "at least 8x8"),
        ((1, 1, (1, 28, 7), 10), "at least 8x8"),
        ((1, 1, (28, 28), 10), "expected (channels, height, width)"),
        ((1, 1, (1, 28, 28), 1), "num_classes is 1; expected 2 to 100000"),
        ((1, 1, (1, 28, 28), 10, 0.0), "width is 0.0; expected a positive"),
        ((1, 1, (1, 28, 28), 10, float("nan")), "width is nan; expected a positive"),
        ((1, 1, (1, 28, 28), 10, 1.0, "arc"), "head is 'arc'; expected one of linear, cosine"),
    ],
)
def test_impossible_networks_are_refused(arguments: tuple, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        init_network(*arguments)


@pytest.mark.parametrize("arguments", [((2, 32, 32), 10), ((3, 4, 4), 10), ((3, 32, 32), 0)])
def test_impossible_mobilenets_are_refused(arguments: tuple) -> None:
    with pytest.raises(ValueError, match="expected"):
        mobilenet_v1(*arguments)


@pytest.mark.parametrize("name", ["", "resnet", "3", "1+1+1", "a+b", "2+-1"])
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"The network is {name!r}; expected standard")):
        named_network(name, (1, 28, 28), 10)


@pytest.mark.parametrize(
    "spec, sentence",
    [
        ({}, "factory None is unknown"),
        ({"factory": "eval"}, "factory 'eval' is unknown"),
        ({"factory": "init_network", "depth": 3}, "do not fit"),
        ({"factory": "init_network"}, "do not fit"),
    ],
)
def test_unknown_specs_are_refused(spec: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Network(spec)


def test_a_cosine_head_is_part_of_the_spec_and_of_the_name() -> None:
    net = init_network(2, 2, (1, 28, 28), 10, head="cosine")
    assert net.head.bias is None
    assert net.layers.name == "conv2_dw2_cosine"
    assert Network(net.spec).spec == net.spec
    assert "head" not in init_network(2, 2, (1, 28, 28), 10).spec
