"""How a network is trained: one frozen, validated object, stored with every result."""

from dataclasses import asdict, dataclass
from numbers import Real
from typing import TYPE_CHECKING, Literal, get_args, get_origin, get_type_hints

from netlib.training.losses import LOSSES

if TYPE_CHECKING:
    LossName = str
else:  # the names of files: the command line offers what there is
    LossName = Literal[LOSSES]
OptimizerName = Literal["sgd", "adam", "adamw", "rmsprop", "adadelta"]
ScheduleName = Literal["constant", "cosine", "onecycle"]
Precision = Literal["auto", "float32", "bfloat16"]


def _check(valid: bool, name: str, got: object, expected: str) -> None:
    if not valid:
        raise ValueError(f"{name} is {got}; expected {expected}.")


@dataclass(frozen=True)
class AugmentConfig:
    """Ranges of the random changes made to each training image; 0 switches a change off."""

    rotation: float = 0.0  # degrees, uniform in ±rotation
    scale: float = 0.0  # uniform in 1 ± scale, both axes together
    stretch: float = 0.0  # uniform in ±stretch; widens and flattens, or the reverse
    shear: float = 0.0  # tangent of the slant, uniform in ±shear
    shift: float = 0.0  # pixels, uniform in ±shift for each axis
    # Pixels: standard deviation of the control points of a smooth random displacement field
    elastic: float = 0.0  # (Simard et al. 2003, section 2)
    thickness: float = 0.0  # largest share of a 3x3 dilation or erosion that is mixed in
    contrast: float = 0.0  # ink is multiplied by uniform 1 ± contrast and clipped
    blur: float = 0.0  # largest share of a 3x3 Gaussian blur that is mixed in
    erase: float = 0.0  # probability that a random patch is wiped out (Zhong et al. 2020)
    erase_size: int = 6  # side of that patch, pixels

    def __post_init__(self) -> None:
        """Reject values out of range."""
        for name, value in asdict(self).items():
            _check(value >= 0, name, value, "0 or more")
        for name in ("stretch", "thickness", "contrast", "blur", "erase"):
            value = getattr(self, name)
            _check(value <= 1, name, value, "at most 1")
        _check(self.scale < 1, "scale", self.scale, "below 1 (1 shrinks to nothing)")


AUGMENTATIONS: dict[str, AugmentConfig] = {
    "none": AugmentConfig(),
    "mild": AugmentConfig(rotation=10, scale=0.1, shear=0.1, shift=1.5, elastic=0.5),
    "strong": AugmentConfig(
        rotation=15,
        scale=0.15,
        stretch=0.1,
        shear=0.2,
        shift=2,
        elastic=0.8,
        thickness=0.6,
        contrast=0.2,
        blur=0.5,
        erase=0.1,
    ),
}


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a training run, data and architecture aside.

    It is the training part of the command lines, too: a field is a flag of `analysis.main` and of
    `analysis.sweep` (and a factor there), its annotation the choices, its line below the help.

    Attributes:
        learning_rate: peak of the schedule.
        training_epochs: passes over the training set.
        batch_size: images in a step.
        loss: name of a file in netlib/training/losses.
        optimizer: with its usual options.
        weight_decay: on weights of two or more dimensions; batch norm and biases have none.
        decay_depthwise: decay depthwise filters, too.
        schedule: "constant", "cosine" to 0, or "onecycle": linear warm-up, then cosine to 0.
        warmup: share of the steps that "onecycle" warms up.
        ema: decay of the weights' exponential moving average, 0 for none; it rises to this value
            over the first updates. Where it is on, the averaged weights are what is validated and
            returned.
        augment: changes made to training images.
        clean_epochs: the last of them, whose images are not changed.
        teachers: checkpoints whose softened answers, on average, are learned in place of the
            labels, each from the same changed image (Beyer et al. 2022).
        patience: epochs without a better validation score before an early stop, 0 for never.
        seed: of weights, data order and augmentation.
        precision: of convolutions and matrix products in training; weights stay float32. "auto"
            takes bfloat16 where the processor has units for it and a trial finds it faster, and
            the record of the run says which it was.
        channels_last: memory layout of images and filters.
        device: "auto" takes CUDA, then MPS, then the CPU.
    """

    learning_rate: float = 0.01
    training_epochs: int = 10
    batch_size: int = 128
    loss: LossName = "cross_entropy"
    optimizer: OptimizerName = "adamw"
    weight_decay: float = 0.01
    decay_depthwise: bool = True
    schedule: ScheduleName = "onecycle"
    warmup: float = 0.2
    ema: float = 0.0
    augment: AugmentConfig = AUGMENTATIONS["none"]
    clean_epochs: int = 0
    teachers: tuple[str, ...] = ()
    patience: int = 0
    seed: int = 0
    precision: Precision = "auto"
    channels_last: bool = True
    device: str = "auto"

    def __post_init__(self) -> None:
        """Reject values out of range."""
        for name, kind in get_type_hints(type(self)).items():
            value = getattr(self, name)
            if get_origin(kind) is Literal:
                known = get_args(kind)
                _check(value in known, name, repr(value), f"one of {', '.join(known)}")
            elif kind is float:
                _check(isinstance(value, Real), name, repr(value), "a number")
            elif kind is int:
                whole = isinstance(value, Real) and float(value).is_integer()
                _check(whole, name, repr(value), "a whole number")
        _check(self.learning_rate > 0, "learning_rate", self.learning_rate, "a positive number")
        _check(self.training_epochs >= 1, "training_epochs", self.training_epochs, "1 or more")
        _check(self.batch_size >= 2, "batch_size", self.batch_size, "2 or more (batch norm)")
        _check(self.weight_decay >= 0, "weight_decay", self.weight_decay, "0 or more")
        _check(0 < self.warmup < 1, "warmup", self.warmup, "a share between 0 and 1")
        _check(0 <= self.ema < 1, "ema", self.ema, "a decay from 0 to below 1")
        _check(self.clean_epochs >= 0, "clean_epochs", self.clean_epochs, "0 or more")
        plain = not self.teachers or self.loss == "cross_entropy"
        _check(plain, "loss", repr(self.loss), "cross_entropy where teachers are named")
        _check(self.patience >= 0, "patience", self.patience, "0 or more")
        _check(0 <= self.seed < 2**32, "seed", self.seed, "0 to 2^32 - 1")
