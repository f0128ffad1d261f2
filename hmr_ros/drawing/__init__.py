"""Pictures and files for people to look at: overlays, colours, GLB meshes."""
