"""Reading the configuration: files become a tree with places, the tree becomes desired resources."""
