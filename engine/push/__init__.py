"""A flow's file to a server: checked against that server, written whole, former versions kept."""
