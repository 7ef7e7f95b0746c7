"""`resume`: a new execution that takes over from an earlier one what is provably unchanged.

`plan` decides, pure, step by step; `carry` takes files and logs over; `start` puts both to work.
Called by `engine.server.resume_routes`.
"""
