"""Figures: each function takes tensors and returns a `Figure`; one noun a file, a line for each here.

The figure is closed in pyplot, so that it is seen once, as the last expression of a cell.
No function writes a word of its own: words are arguments, for they are translated.

All have the house's look, which ``plt.style.use("iip_lib.house")`` gives to other figures as well.
Where text is light, as after ``plt.style.use(["iip_lib.house", "iip_lib.house_dark"])``, the page
is dark, and they are drawn for it.
"""

from .boxes import show_boxes as show_boxes
from .confusion import show_confusion_matrix as show_confusion_matrix
from .decision import plot_decision_boundary as plot_decision_boundary
from .filters import show_filters as show_filters
from .history import plot_history as plot_history
from .images import show_images as show_images
from .keypoints import show_keypoints as show_keypoints
from .maps import show_feature_maps as show_feature_maps
from .masks import show_masks as show_masks
from .numbers import show_numbers as show_numbers
from .overlays import show_overlay as show_overlay
