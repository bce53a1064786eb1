"""The networks of Cohen & Welling (2016) on PyTorch, written by hand and with escnn.

Six 3×3 convolutions without padding and bias, each with batch norm and ReLU, a 2×2 max pool after the second, a 4×4
convolution to ten fields or maps, the maximum over group and space: (batch, 1, 28, 28) to (batch, 10).
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

FIELDS = 10
MAPS = 20


class P4Convolution(nn.Module):
    """Rotates its filters, then convolves once: the fast way on PyTorch. Maps are field-major."""

    def __init__(self, in_fields, out_fields, kernel, lifting=False, bias=False):
        super().__init__()
        shape = (in_fields,) if lifting else (in_fields, 4)
        self.weight = nn.Parameter(torch.empty(out_fields, *shape, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out_fields)) if bias else None
        self.lifting = lifting
        nn.init.kaiming_uniform_(self.weight.flatten(1), a=math.sqrt(5))

    def forward(self, x):
        bias = None if self.bias is None else self.bias.repeat_interleave(4)
        return F.conv2d(x, self.filters(), bias)

    def filters(self):
        turned = torch.stack([torch.rot90(self.shifted(turns), turns, (-2, -1)) for turns in range(4)], 1)
        return turned.flatten(2, -3).flatten(0, 1)

    def shifted(self, turns):
        return self.weight if self.lifting else torch.roll(self.weight, turns, 2)


class FieldNorm(nn.BatchNorm3d):
    """Batch norm that the four maps of a field share."""

    def forward(self, x):
        return super().forward(x.unflatten(1, (self.num_features, 4))).flatten(1, 2)


class MaximumPerClass(nn.Module):
    def forward(self, x):
        return x.unflatten(1, (10, -1)).flatten(2).amax(2)


class OnTensors(nn.Module):
    """An escnn network behind plain tensors."""

    def __init__(self, network, wrap, head=lambda x: x.flatten(2).amax(2)):
        super().__init__()
        self.network, self.wrap, self.head = network, wrap, head

    def forward(self, x):
        return self.head(self.network(self.wrap(x)).tensor)


def skeleton(convolution, norm, relu, pool, head):
    layers = []
    for n in range(6):
        layers += [convolution(n), norm(), relu()]
        if n == 1:
            layers.append(pool())
    return nn.Sequential(*layers, *head)


def torch_p4():
    return skeleton(
        lambda n: P4Convolution(FIELDS if n else 1, FIELDS, 3, lifting=n == 0),
        lambda: FieldNorm(FIELDS),
        nn.ReLU,  # in place it is slower: autograd copies when writing through the view that FieldNorm returns
        lambda: nn.MaxPool2d(2),
        [P4Convolution(FIELDS, 10, 4, bias=True), MaximumPerClass()],
    )


def torch_z2():
    return skeleton(
        lambda n: nn.Conv2d(MAPS if n else 1, MAPS, 3, bias=False),
        lambda: nn.BatchNorm2d(MAPS),
        lambda: nn.ReLU(inplace=True),
        lambda: nn.MaxPool2d(2),
        [nn.Conv2d(MAPS, 10, 4), MaximumPerClass()],
    )


def escnn_p4():
    """escnn's basis of 3×3 filters is smaller (14,190 parameters, not 24,620); the convolutions are the same."""
    from escnn import gspaces, nn as enn

    space = gspaces.rot2dOnR2(N=4)
    image = enn.FieldType(space, [space.trivial_repr])
    fields = enn.FieldType(space, FIELDS * [space.regular_repr])
    scores = enn.FieldType(space, 10 * [space.regular_repr])
    network = skeleton(
        lambda n: enn.R2Conv(fields if n else image, fields, kernel_size=3, bias=False),
        lambda: enn.InnerBatchNorm(fields),
        lambda: enn.ReLU(fields, inplace=True),
        lambda: enn.PointwiseMaxPool2D(fields, 2),
        [enn.R2Conv(fields, scores, kernel_size=4), enn.GroupPooling(scores)],
    )
    return OnTensors(network, lambda x: enn.GeometricTensor(x, image))


NETS = {("torch", "p4"): torch_p4, ("torch", "z2"): torch_z2, ("escnn", "p4"): escnn_p4}
