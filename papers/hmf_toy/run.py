"""The toy study with the numbers of its page.

python -m papers.hmf_toy.run --out results/hmf_toy
"""

import argparse
from pathlib import Path

from errorbar.hmf.studies.toy import read_config, run_toy
from errorbar.hmf.studies.toy.figures import draw_toy

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Compute and draw the toy study.")
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    folder = run_toy(read_config(), parser.parse_args().out)
    draw_toy(folder, folder / "figures")
