"""One module a benchmark of ``hmr bench``: ``SUMMARY``, ``measure(args) -> rows`` and, if it has
options of its own, ``add_arguments(parser)``."""
