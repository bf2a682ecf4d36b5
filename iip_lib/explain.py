"""Questions to a finished network: tensors in, tensors out.

Each function borrows the network. Inside, all its parts are in evaluation mode; afterwards, also
after an error, it is as it was: the mode of each part, hooks, gradients and random numbers.
"""

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

__all__ = ["activation_maximization", "cam", "grad_cam", "lime", "occlusion", "record", "rise"]


@contextmanager
def record(model: nn.Module, *layers: str) -> Iterator[dict[str, Tensor]]:
    """What layers give, while the network runs: feature maps, for instance.

    Inside the block, the network is in evaluation mode, and each run of it fills the dict.
    Afterwards, each part is in the mode in which it came, and the hooks are gone.

    Args:
        model: the network.
        layers: names from ``model.named_modules()``, such as ``"features.0"``; the name ``""``
            is the network itself.

    Returns:
        A context manager; ``as`` names a dict from the name of a layer to its last output. An
        output is kept as it is, also where the next layer works in place, and gradients flow
        through it; run the network under ``torch.no_grad()`` where you need none.

    Raises:
        TypeError: a layer is given as a module, or a layer's output is no tensor.
        ValueError: no layer is named, or the network has none of that name.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, kernel_size=3), nn.ReLU())
        >>> with record(model, "0", "1") as outputs:
        ...     y = model(torch.rand(2, 3, 16, 16))
        >>> outputs["0"].shape
        torch.Size([2, 8, 14, 14])
        >>> torch.equal(outputs["1"], y)
        True

    Source:
        Zeiler, Fergus: Visualizing and understanding convolutional networks, 2014,
        https://arxiv.org/abs/1311.2901

    Taught in: book/looking_inside/filters_and_feature_maps.md
    """
    if not layers:
        raise ValueError(
            "no layer is named, but at least one is needed: "
            "try record(model, name) with a name from model.named_modules()"
        )
    parts = {layer: _part(model, layer) for layer in layers}
    outputs: dict[str, Tensor] = {}
    with ExitStack() as stack:
        stack.enter_context(_evaluating(model))
        for layer, part in parts.items():
            handle = part.register_forward_hook(_keep(outputs, layer))
            stack.callback(handle.remove)
        yield outputs


def cam(features: Tensor, weight: Tensor, target: Tensor | int) -> Tensor:
    """Class activation map: the last feature maps, summed with the weights of one class.

    map[n, i, j] = sum over c of weight[target[n], c] * features[n, c, i, j]

    It explains networks that end in global average pooling and one fully connected layer. There,
    the mean of the map, plus the bias of the class, is the logit.

    Args:
        features: (N, C, h, w), what the average pooling is given.
        weight: (K, C), the weight of the fully connected layer.
        target: the classes, (N,) whole numbers in 0 … K−1, or one for all pictures.

    Returns:
        (N, h, w): positive where the picture speaks for the class, negative where against.

    Raises:
        TypeError: the classes are no whole numbers.
        ValueError: the shapes do not fit one another, or there is no such class.

    Example:
        >>> features, layer = torch.rand(2, 8, 7, 7), nn.Linear(8, 10)
        >>> maps = cam(features, layer.weight, torch.tensor([3, 5]))
        >>> maps.shape
        torch.Size([2, 7, 7])
        >>> logits = layer(features.mean(dim=(2, 3)))
        >>> torch.allclose(maps[0].mean() + layer.bias[3], logits[0, 3], atol=1e-6)
        True

    Source:
        Zhou, Khosla, Lapedriza, Oliva, Torralba: Learning deep features for discriminative
        localization, 2016, https://arxiv.org/abs/1512.04150, eq. 2. There it is the sum of the
        map that is the logit, for the pooling sums; here, as in torch, it is the mean.

    Taught in: book/looking_inside/cam.md
    """
    if features.ndim != 4:
        raise ValueError(
            f"the features have shape {tuple(features.shape)}, but (N, C, h, w) is needed: give "
            f"the feature maps before the pooling, for a single picture as features[None]"
        )
    if weight.ndim != 2 or weight.shape[1] != features.shape[1]:
        raise ValueError(
            f"the weight has shape {tuple(weight.shape)}, but (K, {features.shape[1]}) is needed "
            f"for {features.shape[1]} feature maps: give the weight of the fully connected layer "
            f"that follows the pooling of these maps"
        )
    target = _classes(target, len(features), len(weight)).to(weight.device)
    return torch.einsum("nc,nchw->nhw", weight[target], features).detach()


