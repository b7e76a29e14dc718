"""What `gpucore doctor` looks at, each check within a deadline; and the bundle for support."""
