"""``python -m hmr_ros.cli``: the same as ``hmr``."""

import sys

from hmr_ros.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
