"""`python -m hemapilots`."""

import sys

from hemapilots.cli import main

sys.exit(main())
