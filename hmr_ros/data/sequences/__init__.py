"""Films: people who move in a world, a camera that moves too, and the truth of both."""
