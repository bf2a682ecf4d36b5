"""Image processing by deep learning: the library behind the book.

The rooms, by what a line of code does; in each, one file a noun:

- ``data``: it reads or draws a picture, or makes a batch.
- ``explain``: it asks a finished model a question: tensors in, tensors out.
- ``models``: it has weights; one file a paper.
- ``ops``: it is written out to be read; a faster twin stands in a library.
- ``train``: it learns, or settles how much work this machine is given.
- ``viz``: it draws a figure (the only room that knows matplotlib).

A name is imported from its room: ``from iip_lib.ops import conv2d``.
"""

__version__ = "0.1.0"
