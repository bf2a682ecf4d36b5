"""Image processing by deep learning: the library behind the book.

The rooms, by what a line of code does:

- ``data``: it reads or draws a picture, or makes a batch; one file a noun.
- ``explain``: it asks a finished model a question: tensors in, tensors out.
- ``models``: it has weights; one file a paper.
- ``ops``: it is written out to be read; a faster twin stands in a library; one file a noun.
- ``train``: it learns, or settles how much work this machine is given.
- ``viz``: it draws a figure (the only room that knows matplotlib); one file a noun.

A name is imported from its room: ``from iip_lib.ops import conv2d``.
"""

__version__ = "0.1.0"
