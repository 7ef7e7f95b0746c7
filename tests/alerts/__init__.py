"""Alerts: rules, deliveries to real servers, what people do with them."""
