"""Pictures, as tensors: one noun a file, and a line for each here."""

from .photos import photo as photo
from .pictures import read_image as read_image
from .shapes import ShapesDataset as ShapesDataset
