"""The pure core: states and events in, events and commands out. Knows no clock, disk or socket."""
