"""State -> tpcore -> results: the one place of the app that computes, and that imports tpcore."""
