__version__: str

from .data import DigitData as DigitData
from .data import DigitDataset as DigitDataset
from .nets import ConvBlock as ConvBlock
from .nets import ConvDw as ConvDw
from .nets import Network as Network
from .nets import init_network as init_network
from .nets import load_network as load_network
from .nets import mobilenet_v1 as mobilenet_v1
from .nets import save_network as save_network
from .training import TrainConfig as TrainConfig
from .training import test as test
from .training import train as train
