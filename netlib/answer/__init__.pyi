from .predictor import Prediction as Prediction
from .predictor import Predictor as Predictor
from .predictor import named as named
from .reader import Reader as Reader
from .reading import Reading as Reading
