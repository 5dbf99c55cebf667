"""The limit of any program by particles: coordinates are quasi-random points, matrices act in orthonormal bases."""
