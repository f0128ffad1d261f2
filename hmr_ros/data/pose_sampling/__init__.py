"""How poses of each kind are drawn; ``hmr_ros.data.poses`` puts them together."""
