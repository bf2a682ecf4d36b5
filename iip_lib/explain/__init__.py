"""Questions to a finished network, tensors in, tensors out: one file each, and a line here.

Each function borrows the network. Inside, all its parts are in evaluation mode; afterwards, also
after an error, it is as it was: the mode of each part, hooks, gradients and random numbers.
"""

from .activation_maximization import activation_maximization as activation_maximization
from .cam import cam as cam
from .grad_cam import grad_cam as grad_cam
from .lime import lime as lime
from .occlusion import occlusion as occlusion
from .record import record as record
from .rise import rise as rise
