#!/usr/bin/env python3
"""Times equisplit against PyTorch and escnn: the same networks, on the same cores, in turns.

    cargo build --release
    python3 benches/peers/compare.py --out peers.json

The first run makes a virtual environment and installs PyTorch and escnn from PyPI (3 GB to fetch). Nothing else is
needed but Python 3.11 or 3.12; on other versions escnn may be left out. Every measurement is a fresh process; run the
script under `taskset -c 0,1` to choose the cores. The table goes to standard output, progress to standard error.

`--nets large` times larger networks instead, against PyTorch only, and what memory they take; `--nets steerable` the
rot-MNIST networks of Chavan et al. (2021) over C4 and C8 against escnn; `--nets all` all of them.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import report

HERE = Path(__file__).resolve().parent
PROGRAM = HERE.parent.parent / "target/release/equisplit"
# in maps, out maps, kernel, size, padding
SHAPES = [(64, 64, 7, 25, 3), (64, 128, 5, 25, 2), (128, 128, 3, 25, 1)]
SHAPES += [(128, 128, 5, 12, 2), (128, 256, 3, 12, 1), (256, 256, 3, 6, 1)]
SHAPE_BATCH = 32
# skeleton, base width, parameters that both sides must have: only then are they the same network
LARGE = [("vgg11", 64, 9_416_010), ("resnet16-cifar", 16, 175_258), ("resnet16-cifar", 64, 2_749_786)]
LARGE += [("repeatnet2021", 32 / 2**0.5, 340_309), ("repeatnet2021", 64, 2_767_163)]
# arm, study that has it, parameters
STEERABLE = [("c4", "repeatnet2021", 304_154), ("c8", "repeatnet2021-c8", 305_098)]
BUSY = 0.5


def note(text):
    print(text, file=sys.stderr, flush=True)


def run_json(command, threads=1):
    """What a command prints, as JSON, and the most memory that it had, in MB."""
    command = [str(part) for part in command]
    counts = {f"{library}_NUM_THREADS": str(threads) for library in ("OMP", "MKL", "OPENBLAS", "RAYON")}
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as messages:
        with subprocess.Popen(command, stdout=output, stderr=messages, env=os.environ | counts) as process:
            peak_mb = wait(process)
        output.seek(0)
        messages.seek(0)
        printed, said = output.read(), messages.read()
    if process.returncode != 0:
        last = (said.strip() or "no message").splitlines()[-1]
        sys.exit(f"error: `{' '.join(command)}` failed: {last}")
    try:
        return json.loads(printed), peak_mb
    except ValueError:
        sys.exit(f"error: `{' '.join(command)}` did not print JSON, but {printed[:200]!r}")


def wait(process):
    """Waits for the end of a process. Returns the most memory that it had, in MB; null where the system doesn't tell.

    Only `wait4` tells it of one process alone; others give the most of all processes so far.
    """
    if not hasattr(os, "wait4"):
        process.wait()
        return None
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def python_of(folder):
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def prepare(folder, with_escnn):
    """Makes the virtual environment where it is missing. Returns versions; escnn's is null where it can't be had."""
    if not python_of(folder).exists():
        note(f"making a virtual environment in {folder}")
        venv.create(folder, with_pip=True)
    if not install(folder, "requirements.txt"):
        sys.exit("error: PyTorch could not be installed; pip's messages above say why")
    if with_escnn:
        install(folder, "requirements-escnn.txt", "--no-deps")
    return run_json([python_of(folder), HERE / "peer.py", "{}"])[0]


def install(folder, requirements, *options):
    wanted = (HERE / requirements).read_text()
    stamp = folder / f"{requirements}.installed"
    if not stamp.exists() or stamp.read_text() != wanted:
        note(f"installing {requirements}")
        pip = [python_of(folder), "-m", "pip", "install", "--quiet", *options, "-r", HERE / requirements]
        if subprocess.run(pip, stdout=sys.stderr).returncode != 0:
            return False
        stamp.write_text(wanted)
    return True


def measure(who, entry, args):
    if who == "equisplit":
        command = [args.equisplit, "bench", *ours(entry), "--batch", entry["batch"], "--threads", args.threads]
        command += ["--repeats", args.repeats, "--json"]
    else:
        job = entry | {"library": who, "threads": args.threads, "repeats": args.repeats}
        command = [python_of(args.venv), HERE / "peer.py", json.dumps(job)]
    result, peak_mb = run_json(command, args.threads)
    wanted, found = entry.get("parameters"), result.get("parameters")
    if None not in (wanted, found) and wanted != found:
        sys.exit(f"error: {report.label(entry)} of {who} has {found:,} parameters, not {wanted:,}")
    return result | {"peak_mb": peak_mb}


def ours(entry):
    """How our program is told what to time; without the layers, as far as memory counts, since they take some too."""
    if "convolution" in entry:
        return ["--convolution", ",".join(map(str, entry["convolution"]))]
    if "study" in entry:
        study = HERE.parent.parent / f"experiments/{entry['study']}.toml"
        return [study, "--arm", entry["arm"], "--no-layers", "--device", "cpu"]
    large = ["--skeleton", entry["skeleton"], "--width", entry["width"], "--no-layers"] if "skeleton" in entry else []
    return ["--arm", entry["arm"], *large, "--device", "cpu"]


def contest(entries, rounds, args):
    """Measures every contestant of every entry once a round, in turns: [(entry, {contestant: [result, …]})]."""
    results = [(entry, {who: [] for who in contestants}) for entry, contestants in entries]
    for n in range(rounds):
        for entry, runs in results:
            for who in runs:
                note(f"round {n + 1}/{rounds}: {report.label(entry)} {who}")
                runs[who].append(measure(who, entry, args))
    return results


def shares(args):
    """What every pass of the convolutions of the p4 network reaches of the rate of matrix products, on one thread."""
    if "EQUISPLIT_SIMD" in os.environ:
        note("no rates of convolutions: EQUISPLIT_SIMD doesn't limit the matrix products")
        return []
    note("convolutions on one thread")
    result, _ = run_json([args.equisplit, "bench", "--arm", "p4", "--device", "cpu", "--threads", 1, "--json"])
    keys = ("in_maps", "out_maps", "kernel", "size", "padding")
    return [
        {"name": row["name"], "convolution": [row["convolution"][key] for key in keys]}
        | dict(zip(report.PASSES, (rate / result["sgemm_gflops"] for rate in row["gflops"])))
        for row in result["convolutions"]
    ]


def small_nets(versions, args):
    p4 = ["equisplit", "torch"] + (["escnn"] if versions["escnn"] else [])
    return [({"arm": "p4", "batch": args.batch}, p4), ({"arm": "z2", "batch": args.batch}, ["equisplit", "torch"])]


def large_nets(args):
    keys = ("skeleton", "width", "parameters")
    entries = [{"arm": "z2", "batch": args.large_batch} | dict(zip(keys, network)) for network in LARGE]
    return [(entry, ["equisplit", "torch"]) for entry in entries]


def steerable_nets(versions, args):
    keys = ("arm", "study", "parameters")
    entries = [{"batch": args.large_batch} | dict(zip(keys, network)) for network in STEERABLE]
    return [(entry, ["equisplit", "escnn"]) for entry in entries] if versions["escnn"] else []


def torch_alone_mb(args):
    """What memory PyTorch takes before there's a network: most of what a small one takes."""
    alone = "import os, torch; print('null', flush=True); os._exit(0)"  # as peer.py ends
    return run_json([python_of(args.venv), "-c", alone])[1]


