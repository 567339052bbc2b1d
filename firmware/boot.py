"""What the board runs first: room for the radio before anything else takes memory."""

import gc

gc.collect()
gc.threshold(16384)