def grad_cam(model: nn.Module, images: Tensor, layer: str, target: Tensor | int) -> Tensor:
    """Grad-CAM: where in a layer's feature maps the logit of a class comes from.

    map = relu(sum over c of alpha[c] * A[c]),
    alpha[c] = mean over i, j of d logit / d A[c, i, j]

    A are the feature maps of the layer. Where the network ends in global average pooling and one
    fully connected layer, the map of its last feature maps is relu(cam) / (h * w).

    Args:
        model: the network; it gives logits (N, K).
        images: (N, C, H, W), prepared as for the network.
        layer: a name from ``model.named_modules()``, mostly that of the last convolution.
        target: the classes, (N,) whole numbers in 0 … K−1, or one for all pictures.

    Returns:
        (N, h, w), at the layer's resolution, at least 0 and not normalized.

    Raises:
        TypeError: the pictures are no tensor of floating point numbers, the layer is given as a
            module, or the classes are no whole numbers.
        ValueError: a shape does not fit, there is no such layer or class, or the logit does not
            depend on the layer.

    Example:
        >>> model = nn.Sequential(
        ...     nn.Conv2d(3, 8, kernel_size=3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 14 * 14, 10)
        ... )
        >>> maps = grad_cam(model, torch.rand(2, 3, 16, 16), "1", target=4)
        >>> maps.shape, bool((maps >= 0).all())
        (torch.Size([2, 14, 14]), True)

    Source:
        Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra: Grad-CAM, 2017,
        https://arxiv.org/abs/1610.02391, eq. 1 and 2

    Taught in: book/looking_inside/grad_cam.md
    """
    _check_images(images)
    # The pictures ask for a gradient, so that there is one where all parameters are frozen; the
    # clone lets a first layer work in place.
    images = images.detach().requires_grad_()
    with _random_kept(images), torch.enable_grad(), record(model, layer) as outputs:
        score = _logits_of(model(images.clone()), target).sum()  # each map depends on its own
    maps = _maps(outputs, layer)  # (N, c, h, w)
    gradient = None
    if score.requires_grad:
        (gradient,) = torch.autograd.grad(score, maps, allow_unused=True)
    if gradient is None:
        raise ValueError(
            f"the logit does not depend on layer {layer!r}, but a layer on its way is needed: "
            f"choose one between the pictures and the logits"
        )
    alpha = gradient.mean(dim=(2, 3))  # (N, c)
    return torch.einsum("nc,nchw->nhw", alpha, maps.detach()).relu()


def occlusion(
    model: nn.Module,
    images: Tensor,
    target: Tensor | int,
    *,
    window: int | tuple[int, int],
    stride: int | tuple[int, int],
    baseline: float = 0.0,
    batch_size: int = 64,
) -> Tensor:
    """Occlusion: how much of a class's logit goes when a window of the picture is covered.

    map[i, j] = mean of (logit - logit with this window covered)
    over all windows that cover pixel (i, j)

    The windows start in the upper left corner, `stride` pixels apart; those that reach over the
    right or lower edge are cut there.

    Args:
        model: the network; it gives logits (N, K).
        images: (N, C, H, W), prepared as for the network.
        target: the classes, (N,) whole numbers in 0 … K−1, or one for all pictures.
        window: its height and width in pixels, or one number for both; at most those of the
            picture.
        stride: from window to window, down and right, or one number for both; at most `window`,
            so that no pixel is left out.
        baseline: the value that covers; 0 is the mean colour where pictures are normalized.
        batch_size: how many covered pictures the network is shown at a time.

    Returns:
        (N, H, W): positive where the picture speaks for the class.

    Raises:
        TypeError: the pictures are no tensor of floating point numbers, or the classes are no
            whole numbers.
        ValueError: a shape does not fit, there is no such class, or `window`, `stride` or
            `batch_size` is no number as described.

    Example:
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 10))
        >>> occlusion(model, torch.rand(2, 3, 16, 16), target=4, window=4, stride=2).shape
        torch.Size([2, 16, 16])

    Source:
        Zeiler, Fergus: Visualizing and understanding convolutional networks, 2014, section 4.2,
        https://arxiv.org/abs/1311.2901. There, a window's place has the class's probability;
        here, as in captum, a pixel has the mean drop of the logit.

    Taught in: book/looking_inside/occlusion_lime_rise.md
    """
    _check_images(images)
    _check_counts(batch_size=batch_size)
    rows, columns = (
        _windows(size, *pair, images.device)  # (windows, size)
        for size, *pair in zip(images.shape[2:], _pair(window), _pair(stride), strict=True)
    )
    places = torch.cartesian_prod(torch.arange(len(rows)), torch.arange(len(columns)))
    drops = []
    with _asking(model, images):
        score = _logits_of(_in_batches(model, images, batch_size), target)  # (N,)
        for place in places.split(_share(batch_size, images)):
            covered = rows[place[:, 0], :, None] & columns[place[:, 1], None, :]  # (b, H, W)
            changed = torch.where(covered[:, None, None], baseline, images)  # (b, N, C, H, W)
            drops.append(score - _scores(model, changed, target, batch_size))  # (b, N)
    drop = torch.cat(drops).view(len(rows), len(columns), len(images))
    rows, columns = rows.to(drop), columns.to(drop)
    count = rows.sum(dim=0)[:, None] * columns.sum(dim=0)  # (H, W), how many cover a pixel
    return torch.einsum("yxn,yh,xw->nhw", drop, rows, columns) / count


