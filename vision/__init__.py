"""What is seen: frames with times in, sightings out; no file, clock, network or thread."""
