"""The demo: a camera, the node and a planner as three processes, and what came of it."""