def lime(
    model: nn.Module,
    image: Tensor,
    target: int,
    segments: Tensor,
    *,
    samples: int = 500,
    baseline: float | None = None,
    kernel_width: float = 0.25,
    alpha: float = 1.0,
    batch_size: int = 64,
    seed: int = 0,
) -> Tensor:
    """LIME: a linear model, near one picture, of how its segments make the logit of a class.

    Segments are switched off at random, each with probability 1/2. Weighted ridge regression
    then finds the weight of each segment from z in {0, 1}^S (1: the segment is there):

    minimize sum over z of p(z) * (logit(z) - w · z - b)^2 + alpha * |w|^2,
    p(z) = exp(-d(z)^2 / (2 * kernel_width^2)), d(z) = 1 - sqrt(share of segments that are there)

    d is the cosine distance from z to the whole picture, (1, …, 1).

    Args:
        model: the network; it gives logits (N, K).
        image: (C, H, W), prepared as for the network.
        target: the class, in 0 … K−1.
        segments: (H, W) whole numbers from 0, such as ``skimage.segmentation.slic`` gives.
        samples: how many pictures with switched-off segments are shown, at least 1. The whole
            picture is shown besides.
        baseline: what a segment that is off is filled with; None for its own mean colour.
        kernel_width: from which distance on a sample counts little.
        alpha: how strongly the weights are drawn towards 0.
        batch_size: how many pictures the network is shown at a time.
        seed: of the random numbers.

    Returns:
        (S,) weights, S = segments.max() + 1; positive where a segment speaks for the class.
        ``weights[segments]`` is the map (H, W). A number that no segment has gets 0.

    Raises:
        TypeError: the picture is no tensor of floating point numbers, or the class or the
            segments are no whole numbers.
        ValueError: a shape does not fit, there is no such class, a segment's number is negative,
            or a number is not as described.

    Example:
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4, 10))
        >>> segments = torch.arange(4).repeat_interleave(4).view(4, 4)  # four rows
        >>> weights = lime(model, torch.rand(3, 4, 4), 7, segments)
        >>> weights.shape, weights[segments].shape
        (torch.Size([4]), torch.Size([4, 4]))

    Source:
        Ribeiro, Singh, Guestrin: "Why should I trust you?" Explaining the predictions of any
        classifier, 2016, https://arxiv.org/abs/1602.04938. The distance, the 2 in the exponent
        and the mean colour are those of the authors' code. They choose the few best segments
        first and explain probabilities; here all segments and the logit are taken.

    Taught in: book/looking_inside/occlusion_lime_rise.md
    """
    from sklearn.linear_model import Ridge

    if isinstance(image, Tensor) and image.ndim != 3:
        raise ValueError(
            f"the picture has shape {tuple(image.shape)}, but (C, H, W) is needed: "
            f"ask for one picture at a time, images[0]"
        )
    _check_images(image[None] if isinstance(image, Tensor) else image)
    _check_counts(samples=samples, batch_size=batch_size)
    if not (kernel_width > 0 and alpha >= 0):
        raise ValueError(
            f"kernel_width is {kernel_width} and alpha is {alpha}, but a number above 0 and one "
            f"of at least 0 are needed: try kernel_width=0.25, alpha=1.0"
        )
    segments = _segments(segments, image)
    labels, index = segments.unique(return_inverse=True)  # (s,), (H, W) in 0 … s−1
    generator = torch.Generator().manual_seed(seed)
    there = torch.rand(samples, len(labels), generator=generator) < 0.5
    there = torch.cat([torch.ones(1, len(labels), dtype=torch.bool), there]).to(image.device)
    hidden = _segment_means(image, index) if baseline is None else torch.full_like(image, baseline)
    scores = []
    with _asking(model, image):
        for z in there.split(batch_size):
            changed = torch.where(z[:, None, index], image, hidden)  # (b, C, H, W)
            scores.append(_logits_of(model(changed), target))
    there = there.cpu().double()
    distance = 1 - there.mean(dim=1).sqrt()
    near = torch.exp(-(distance**2) / (2 * kernel_width**2))  # (samples + 1,)
    scores = torch.cat(scores).cpu().double()
    ridge = Ridge(alpha=alpha)
    ridge.fit(there.numpy(), scores.numpy(), sample_weight=near.numpy())
    weights = image.new_zeros(int(labels[-1]) + 1)
    weights[labels] = torch.from_numpy(ridge.coef_).to(weights)
    return weights


