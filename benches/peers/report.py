"""What compare.py reports: medians over rounds, the machine, Markdown tables. Standard library only."""

import datetime
import os
import platform
from pathlib import Path
from statistics import median

NAMES = {"torch": "PyTorch", "escnn": "escnn"}
PASSES = ("forward", "input_gradient", "filter_gradient")
# What the project claims: medians of peers' times over ours, and of memory, by arm or skeleton, measure and peer; of
# single convolutions; and for convolutions of 40 to 40 maps the share of the rate of matrix products.
CLAIMED = {("p4", "step", "torch"): 2.5, ("p4", "step", "escnn"): 4.0, ("z2", "step", "torch"): 3.0}
CLAIMED |= {(arm, "inference", peer): 2.0 for arm in ("p4", "z2") for peer in NAMES}
LARGER = {"step": 1.5, "inference": 1.5, "memory": 1.0}
SKELETONS = ("vgg11", "resnet16-cifar", "repeatnet2021")
CLAIMED |= {(skeleton, measure, "torch"): LARGER[measure] for skeleton in SKELETONS for measure in LARGER}
CLAIMED |= {(arm, "step", "escnn"): 1.7 for arm in ("c4", "c8")}
CLAIMED_OF_CONVOLUTIONS = 1.0
CLAIMED_SHARE = 0.6
# Variables that keep us, PyTorch's own kernels and those of oneDNN from using all vectors that the processor has.
LIMITS = ("EQUISPLIT_SIMD", "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA")


def rows(results):
    """One row for each measure of each entry: medians over rounds and, for peers, ratios to ours of the same round."""
    return [
        entry | {"measure": measure} | summarise(runs, measure)
        for entry, runs in results
        for measure in measures(entry, runs)
    ]


def measures(entry, runs):
    """Memory is told of larger networks only: of the small ones PyTorch itself takes more than its network."""
    if "arm" not in entry:
        return PASSES
    is_large = not {"skeleton", "study"}.isdisjoint(entry)
    tell_memory = is_large and all(run["peak_mb"] is not None for rounds in runs.values() for run in rounds)
    return ("step", "inference") + (("memory",) if tell_memory else ())


def unit(measure):
    return "mb" if measure == "memory" else "ms"


def summarise(runs, measure):
    def found(result):
        return result["peak_mb"] if measure == "memory" else result[measure]["median_ms"]

    rounds = {who: [found(result) for result in results] for who, results in runs.items()}
    median_of, rounds_of = f"median_{unit(measure)}", f"rounds_{unit(measure)}"
    summary = {who: {median_of: median(values), rounds_of: values} for who, values in rounds.items()}
    for peer in runs.keys() & NAMES:
        ratios = [theirs / ours for theirs, ours in zip(rounds[peer], rounds["equisplit"])]
        summary[peer]["ratio"] = {"median": median(ratios), "min": min(ratios), "max": max(ratios)}
    return summary


def sgemm(nets):
    """Each side's rate of large matrix products, the median over all that it measured."""
    sides = sorted({who for _, runs in nets for who in runs})
    rates = {who: [result["sgemm_gflops"] for _, runs in nets for result in runs.get(who, [])] for who in sides}
    return {who: median(found) for who, found in rates.items()}


def checked(results):
    """How many of the claims hold, those that don't, and what wasn't measured."""
    ratios = [
        (f"{label(row)}, {row['measure']}: {NAMES[peer]}", row[peer]["ratio"]["median"], claimed)
        for row in results["nets"] + results["large_nets"] + results["convolutions"]
        for peer in row.keys() & NAMES
        if (claimed := claim(row, peer))
    ]
    of_sgemm = [
        (f"{row['name']}, {measure}: sgemm", row[measure], CLAIMED_SHARE)
        for row in results["shares_of_sgemm"]
        if row["convolution"][:2] == [40, 40]
        for measure in PASSES
    ]
    missed = [f"{what} {found:.2f} of {claimed}" for what, found, claimed in ratios + of_sgemm if found < claimed]
    parts = {"small networks": results["nets"], "larger networks": results["large_nets"]}
    parts |= {"escnn": results["versions"]["escnn"], "single convolutions": results["convolutions"], "shares": of_sgemm}
    if results["large_nets"]:
        parts["memory"] = [row for row in results["large_nets"] if row["measure"] == "memory"]
    unmeasured = [what for what, measured in parts.items() if not measured]
    return len(ratios) + len(of_sgemm) - len(missed), missed, unmeasured


