"""Larger plain networks on PyTorch: those of equisplit's skeletons, made of the same layers and the same base width.

A skeleton's widths are factors on its base width, rounded down, so that one base gives both sides the same network.
"""

from torch import nn

CLASSES = 10


class Mean(nn.Module):
    """The mean over the pixels."""

    def forward(self, x):
        return x.mean((2, 3))


class Block(nn.Module):
    """Two convolutions, with what entered them added; a 1×1 convolution brings that to their shape where it differs."""

    def __init__(self, in_maps, maps, stride):
        super().__init__()
        first = convolution(in_maps, maps, 3, nn.ReLU, padding=1, stride=stride)
        self.branch = nn.Sequential(*first, *convolution(maps, maps, 3, padding=1))
        same = in_maps == maps and stride == 1
        self.shortcut = nn.Sequential(*([] if same else convolution(in_maps, maps, 1, stride=stride)))
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.activation(self.branch(x) + self.shortcut(x))


def convolution(in_maps, maps, kernel, activation=None, bias=False, **window):
    layers = [nn.Conv2d(in_maps, maps, kernel, bias=bias, **window), nn.BatchNorm2d(maps)]
    return layers + ([activation(inplace=True)] if activation else [])


def vgg11(base):
    layers, maps = [], 3
    for factor in (1, 2, 4, 8, 8):
        for _ in range(2):
            layers += convolution(maps, maps := int(factor * base), 3, nn.ReLU, bias=True, padding=1)
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, Mean(), nn.Linear(maps, CLASSES))


def resnet16_cifar(base):
    """The first convolution has 16 maps whatever the base is."""
    layers, maps = convolution(3, 16, 3, nn.ReLU, padding=1), 16
    for factor, stride in ((1, 1), (2, 2), (4, 2)):
        layers.append(Block(maps, maps := int(factor * base), stride))
        layers.append(Block(maps, maps, 1))
    return nn.Sequential(*layers, Mean(), nn.Linear(maps, CLASSES))


def repeatnet2021(base):
    first, second, third, fourth, last, hidden = (int(factor * base) for factor in (1, 1.5, 2, 3, 4, 8**0.5))
    layers = [
        *convolution(1, first, 7, nn.ELU, padding=1),
        *convolution(first, second, 5, nn.ELU, padding=2),
        nn.MaxPool2d(2),
        *convolution(second, third, 5, nn.ELU, padding=2),
        *convolution(third, third, 5, nn.ELU, padding=2),
        nn.MaxPool2d(2),
        *convolution(third, fourth, 5, nn.ELU, padding=2),
        *convolution(fourth, last, 5, nn.ELU),
    ]
    head = [nn.Linear(last, hidden), nn.BatchNorm1d(hidden), nn.ELU(inplace=True), nn.Linear(hidden, CLASSES)]
    return nn.Sequential(*layers, Mean(), *head)


def steerable_repeatnet(turns, fields):
    """The network of `repeatnet2021` over C_N with escnn: fields of six convolutions."""
    from escnn import gspaces, nn as enn

    from nets import OnTensors

    space = gspaces.rot2dOnR2(N=turns)
    image = enn.FieldType(space, [space.trivial_repr])
    layers, before = [], image
    for n, (count, kernel, padding) in enumerate(zip(fields, (7, 5, 5, 5, 5, 5), (1, 2, 2, 2, 2, 0))):
        after = enn.FieldType(space, count * [space.regular_repr])
        layers += [enn.R2Conv(before, after, kernel, padding=padding, bias=False), enn.InnerBatchNorm(after)]
        layers.append(enn.ELU(after, inplace=True))
        if n in (1, 3):
            layers.append(enn.PointwiseMaxPool2D(after, 2))
        before = after
    wrap, pool = lambda x: enn.GeometricTensor(x, image), lambda x: x.mean((2, 3)).unflatten(1, (-1, turns)).amax(2)
    body = OnTensors(enn.SequentialModule(*layers), wrap, pool)
    hidden = 64
    head = [nn.Linear(fields[-1], hidden), nn.BatchNorm1d(hidden), nn.ELU(inplace=True), nn.Linear(hidden, CLASSES)]
    return nn.Sequential(body, *head)


# Fields of the networks of Chavan et al. (2021) over C4 and C8.
STEERABLE = {"c4": (4, (16, 24, 32, 32, 48, 64)), "c8": (8, (11, 17, 23, 23, 34, 45))}

# Shape of the images, and what makes the network of a base width.
SKELETONS = {
    "vgg11": ((3, 32, 32), vgg11),
    "resnet16-cifar": ((3, 32, 32), resnet16_cifar),
    "repeatnet2021": ((1, 29, 29), repeatnet2021),
}