def rise(
    model: nn.Module,
    images: Tensor,
    target: Tensor | int,
    *,
    samples: int = 1000,
    cells: int = 7,
    keep: float = 0.5,
    batch_size: int = 64,
    seed: int = 0,
) -> Tensor:
    """RISE: the mean of random masks, weighted by what the network makes of the masked picture.

    map = sum over the masks m of probability(m * image) * m / (samples * keep)

    A mask is a coarse random pattern of 0 and 1, smoothly enlarged and randomly shifted. The
    same masks serve all pictures.

    Args:
        model: the network; it gives logits (N, K), of which softmax makes probabilities.
        images: (N, C, H, W), prepared as for the network; where the mask is 0, they become 0.
        target: the classes, (N,) whole numbers in 0 … K−1, or one for all pictures.
        samples: how many masks; the noise of the map falls with their square root.
        cells: rows and columns of the pattern.
        keep: the probability that a cell stays, above 0 and at most 1.
        batch_size: how many masked pictures the network is shown at a time.
        seed: of the masks.

    Returns:
        (N, H, W), at least 0: about the mean probability of the pictures in which the pixel is
        to be seen.

    Raises:
        TypeError: the pictures are no tensor of floating point numbers, or the classes are no
            whole numbers.
        ValueError: a shape does not fit, there is no such class, or a number is not as described.

    Example:
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 10))
        >>> maps = rise(model, torch.rand(2, 3, 16, 16), target=4, samples=20)
        >>> maps.shape, bool((maps >= 0).all())
        (torch.Size([2, 16, 16]), True)

    Source:
        Petsiuk, Das, Saenko: RISE: randomized input sampling for explanation of black-box models,
        2018, https://arxiv.org/abs/1806.07421, eq. 6

    Taught in: book/looking_inside/occlusion_lime_rise.md
    """
    _check_images(images)
    _check_counts(samples=samples, cells=cells, batch_size=batch_size)
    if not 0 < keep <= 1:
        raise ValueError(
            f"keep is {keep}, but a probability above 0 and at most 1 is needed: try keep=0.5"
        )
    number, size = len(images), images.shape[2:]
    cell = [math.ceil(side / cells) for side in size]  # pixels
    generator = torch.Generator().manual_seed(seed)
    # One cell more than is seen, so that a shift by less than a cell leaves none empty.
    patterns = (torch.rand(samples, 1, cells + 1, cells + 1, generator=generator) < keep).to(images)
    shifts = [torch.randint(side, (samples,), generator=generator).tolist() for side in cell]
    maps = images.new_zeros(number, *size)
    with _asking(model, images):
        for some in torch.arange(samples).split(_share(batch_size, images)):
            masks = _enlarged(patterns[some.to(images.device)], cell)
            masks = torch.stack(
                [
                    mask[0, shifts[0][i] :, shifts[1][i] :][: size[0], : size[1]]
                    for i, mask in zip(some.tolist(), masks, strict=True)
                ]
            )  # (b, H, W)
            changed = masks[:, None, None] * images  # (b, N, C, H, W)
            score = _scores(model, changed, target, batch_size, softmax=True)  # (b, N)
            maps += torch.einsum("bn,bhw->nhw", score, masks)
    return maps / (samples * keep)


