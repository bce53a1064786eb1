"""Times one network or one convolution on PyTorch and prints JSON. compare.py runs it, in a fresh process each time.

Its argument is a JSON object: {"library": "torch", "arm": "p4", "batch": …, "threads": …, "repeats": …}; "skeleton" and
its base "width" beside them mean one of the larger networks, and "convolution": [in maps, out maps, kernel, size,
padding] instead of the arm a single convolution; {} gives versions.
"""

import json
import os
import statistics
import sys
import time

import torch
import torch.nn.functional as F

from nets import NETS
from skeletons import SKELETONS, STEERABLE, steerable_repeatnet

WARM_UP = 3


def time_ms(action, repeats):
    for _ in range(WARM_UP):
        action()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(1e3 * (time.perf_counter() - start))
    return {"median_ms": statistics.median(times), "min_ms": min(times), "max_ms": max(times), "repeats": repeats}


def network(job):
    """The network that is meant, and the shape of its images."""
    if "study" in job:
        return steerable_repeatnet(*STEERABLE[job["arm"]]), (1, 29, 29)
    if "skeleton" in job:
        shape, build = SKELETONS[job["skeleton"]]
        return build(job["width"]), shape
    return NETS[job["library"], job["arm"]](), (1, 28, 28)


def time_net(job):
    batch, repeats = job["batch"], job["repeats"]
    rate = sgemm_gflops()  # first, so that its matrices don't add to the most memory that the process has
    net, shape = network(job)
    images, labels = torch.randn(batch, *shape), torch.randint(0, 10, (batch,))
    optimiser = torch.optim.Adam(net.parameters(), 1e-3)

    def step():
        optimiser.zero_grad()
        F.cross_entropy(net(images), labels).backward()
        optimiser.step()

    result = {"parameters": sum(p.numel() for p in net.parameters()), "step": time_ms(step, repeats)}
    net.eval()
    with torch.no_grad():
        result["inference"] = time_ms(lambda: net(images), repeats)
        if job["arm"] == "p4":  # guards against timing something that is not a p4 network
            torch.testing.assert_close(net(images.rot90(1, (2, 3))), net(images), rtol=1e-3, atol=1e-3)
    return result | {"sgemm_gflops": rate}


def sgemm_gflops(size=2048):
    a, b = torch.randn(size, size), torch.randn(size, size)
    return 2e-6 * size**3 / time_ms(lambda: a @ b, 5)["median_ms"]


@torch.no_grad()
def time_convolution(in_maps, out_maps, kernel, size, padding, batch, repeats):
    images, filters = torch.randn(batch, in_maps, size, size), torch.randn(out_maps, in_maps, kernel, kernel)
    gradient = torch.randn_like(F.conv2d(images, filters, padding=padding))

    def backward(*wanted):
        geometry = [1, 1], [padding, padding], [1, 1], False, [0, 0], 1
        torch.ops.aten.convolution_backward(gradient, images, filters, None, *geometry, wanted)

    return {
        "forward": time_ms(lambda: F.conv2d(images, filters, padding=padding), repeats),
        "input_gradient": time_ms(lambda: backward(True, False, False), repeats),
        "filter_gradient": time_ms(lambda: backward(False, True, False), repeats),
    }


def versions():
    found = {"torch": torch.__version__, "torch_instructions": torch.backends.cpu.get_cpu_capability(), "escnn": None}
    try:
        NETS["escnn", "p4"]()
        found["escnn"] = sys.modules["escnn"].__version__
    except Exception as error:  # whatever it fails on, the comparison goes on without it
        found["escnn_error"] = f"{type(error).__name__}: {error}"
    return found


def run(job):
    if not job:
        return versions()
    torch.set_num_threads(job["threads"])
    torch.manual_seed(0)
    if "convolution" in job:
        return time_convolution(*job["convolution"], job["batch"], job["repeats"])
    return time_net(job)


if __name__ == "__main__":
    print(json.dumps(run(json.loads(sys.argv[1]))), flush=True)
    os._exit(0)  # PyTorch's way out takes up to 100 MB, which would count as memory of the network
