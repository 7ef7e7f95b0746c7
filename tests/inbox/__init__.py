"""The inbox: what is alike, what comes, leaves and comes back, what people do with it."""