def activation_maximization(
    model: nn.Module,
    layer: str,
    channel: int,
    *,
    size: tuple[int, int, int],
    steps: int = 100,
    learning_rate: float = 0.05,
    l2: float = 0.0,
    total_variation: float = 0.0,
    limits: tuple[float, float] = (0.0, 1.0),
    seed: int = 0,
) -> Tensor:
    """A picture that a channel of a layer answers strongly to, found by climbing the gradient.

    maximize activation(x) - l2 * sum((x - grey)^2) - total_variation * sum(|differences|)

    The activation is the mean of the channel's feature map, or, in a layer without rows and
    columns, its one number: a class's logit, for instance. The differences are those of
    neighbouring pixels, to the right and below. Grey is the middle of `limits`. The climb starts
    from grey with a little noise; its steps are those of Adam.

    Args:
        model: the network.
        layer: a name from ``model.named_modules()``; ``""`` is the network itself, whose channels
            are the classes.
        channel: which channel of the layer's output, from 0.
        size: (C, H, W) of the picture.
        steps: how many steps, at least 1.
        learning_rate: how far a step goes, about, in each pixel.
        l2: how strongly pixels are drawn towards grey, at least 0.
        total_variation: how strongly neighbouring pixels are drawn together, at least 0.
        limits: the lowest and the highest value of a pixel, as the network is given it.
        seed: of the noise.

    Returns:
        (C, H, W) within `limits`.

    Raises:
        TypeError: the layer is given as a module, or its output is no tensor.
        ValueError: there is no such layer or channel, the layer does not depend on the picture,
            or a number is not as described.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, kernel_size=3), nn.ReLU())
        >>> image = activation_maximization(model, "0", 5, size=(3, 16, 16), steps=20)
        >>> image.shape, float(image.min()) >= 0, float(image.max()) <= 1
        (torch.Size([3, 16, 16]), True, True)

    Source:
        Simonyan, Vedaldi, Zisserman: Deep inside convolutional networks, 2013,
        https://arxiv.org/abs/1312.6034, section 2; the total variation is that of Mahendran,
        Vedaldi, 2014, https://arxiv.org/abs/1412.0035

    Taught in: book/looking_inside/activation_maximization.md
    """
    _check_counts(steps=steps)
    low, high = limits
    if not (low < high and learning_rate > 0 and l2 >= 0 and total_variation >= 0):
        raise ValueError(
            f"limits are {limits}, learning_rate {learning_rate}, l2 {l2} and total_variation "
            f"{total_variation}, but limits that rise, a learning rate above 0 and two numbers of "
            f"at least 0 are needed: begin with limits=(0, 1), learning_rate=0.05, 0 and 0"
        )
    grey = (low + high) / 2
    noise = torch.randn(1, *size, generator=torch.Generator().manual_seed(seed))
    like = next(model.parameters(), noise)
    image = (grey + 0.01 * (high - low) * noise).clamp(low, high).to(like).requires_grad_()
    adam = torch.optim.Adam([image], lr=learning_rate, maximize=True)
    with _random_kept(image), torch.enable_grad(), record(model, layer) as outputs:
        for _ in range(steps):
            model(image.clone())
            goal = _activation(outputs, layer, channel) - l2 * ((image - grey) ** 2).sum()
            if total_variation:
                goal = goal - total_variation * sum(image.diff(dim=d).abs().sum() for d in (2, 3))
            (image.grad,) = torch.autograd.grad(goal, image)
            adam.step()
            with torch.no_grad():
                image.clamp_(low, high)
    return image.detach()[0]


def _keep(outputs: dict[str, Tensor], layer: str):
    """A hook that keeps the output; the network goes on with a copy, which it may change."""

    def hook(part: nn.Module, inputs: tuple, output: Tensor) -> Tensor:
        if not isinstance(output, Tensor):
            raise TypeError(
                f"the output of layer {layer!r} is a {type(output).__name__}, but a tensor is "
                f"needed: choose a layer inside it"
            )
        outputs[layer] = output
        return output.clone()

    return hook


