"""The configuration: validated, frozen, complete as a dictionary, and the flags of a command."""

from dataclasses import asdict, fields
from typing import get_args, get_type_hints

import pytest

from netlib.training.config import AUGMENTATIONS, AugmentConfig, OptimizerName, TrainConfig
from netlib.training.loop import OPTIMIZERS
from netlib.training.losses import LOSSES


def test_a_dictionary_holds_every_field_and_names_are_those_of_the_code() -> None:
    values = asdict(TrainConfig())
    assert set(values) == {f.name for f in fields(TrainConfig)}
    assert set(values["augment"]) == {f.name for f in fields(AugmentConfig)}
    assert set(get_args(get_type_hints(TrainConfig)["loss"])) == set(LOSSES)
    assert set(get_args(OptimizerName)) == set(OPTIMIZERS)
    off = [name for name, config in AUGMENTATIONS.items() if config == AugmentConfig()]
    assert off == ["none"]


OUT_OF_RANGE = {
    "learning_rate": (0, float("nan"), "0.1"),
    "training_epochs": (0, 1.5),
    "seed": (float("inf"), -1),
    "batch_size": (1,),
    "weight_decay": (-0.1,),
    "warmup": (0, 1),
    "ema": (1, -0.1),
    **dict.fromkeys(("patience", "clean_epochs", "rotation", "erase_size"), (-1,)),
    "loss": ("hinge",),
    "optimizer": ("lbfgs",),
    "schedule": ("step",),
    "precision": ("float16",),
    "shift": (float("nan"),),
    "erase": (1.1,),
    "blur": (2,),
    "scale": (1,),  # it would shrink to nothing
}


@pytest.mark.parametrize("field, value", [(k, v) for k in OUT_OF_RANGE for v in OUT_OF_RANGE[k]])
def test_values_out_of_range_are_refused_by_name(field: str, value: object) -> None:
    kind = AugmentConfig if field in vars(AugmentConfig()) else TrainConfig
    with pytest.raises(ValueError, match=f"^{field} is .*; expected "):
        kind(**{field: value})
