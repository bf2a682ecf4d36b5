"""Operators written out: read them here, use those of torch and torchvision.

One noun a file, and a line for each name here. They are slow on purpose: loops instead of tricks.
Each takes the arguments of its twin, in the twin's order, and gives equal numbers.
"""

from .convolution import affine_grid as affine_grid
from .convolution import avg_pool2d as avg_pool2d
from .convolution import batch_norm2d as batch_norm2d
from .convolution import box_iou as box_iou
from .convolution import conv2d as conv2d
from .convolution import conv_transpose2d as conv_transpose2d
from .convolution import cross_entropy as cross_entropy
from .convolution import grid_sample as grid_sample
from .convolution import max_pool2d as max_pool2d
from .convolution import nms as nms
from .convolution import resize_bilinear as resize_bilinear
