"""What is learnt from archives: data files with their provenance, never anything that a fold does itself."""
