"""What a user holds after a question: counts, regions, atlases."""
