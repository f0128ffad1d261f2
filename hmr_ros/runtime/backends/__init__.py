"""What runs a graph: one small interface, a module for each library that can."""
