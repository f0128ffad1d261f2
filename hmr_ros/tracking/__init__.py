"""Identity over time: association, track states, smoothing on the rotation group."""
