"""Networks: one file a paper, and a line for each here."""

from .alexnet import AlexNet as AlexNet
from .autoencoder import AutoEncoder as AutoEncoder
from .efficientnet import EfficientNet as EfficientNet
from .efficientnet import MBConv as MBConv
from .efficientnet import SqueezeExcitation as SqueezeExcitation
from .efficientnet import StochasticDepth as StochasticDepth
from .efficientnet import efficientnet_b0 as efficientnet_b0
from .googlenet import GoogLeNet as GoogLeNet
from .googlenet import Inception as Inception
from .googlenet import InceptionAux as InceptionAux
from .lenet import LeNet as LeNet
from .mobilenet import InvertedResidual as InvertedResidual
from .mobilenet import MobileNetV2 as MobileNetV2
from .resnet import BasicBlock as BasicBlock
from .resnet import Bottleneck as Bottleneck
from .resnet import ResNet as ResNet
from .resnet import resnet18 as resnet18
from .resnet import resnet34 as resnet34
from .resnet import resnet50 as resnet50
from .resnet import resnet_small as resnet_small
from .unet import UNet as UNet
from .vgg import VGG as VGG
from .vgg import vgg11 as vgg11
from .vgg import vgg16 as vgg16
from .vgg import vgg19 as vgg19
