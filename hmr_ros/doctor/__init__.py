"""Is this installation complete, and if not, what is to be done? Behind ``hmr doctor``."""
