"""`python -m bot` is `dataset-bot`."""

import sys

from bot.cli import main

sys.exit(main())
