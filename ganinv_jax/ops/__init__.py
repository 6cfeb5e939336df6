"""Image operations of StyleGAN2, a folder each: `api` chooses among implementations, `reference` says what is meant."""
