"""Studies over many methods: results side by side, samplers, choice of mode, denoising."""
