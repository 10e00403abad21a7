"""Labels, as those who print and scan them have them."""
