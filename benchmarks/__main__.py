"""`python -m benchmarks [speed|grid|compile|factors|peers|all]`."""

import argparse
import os

# Before NumPy and PyTensor read them: one thread on each side.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument(
        "part", nargs="?", default="all", help="speed, grid, compile, factors, peers or all"
    )
    parser.add_argument("--model", default="single,joint")
    parser.add_argument("--n", default="10,50,100")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--samplers", default="pymc,rebuilt,nutpie")
    asked = parser.parse_args()
    if asked.part in ("factors", "all"):
        from benchmarks.factors import end_to_end, first_call, inference, passes

        print(first_call(), flush=True)
        print("\n| rank | an iteration by | wall | cpu | ratio, cpu |\n|---|---|---|---|---|")
        print("\n".join(passes([5, 10, 15], asked.rounds)), flush=True)
        print("\n| rank | ten weightings by | wall | cpu | ratio, cpu |\n|---|---|---|---|---|")
        print("\n".join(inference([5, 10], asked.rounds)), flush=True)
        print(
            "\n| rank | scale | baseline reaches | iterations, wall / cpu | errorbar from "
            "| reaches | iterations, wall / cpu | ratio, wall | cpu |\n"
            "|---|---|---|---|---|---|---|---|---|"
        )
        print("\n".join(end_to_end([(5, 3.0), (7, 5.0)])), flush=True)
    if asked.part in ("peers", "all"):
        from benchmarks.factor_peers import inference_to_rest, memory, peers, precision, threads

        print(f"\n{memory()}", flush=True)
        print("\n| fitted by | wall | cpu | cpu, ratio | degrees to the truth |")
        print("|---|---|---|---|---|")
        print("\n".join(peers()), flush=True)
        print("\n| rank | to rest by | wall | cpu | ratio, cpu | rows off | farthest, in errors |")
        print("|---|---|---|---|---|---|---|")
        print("\n".join(inference_to_rest([5, 10])), flush=True)
        print("\n| rank | scale | objective, float64 | float32, relative |\n|---|---|---|---|")
        print("\n".join(precision([(5, 3.0), (7, 5.0)])), flush=True)
        print("\n| rank | pass in | one thread, wall | two | ratio |\n|---|---|---|---|---|")
        print("\n".join(threads([5, 10], asked.rounds)), flush=True)
    if asked.part in ("compile", "all"):
        from benchmarks.compile import first_calls

        print("| model | code | import, wall | cpu | first fit, wall | cpu |")
        print("|---|---|---|---|---|---|")
        print("\n".join(first_calls()), flush=True)
    if asked.part in ("grid", "all"):
        from benchmarks.grid import whole_design

        print("\n| model | surveys | wall | cpu |\n|---|---|---|---|")
        print("\n".join(whole_design(asked.rounds)), flush=True)
    if asked.part in ("speed", "all"):
        from benchmarks.speed import compare

        print("\n| model | N | by | wall | cpu | ratio, wall | ratio, cpu |")
        print("|---|---|---|---|---|---|---|", flush=True)
        for model in asked.model.split(","):
            for n in asked.n.split(","):
                rows = compare(model, int(n), asked.rounds, asked.samplers.split(","))
                print("\n".join(rows), flush=True)


if __name__ == "__main__":
    main()
