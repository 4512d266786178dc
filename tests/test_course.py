"""The assignment's own lines, as a student writes them, and the forms in which students have data.

The modules are imported, not `test`: pytest would collect it.
"""

import logging
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from analysis.visualize import visualize
from netlib import nets, training
from netlib.nets import init_network, read_metadata
from netlib.training import TrainConfig, train

STUDENT = """
from analysis.visualize import visualize
from netlib import DigitDataset, init_network, load_network, save_network, test, train

train_set = DigitDataset(dataset_path, "train")
test_set = DigitDataset(dataset_path, "test")
train_set_x, train_set_y = train_set.images[10:], train_set.labels[10:]
valid_set_x, valid_set_y = train_set.images[:10], train_set.labels[:10]
test_set_x, test_set_y = test_set.images, test_set.labels
learning_rate = 0.001
training_epochs = 1
loss_func = torch.nn.CrossEntropyLoss()

net = init_network(1, 1, (1, 28, 28), 10)
optimizer = torch.optim.Adam(net.parameters(), lr=learning_rate)
net = train(net, train_set_x, train_set_y, valid_set_x, valid_set_y, learning_rate, training_epochs, loss_func, optimizer)
pred = test(net, None, test_set_x, test_set_y)

figures = visualize(net, net.history, test_set_x, test_set_y, folder / "figures")
model = save_network(net, folder / "mobilenet.safetensors")
net = load_network(model)
pred_again = test(net, model, test_set_x, test_set_y)
net = train(net=net, train_set_x=train_set_x, train_set_y=train_set_y, valid_set_x=valid_set_x,
            valid_set_y=valid_set_y, learning_rate=learning_rate, training_epochs=training_epochs,
            loss_func="cross_entropy", optimizer="Adam")
pred_last = test(net=net, model=net, test_set_x=test_set_x, test_set_y=test_set_y)
"""  # noqa: E501 - as the assignment has it

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (8, 8, 8)).astype(np.uint8)
IMAGES[0, 0, :2] = 0, 255  # the whole range
LABELS = np.arange(8) % 3
CPU = TrainConfig(device="cpu", batch_size=8)


def tiny(head: str = "linear") -> nets.Network:
    torch.manual_seed(0)
    return init_network(1, 0, (1, 8, 8), 3, width=0.25, head=head)


def trained(loss: object = "cross_entropy", optimizer: object = "sgd", **options) -> nets.Network:
    net = options.pop("net", None) or tiny()
    return train(net, IMAGES, LABELS, IMAGES, LABELS, 0.01, 1, loss, optimizer, CPU, **options)


def test_a_student_s_script_of_the_assignment_s_lines_runs(digit_folder, tmp_path: Path) -> None:
    found = {"dataset_path": digit_folder(train=4, test=1), "folder": tmp_path, "torch": torch}
    exec(STUDENT, found)
    assert found["pred"].shape == (10,)
    assert torch.equal(found["pred"], found["pred_again"])
    assert [row["epoch"] for row in found["net"].history] == [1]
    assert found["net"].metadata["config"]["optimizer"] == "adam"
    assert "Adam" in read_metadata(found["model"])["optimizer"]  # kept without being handed over
    assert [path.stem for path in found["figures"]] == [
        "samples", "confusion_matrix", "scores", "right", "wrong", "loss", "accuracy",
    ]  # fmt: skip
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in found["figures"])


def test_names_of_classes_are_text_in_figures(tmp_path: Path) -> None:
    net = tiny()
    net.metadata["class_names"] = [r"$\frac{$", "<b>", "=1+1"]  # the first one is no formula
    assert len(visualize(net, [], IMAGES, LABELS, tmp_path)) == 5


# --- Optimizers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", " rmsprop", "Adadelta"])
def test_the_name_of_an_optimizer_may_be_in_any_case(name: str) -> None:
    assert trained(optimizer=name).metadata["config"]["optimizer"] == name.strip().lower()


