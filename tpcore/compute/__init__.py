"""How things are computed: tiles on the project's own threads, progress, cancellation."""