def compare(args):
    machine = report.machine()
    if (machine["load_before"] or 0) > BUSY:
        note(f"warning: this machine is busy (load {machine['load_before']:.1f}); PyTorch suffers most from it")
    small, large, steerable = (args.nets in (nets, "all") for nets in ("small", "large", "steerable"))
    versions = prepare(args.venv, with_escnn=small or steerable)
    nets = contest(small_nets(versions, args) if small else [], args.rounds, args)
    larger = (large_nets(args) if large else []) + (steerable_nets(versions, args) if steerable else [])
    larger = contest(larger, args.rounds, args)
    shapes = SHAPES if small and not args.skip_shapes else []
    shapes = [({"convolution": shape, "batch": SHAPE_BATCH}, ["equisplit", "torch"]) for shape in shapes]
    shapes = contest(shapes, args.shape_rounds, args)
    settings = ("nets", "rounds", "shape_rounds", "repeats", "threads", "batch", "large_batch")
    return {
        "machine": machine,
        "versions": versions,
        "settings": {name: getattr(args, name) for name in settings},
        "sgemm_gflops": report.sgemm(nets + larger),
        "nets": report.rows(nets),
        "large_nets": report.rows(larger),
        "torch_alone_mb": torch_alone_mb(args) if large else None,
        "convolutions": report.rows(shapes),
        "shares_of_sgemm": shares(args) if small else [],
    }


def check(results):
    held, missed, unmeasured = report.checked(results)
    if not held and not missed:
        sys.exit("error: nothing was measured that anything is claimed of")
    note(f"{held} medians are as claimed" + "".join(f"; not measured: {what}" for what in unmeasured))
    if missed:
        sys.exit("error: less than claimed: " + "; ".join(missed))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--equisplit", type=Path, default=PROGRAM, help="our program")
    parser.add_argument("--venv", type=Path, default=HERE / ".venv", help="folder of the virtual environment")
    nets = ("small", "large", "steerable", "all")
    parser.add_argument("--nets", choices=nets, default="small", help="which networks")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--shape-rounds", type=int, default=3, help="rounds of the single convolutions")
    parser.add_argument("--repeats", type=int, default=20, help="repeats that a time is the median of")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--large-batch", type=int, default=64, help="batch of the larger networks")
    parser.add_argument("--skip-shapes", action="store_true", help="networks only, no single convolutions")
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="also write everything as JSON")
    parser.add_argument("--check", action="store_true", help="fail if a median is less than what the project claims")
    args = parser.parse_args()
    if min(args.rounds, args.shape_rounds, args.repeats, args.threads, args.batch, args.large_batch) < 1:
        parser.error("numbers must be at least 1")
    if not args.equisplit.is_file():
        sys.exit(f"error: no program at {args.equisplit}: run `cargo build --release` first, or name it by --equisplit")
    if args.out and not args.out.resolve().parent.is_dir():
        sys.exit(f"error: no folder {args.out.resolve().parent} to write {args.out} into")
    args.equisplit = args.equisplit.resolve()
    return args


def main():
    args = arguments()
    results = compare(args)
    print(report.markdown(results))
    if args.out:
        args.out.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
        note(f"wrote {args.out}")
    if args.check:
        check(results)


if __name__ == "__main__":
    try:
        main()
    except (OSError, subprocess.SubprocessError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted")