def test_an_optimizer_keeps_its_rate_and_weight_decay_and_no_schedule_is_imposed(caplog) -> None:
    net = tiny()
    own = torch.optim.SGD(net.parameters(), lr=0.5, weight_decay=0.125)
    net = trained(optimizer=own, net=net)
    assert (own.param_groups[0]["lr"], own.param_groups[0]["weight_decay"]) == (0.5, 0.125)
    assert net.history[-1]["learning_rate"] == net.metadata["config"]["learning_rate"] == 0.5
    assert "weight_decay: 0.125" in net.metadata["optimizer"]
    assert "learning_rate is 0.01, but the optimizer has its own rate, 0.5" in caplog.text


@pytest.mark.parametrize(
    "optimizer, rate",
    [
        (torch.optim.Adam, 0.01),
        (partial(torch.optim.SGD, momentum=0.9), 0.01),
        (partial(torch.optim.SGD, lr=0.25), 0.25),
        (lambda parameters, lr: torch.optim.Adagrad(parameters, lr=lr), 0.01),
    ],
    ids=["class", "partial", "partial with a rate", "function"],
)
def test_classes_partials_and_functions_make_an_optimizer(optimizer: object, rate: float) -> None:
    assert trained(optimizer=optimizer).history[-1]["learning_rate"] == rate


# --- Losses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "loss",
    [
        "Cross-Entropy",
        "CrossEntropyLoss",
        nn.CrossEntropyLoss,
        nn.CrossEntropyLoss(weight=torch.tensor(np.array([1.0, 2.0, 3.0]))),
        lambda logits, labels: nn.MSELoss()(logits, nn.functional.one_hot(labels, 3).float()),
    ],
    ids=["name", "name of the class", "class", "weights", "function"],
)
def test_losses_are_names_classes_modules_and_functions(loss: object) -> None:
    assert np.isfinite(trained(loss).history[-1]["train_loss"])