def claim(row, peer):
    if "arm" not in row:
        return CLAIMED_OF_CONVOLUTIONS
    return CLAIMED.get((row.get("skeleton", row["arm"]), row["measure"], peer))


def machine():
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": cpu_field("model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "instructions": [flag for flag in cpu_field("flags").split() if flag.startswith(("avx", "fma", "amx"))],
        "limits": {name: os.environ[name] for name in LIMITS if name in os.environ},
        "os": platform.platform(),
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def cpu_field(name):
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def markdown(results):
    parts = [heading(**results)]
    if nets := results["nets"]:
        parts += [f"Networks, batch {nets[0]['batch']}:", table("arm", nets)]
    if large := results["large_nets"]:
        parts += [large_heading(large, results["torch_alone_mb"]), table("network", large)]
    if shapes := results["convolutions"]:
        parts += [f"Single convolutions, batch {shapes[0]['batch']}:", table("convolution", shapes)]
    if shares := results["shares_of_sgemm"]:
        parts += ["Share of the rate of matrix products, on one thread:", share_table(shares)]
    return "\n\n".join(parts)


def heading(machine, versions, settings, sgemm_gflops, **_):
    vectors = ", ".join(flag for flag in ("avx2", "avx512f") if flag in machine["instructions"])
    limits = "".join(f", {name}={value}" for name, value in machine["limits"].items())
    escnn = versions["escnn"] or f"left out ({versions['escnn_error']})"
    rates = ", ".join(f"{NAMES.get(who, who)} {rate:.0f}" for who, rate in sorted(sgemm_gflops.items()))
    peers = f"PyTorch {versions['torch']}" + (f", escnn {escnn}" if settings["nets"] != "large" else "")
    return (
        f"{machine['cpu']}, {machine['cores']} cores ({vectors or 'no AVX2'}{limits}), {machine['os']}, {machine['date']}. "
        f"{peers}. {settings['threads']} threads, f32. sgemm: {rates} GFLOP/s.\n\n"
        "Medians over rounds, in ms. Ratios are peer / equisplit, above 1 where equisplit is faster, with the least "
        "and the greatest round."
    )


def large_heading(rows, torch_alone_mb):
    heading = f"Larger networks, batch {rows[0]['batch']}."
    if torch_alone_mb is None:
        return heading
    return f"{heading} Memory is the most that a process had; PyTorch's without a network {torch_alone_mb:.0f} MB."


def label(row):
    if "study" in row:
        return f"{row['arm']} of {row['study']}"
    if "skeleton" in row:
        return f"{row['skeleton']}, base {row['width']:.4g}"
    if "arm" in row:
        return row["arm"]
    in_maps, out_maps, kernel, size, padding = row["convolution"]
    return f"{in_maps} → {out_maps} maps, {kernel}×{kernel}, {size}×{size} pixels, padding {padding}"


def table(title, rows):
    peers = [peer for peer in NAMES if any(peer in row for row in rows)]
    head = [title, "measure", "equisplit"] + [cell for peer in peers for cell in (NAMES[peer], f"ratio {NAMES[peer]}")]
    lines = [head, ["---", "---"] + ["---:"] * (len(head) - 2)]
    for row in rows:
        cells = [median_cell(row, "equisplit")] + [cell for peer in peers for cell in peer_cells(row, peer)]
        lines.append([label(row), row["measure"].replace("_", " "), *cells])
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def share_table(rows):
    head = ["convolution", *(measure.replace("_", " ") for measure in PASSES)]
    lines = [head, ["---"] + ["---:"] * len(PASSES)]
    lines += [[f"{row['name']}: {label(row)}", *(f"{row[measure]:.0%}" for measure in PASSES)] for row in rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def peer_cells(row, peer):
    if peer not in row:
        return ["–", "–"]
    ratio = row[peer]["ratio"]
    return [median_cell(row, peer), f"{ratio['median']:.2f} [{ratio['min']:.2f}, {ratio['max']:.2f}]"]


def median_cell(row, who):
    return f"{row[who]['median_ms']:.2f}" if unit(row["measure"]) == "ms" else f"{row[who]['median_mb']:.0f} MB"
