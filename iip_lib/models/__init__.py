"""Networks: one file a paper, and a line for each here."""

from .lenet import LeNet as LeNet
