"""The toy study with the numbers of its page: `python -m papers.hmf_toy.run results/hmf_toy`."""

import sys
from pathlib import Path

from errorbar.hmf.studies.toy import read_config, run_toy
from errorbar.hmf.studies.toy.figures import draw_toy

if __name__ == "__main__":
    folder = run_toy(read_config(), Path(sys.argv[1]))
    draw_toy(folder, folder / "figures")
