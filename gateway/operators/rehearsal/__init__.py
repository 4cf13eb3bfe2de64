"""A day that was recorded, played again behind the same door with other limits."""
