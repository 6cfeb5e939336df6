"""`python -m ganinv_jax VERB …` is `ganinv VERB …`."""

import sys

from ganinv_jax.cli.main import main

sys.exit(main())
