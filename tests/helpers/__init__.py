"""What several tests share: small models, dancers, songs and stores, and the programs that tests start."""
