"""What the console paints with: line-API widgets, none of which holds data of its own."""
