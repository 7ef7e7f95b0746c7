"""Alerts: who is told what. Decided with the ends that cause them, delivered beside everything."""
