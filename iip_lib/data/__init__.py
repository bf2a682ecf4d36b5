"""Pictures, as tensors: one noun a file, and a line for each here."""

from .batches import Loaders as Loaders
from .batches import collate as collate
from .batches import loaders as loaders
from .folders import FolderDataset as FolderDataset
from .photos import photo as photo
from .pictures import read_image as read_image
from .shapes import ShapesDataset as ShapesDataset
from .textures import TexturesDataset as TexturesDataset
from .uploads import upload_image as upload_image