@pytest.mark.parametrize(
    "option, value, sentence",
    [
        ("optimizer", torch.optim.SGD([torch.zeros(1)], lr=0.1), "holds no parameter of net"),
        ("optimizer", torch.optim.LBFGS, "needs no closure"),
        ("optimizer", None, "expected one of sgd"),
        ("optimizer", "lion", "expected one of sgd"),
        ("loss", nn.MSELoss(), "one-hot labels, wrap it in a function, or take the name mse"),
        ("loss", nn.BCEWithLogitsLoss(), "one-hot labels"),
        ("loss", nn.NLLLoss(), "take nn.CrossEntropyLoss"),
        ("loss", nn.functional.nll_loss, "take nn.CrossEntropyLoss"),
        ("loss", torch.optim.Adam, "Adam fails"),
        ("loss", lambda logits, labels: 1 / 0, "fails"),
        ("loss", nn.CrossEntropyLoss(weight=torch.ones(2)), "CrossEntropyLoss fails"),
        ("loss", nn.CrossEntropyLoss(reduction="none"), "must give a scalar"),
        ("loss", lambda logits, labels: 0.0, "gives float"),
        ("loss", "hinge", "loss is 'hinge'; expected one of"),
        ("loss", "ldam_drw", "needs a network with head='cosine'"),
    ],
)
def test_what_does_not_fit_the_network_says_what_it_needs(option, value, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        trained(**{option: value})


def test_a_loss_with_margins_trains_a_cosine_head() -> None:
    assert trained("ldam_drw", net=tiny("cosine")).history


# --- Images and labels ----------------------------------------------------------------------------


IMAGE_FORMS = {
    "list": IMAGES.tolist(),
    "channel": IMAGES[:, None],
    "tensors": [torch.from_numpy(image)[None] for image in IMAGES],
    "int64": IMAGES.astype(np.int64),
    "0 to 255": IMAGES.astype(np.float64),
    "big-endian": IMAGES.astype(">u2"),
    "uint64": IMAGES.astype(np.uint64),
    "0 to 1": torch.from_numpy(IMAGES).float() / 255,
    "floats": (IMAGES / 255).tolist(),
    "strides": IMAGES[:, ::-1][:, ::-1],
}


@pytest.mark.parametrize("images", IMAGE_FORMS.values(), ids=IMAGE_FORMS)
def test_images_of_every_usual_form_are_the_same_images(images: object) -> None:
    net = trained()
    expected = training.test(net, None, IMAGES, LABELS)
    assert torch.equal(training.test(net, None, images, LABELS), expected)


def test_the_range_of_pixels_is_found_or_told_by_normalise(caplog) -> None:
    net, binary = tiny(), np.uint8(IMAGES > 127)
    expected = training.test(net, None, binary.astype(float), LABELS)
    assert torch.equal(training.test(net, None, binary, LABELS), expected)
    images = (torch.from_numpy(IMAGES) / 255 - 0.1307) / 0.3081
    with torch.no_grad():
        expected = net.eval()(images[:, None]).argmax(1)
    assert torch.equal(training.test(net, None, images, LABELS), expected)
    assert "taken as standardised" in caplog.text
    expected = training.test(net, None, IMAGES, LABELS)
    sixteenths = np.float64(IMAGES) / 255 * 16
    assert torch.equal(training.test(net, None, sixteenths, LABELS, normalise=16), expected)
    floats = np.float64(IMAGES) / 255
    assert torch.equal(training.test(net, None, floats, LABELS, normalise="none"), expected)
    for wrong in ("z", None, (0.1307, 0.3081), 0):
        with pytest.raises(ValueError, match="expected auto, none or a positive number"):
            training.test(net, None, floats, LABELS, normalise=wrong)


@pytest.mark.parametrize(
    "labels",
    [LABELS.tolist(), LABELS.astype(float), LABELS[:, None], np.eye(3)[LABELS], np.uint64(LABELS)],
    ids=["list", "floats", "column", "one-hot", "uint64"],
)
def test_labels_of_every_usual_form_are_the_same_labels(labels: object, caplog) -> None:
    caplog.set_level(logging.INFO)
    training.test(tiny(), None, IMAGES, LABELS)
    training.test(tiny(), None, IMAGES, labels)
    first, second = (text for text in caplog.messages if text.startswith("accuracy"))
    assert first == second


def test_read_only_arrays_warn_of_nothing() -> None:
    images, labels = IMAGES.copy(), LABELS.copy()
    images.flags.writeable = labels.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(tiny(), images, labels, images, labels, 0.01, 1, config=CPU)


@pytest.mark.parametrize("saved", [False, True])
def test_a_network_takes_the_weights_of_another_of_its_kind(tmp_path: Path, saved: bool) -> None:
    net, other = tiny(), trained()
    model = nets.save_network(other, tmp_path / "other.safetensors") if saved else other
    training.test(net, model, IMAGES, LABELS)
    assert torch.equal(net.head.weight, other.head.weight)
    bigger = init_network(1, 1, (1, 8, 8), 3)
    before = bigger.head.weight.clone()
    with pytest.raises(nets.CheckpointError, match="the same architecture"):
        training.test(bigger, model, IMAGES, LABELS)
    assert torch.equal(bigger.head.weight, before)


def test_what_cannot_be_trained_or_loaded_is_told(tmp_path: Path) -> None:
    net = tiny()
    with pytest.raises(FileNotFoundError, match="There is no checkpoint"):
        training.test(net, tmp_path / "nowhere.safetensors", IMAGES, LABELS)
    with pytest.raises(ValueError, match="model is a OrderedDict; expected a checkpoint's path"):
        training.test(net, net.state_dict(), IMAGES, LABELS)
    with pytest.raises(ValueError, match="net is a Linear; expected a network of init_network"):
        trained(net=nn.Linear(64, 3))
    with pytest.raises(training.TrainingError, match="two training images"):
        train(tiny(), IMAGES[:1], LABELS[:1], IMAGES, LABELS, 0.01, 1, config=CPU)
