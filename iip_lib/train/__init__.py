"""Networks learn here: the loop, what it remembers, and how much work this machine is given."""

from .checkpoint import Checkpoint as Checkpoint
from .history import History as History
from .loop import evaluate as evaluate
from .loop import fit as fit
from .loop import train_one_epoch as train_one_epoch
from .machine import fast_precision as fast_precision
from .machine import per_device as per_device
