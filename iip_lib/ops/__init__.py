"""Operators written out: read them here, use those of torch and torchvision.

One noun a file, and a line for each name here. They are slow on purpose: loops instead of tricks.
Each takes arguments of its twin, in the twin's order or by name, and gives equal numbers.
"""

from .boxes import box_iou as box_iou
from .boxes import nms as nms
from .convolution import conv2d as conv2d
from .convolution import conv_transpose2d as conv_transpose2d
from .losses import cross_entropy as cross_entropy
from .normalization import batch_norm2d as batch_norm2d
from .pooling import avg_pool2d as avg_pool2d
from .pooling import max_pool2d as max_pool2d
from .resampling import affine_grid as affine_grid
from .resampling import grid_sample as grid_sample
from .resampling import resize_bilinear as resize_bilinear