def _part(model: nn.Module, layer: str) -> nn.Module:
    """The part of the network that has this name."""
    if not isinstance(layer, str):
        raise TypeError(
            f"the layer is a {type(layer).__name__}, but its name is needed: "
            f"choose one from model.named_modules()"
        )
    parts = dict(model.named_modules(remove_duplicate=False))
    if layer not in parts:
        names = [name for name in parts if name]
        shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
        raise ValueError(
            f"the network has no layer {layer!r}, but a name from model.named_modules() is "
            f"needed: choose one of {shown}"
        )
    return parts[layer]


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside; afterwards each part is in the mode in which it came."""
    modes = [(part, part.training) for part in model.modules()]
    try:
        model.eval()
        yield
    finally:
        for part, training in modes:
            part.training = training


def _random_kept(images: Tensor):
    """Random numbers that the network draws inside are given back."""
    return torch.random.fork_rng([images.device] if images.is_cuda else [])


def _maps(outputs: dict[str, Tensor], layer: str) -> Tensor:
    """The recorded output of a layer that has rows and columns, (N, c, h, w)."""
    if layer not in outputs:
        raise ValueError(
            f"layer {layer!r} did not run, but a layer on the way to the logits is needed: "
            f"choose one that the network's forward calls"
        )
    if outputs[layer].ndim != 4:
        raise ValueError(
            f"the output of layer {layer!r} has shape {tuple(outputs[layer].shape)}, but feature "
            f"maps (N, C, h, w) are needed: choose a convolution, or a layer after one"
        )
    return outputs[layer]


def _logits_of(logits: Tensor, target: Tensor | int) -> Tensor:
    """(N, K) → the logit of its class for each picture, (N,)."""
    _check_logits(logits)
    target = _classes(target, *logits.shape).to(logits.device)
    return logits.gather(1, target[:, None])[:, 0]


def _check_logits(logits: Tensor) -> None:
    """Refuse what is no row of logits for each picture."""
    if not isinstance(logits, Tensor) or logits.ndim != 2:
        came = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ValueError(
            f"the network gives {came}, but logits (N, K) are needed: "
            f"wrap it in a module that gives one row of logits a picture"
        )


def _classes(target: Tensor | int, number: int, classes: int) -> Tensor:
    """One class for each of `number` pictures, (N,) int64."""
    target = torch.as_tensor(target)
    if target.is_floating_point() or target.is_complex() or target.dtype == torch.bool:
        raise TypeError(
            f"the target is {target.dtype}, but whole numbers are needed: "
            f"give class indices, such as logits.argmax(dim=1)"
        )
    if target.ndim == 0:
        target = target.expand(number)
    if target.shape != (number,):
        raise ValueError(
            f"the target has shape {tuple(target.shape)}, but ({number},) is needed for "
            f"{number} pictures: give one class for each, or one number for all"
        )
    if number and (target.min() < 0 or target.max() >= classes):
        raise ValueError(
            f"the target has classes from {target.min()} to {target.max()}, but 0 to "
            f"{classes - 1} are needed: look at the order of the {classes} logits"
        )
    return target.long()


def _check_images(images: Tensor) -> None:
    """Refuse what is no batch of pictures."""
    if not isinstance(images, Tensor) or not images.is_floating_point():
        came = images.dtype if isinstance(images, Tensor) else type(images).__name__
        raise TypeError(
            f"the pictures are {came}, but a tensor of floating point numbers is needed: "
            f"prepare them as for the network, uint8 first by images.float() / 255"
        )
    if images.ndim != 4:
        raise ValueError(
            f"the pictures have shape {tuple(images.shape)}, but (N, C, H, W) is needed: "
            f"a single picture (C, H, W) becomes a batch of one by images[None]"
        )


@contextmanager
def _asking(model: nn.Module, images: Tensor) -> Iterator[None]:
    """Evaluation mode, no gradients, and random numbers given back."""
    with _evaluating(model), _random_kept(images), torch.no_grad():
        yield


def _in_batches(model: nn.Module, images: Tensor, batch_size: int) -> Tensor:
    """What the network gives for (N, C, H, W), `batch_size` pictures at a time."""
    return torch.cat([model(part) for part in images.split(batch_size)])


def _scores(
    model: nn.Module,
    changed: Tensor,
    target: Tensor | int,
    batch_size: int,
    softmax: bool = False,
) -> Tensor:
    """The logits (or probabilities) of the N pictures' classes, from b changes of each picture.

    (b, N, C, H, W) → (b, N)
    """
    logits = _in_batches(model, changed.flatten(0, 1), batch_size)  # (b * N, K)
    _check_logits(logits)
    scores = logits.softmax(dim=1) if softmax else logits
    target = _classes(target, changed.shape[1], scores.shape[1]).repeat(len(changed))
    return _logits_of(scores, target).view(changed.shape[:2])


def _share(batch_size: int, images: Tensor) -> int:
    """How many changes of all pictures go into one batch."""
    return max(1, batch_size // max(1, len(images)))


def _windows(size: int, window: int, stride: int, device: torch.device) -> Tensor:
    """Which of `size` rows (or columns) each window covers, (windows, size) bool."""
    if not 1 <= stride <= window <= size:
        raise ValueError(
            f"window {window} and stride {stride} came for {size} pixels, but "
            f"1 ≤ stride ≤ window ≤ {size} is needed: try window={max(1, size // 4)}, "
            f"stride={max(1, size // 8)}"
        )
    start = torch.arange(0, size - window + stride, stride, device=device)[:, None]
    pixel = torch.arange(size, device=device)
    return (start <= pixel) & (pixel < start + window)


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """One number for both directions, or one for each."""
    pair = (value, value) if isinstance(value, int) else value
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise ValueError(
            f"window or stride is {value!r}, but a whole number or two are needed: "
            f"try 8, or (8, 4) for rows and columns"
        )
    _check_counts(window_or_stride=pair[0])
    _check_counts(window_or_stride=pair[1])
    return tuple(pair)


def _segments(segments: Tensor, image: Tensor) -> Tensor:
    """Segments as int64 (H, W), on the picture's device."""
    segments = torch.as_tensor(segments, device=image.device)
    if segments.is_floating_point() or segments.is_complex() or segments.dtype == torch.bool:
        raise TypeError(
            f"the segments are {segments.dtype}, but whole numbers are needed: "
            f"give the number of its segment for each pixel, such as segments.long()"
        )
    if segments.shape != image.shape[1:] or not segments.numel():
        raise ValueError(
            f"the segments have shape {tuple(segments.shape)}, but {tuple(image.shape[1:])} is "
            f"needed: segment this very picture, as (H, W)"
        )
    if segments.min() < 0:
        raise ValueError(
            f"a segment has the number {segments.min()}, but 0 or more is needed: "
            f"count the segments from 0"
        )
    return segments.long()


