"""Who wears the bands: what is known of them, what of it leaves the store, and how it goes."""
