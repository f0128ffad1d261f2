"""SynOcc: the benchmark of people behind things, drawn on demand from fixed seeds."""