def _segment_means(image: Tensor, index: Tensor) -> Tensor:
    """The picture with each segment in its mean colour, (C, H, W)."""
    number = index.flatten().bincount()  # pixels of each segment
    total = image.new_zeros(len(image), len(number))
    total.index_add_(1, index.flatten(), image.flatten(1))
    return (total / number)[:, index]


def _check_counts(**counts: int) -> None:
    """Refuse what is no whole number of at least 1."""
    for name, value in counts.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(
                f"{name} is {value!r}, but a whole number of at least 1 is needed: try {name}=64"
            )


def _enlarged(patterns: Tensor, cell: list[int]) -> Tensor:
    """(b, 1, s, s) → (b, 1, s * cell, s * cell), smoothly."""
    size = [patterns.shape[2] * cell[0], patterns.shape[3] * cell[1]]
    return nn.functional.interpolate(patterns, size=size, mode="bilinear", align_corners=False)


def _activation(outputs: dict[str, Tensor], layer: str, channel: int) -> Tensor:
    """The mean of one channel of a recorded layer, a number that depends on the picture."""
    if layer not in outputs:
        raise ValueError(
            f"layer {layer!r} did not run, but one that works on the picture is needed: "
            f"choose one that the network's forward calls"
        )
    output = outputs[layer]
    if output.ndim < 2 or not 0 <= channel < output.shape[1]:
        raise ValueError(
            f"channel {channel} of layer {layer!r} is wanted, whose output has shape "
            f"{tuple(output.shape)}, but a channel of (N, C, …) is needed, from 0 to C−1: choose "
            f"another channel or another layer"
        )
    if not output.requires_grad:
        raise ValueError(
            f"the output of layer {layer!r} has no gradient, but a way back to the picture is "
            f"needed: choose a layer on it, and look for detach() or no_grad() before the layer"
        )
    return output[:, channel].mean()
