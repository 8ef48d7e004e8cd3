"""`python -m ministack_launcher`: closes MiniStack's gaps, then serves."""

import sys

from ministack_launcher import launcher

if __name__ == "__main__":
    sys.exit(launcher.main())
